use redlock_core::Instant;

use super::Slot;

/// The slots of a store by the time at which they expire: a binary heap of their numbers. Each slot knows its place in
/// it, so that any of them can leave or move in logarithmic time.
#[derive(Default)]
pub(super) struct Order {
    heap: Vec<u32>,
    /// No slot expires later. What comes in last mostly expires last: it need not be held against others then.
    latest: Instant,
}

impl Order {
    /// Returns the slot that expires first.
    pub(super) fn first(&self) -> Option<u32> {
        self.heap.first().copied()
    }

    pub(super) fn capacity(&self) -> usize {
        self.heap.capacity()
    }

    pub(super) fn reserve_exact(&mut self, additional: usize) {
        self.heap.reserve_exact(additional);
    }

    pub(super) fn shrink_to(&mut self, capacity: usize) {
        self.heap.shrink_to(capacity);
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }

    /// Takes in all slots, when there are none so far.
    pub(super) fn fill<V>(&mut self, slots: &mut [Slot<V>]) {
        self.heap.extend(0..index(slots.len()));
        for (place, slot) in (0..).zip(&mut *slots) {
            slot.place = place;
        }
        for place in (0..slots.len() / 2).rev() {
            self.sink(slots, place);
        }
    }

    /// Takes in the slot `at`, which is younger than all others.
    pub(super) fn push<V>(&mut self, slots: &mut [Slot<V>], at: u32) {
        let place = self.heap.len();
        self.heap.push(at);
        let deadline = slots[at as usize].deadline;
        if deadline < self.latest {
            self.rise(slots, place);
        } else {
            self.latest = deadline;
            slots[at as usize].place = index(place);
        }
    }

    /// Lets the slot `at` go.
    pub(super) fn remove<V>(&mut self, slots: &mut [Slot<V>], at: u32) {
        let place = slots[at as usize].place as usize;
        self.heap.swap_remove(place);
        if let Some(&moved) = self.heap.get(place) {
            slots[moved as usize].place = index(place);
            self.settle(slots, moved);
        }
    }

    /// Finds the place of the slot `at` after its deadline was changed.
    pub(super) fn settle<V>(&mut self, slots: &mut [Slot<V>], at: u32) {
        let slot = &slots[at as usize];
        self.latest = self.latest.max(slot.deadline);
        let place = self.rise(slots, slot.place as usize);
        self.sink(slots, place);
    }

    /// Notes that a slot has got the number `to`.
    pub(super) fn renumber<V>(&mut self, slots: &[Slot<V>], to: u32) {
        self.heap[slots[to as usize].place as usize] = to;
    }

    fn rise<V>(&mut self, slots: &mut [Slot<V>], mut place: usize) -> usize {
        let at = self.heap[place];
        while let Some(parent) = place.checked_sub(1).map(|left| left / 2)
            && slots[at as usize].rank() < slots[self.heap[parent] as usize].rank()
        {
            self.put(slots, place, self.heap[parent]);
            place = parent;
        }
        self.put(slots, place, at);
        place
    }

    fn sink<V>(&mut self, slots: &mut [Slot<V>], mut place: usize) {
        let at = self.heap[place];
        while let Some(child) = self.earlier_child(slots, place)
            && slots[self.heap[child] as usize].rank() < slots[at as usize].rank()
        {
            self.put(slots, place, self.heap[child]);
            place = child;
        }
        self.put(slots, place, at);
    }

    fn earlier_child<V>(&self, slots: &[Slot<V>], place: usize) -> Option<usize> {
        let left = place.saturating_mul(2).saturating_add(1);
        let children = left..left.saturating_add(2).min(self.heap.len());
        children.min_by_key(|&child| slots[self.heap[child] as usize].rank())
    }

    fn put<V>(&mut self, slots: &mut [Slot<V>], place: usize, at: u32) {
        self.heap[place] = at;
        slots[at as usize].place = index(place);
    }
}

/// Returns the number of a slot. A store of more than four thousand million entries would need some 250 GB.
pub(super) fn index(number: usize) -> u32 {
    u32::try_from(number).expect("a shard has less than 2^32 entries")
}
