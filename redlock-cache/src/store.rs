mod order;

use std::hash::BuildHasher;
use std::mem::size_of;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use redlock_core::Instant;

use self::order::{Order, index};
use crate::budget::{Account, Budget};
use crate::{Entry, Generation, NamedEntry, Refusal, Statistics, Weigh};

/// The entries of one shard, by name and by the time at which they expire.
///
/// The slots are dense and in no order; a hash table and a heap know them by their numbers. So an entry costs little
/// beside its name and its value, the one that expires first is at hand, and what memory the store has is known.
pub(crate) struct Store<V> {
    slots: Vec<Slot<V>>,
    by_name: HashTable<u32>,
    by_deadline: Order,
    hasher: DefaultHashBuilder,
    account: Account,
    next_generation: u64,
    /// From one generation to the next, so that no two stores of a cache have one in common.
    stride: u64,
    pub(crate) statistics: Statistics,
}

/// An entry, with its fields side by side so that none of their bytes is lost.
pub(crate) struct Slot<V> {
    name: Box<[u8]>,
    value: V,
    pub(crate) generation: Generation,
    pub(crate) deadline: Instant,
    /// Its place in the order.
    place: u32,
}

/// An entry that is to be taken in.
pub(crate) struct Newcomer<V> {
    pub(crate) name: Box<[u8]>,
    pub(crate) value: V,
    pub(crate) deadline: Instant,
}

impl<V: Weigh> Newcomer<V> {
    /// Returns the bytes that the entry costs.
    pub(crate) fn price(&self) -> usize {
        price(&self.name, &self.value)
    }
}

fn price<V: Weigh>(name: &[u8], value: &V) -> usize {
    Store::<V>::SLOT_BYTES.saturating_add(name.len()).saturating_add(value.weight())
}

/// A name with its hash, which is needed more than once.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) hash: u64,
}

impl<V: Weigh> Store<V> {
    /// The bytes that the store costs without entries: so many slots it may have to spare, and the first table.
    pub(crate) const EMPTY_BYTES: usize = (MIN_SPARE * 2) * (size_of::<Slot<V>>() + INDEX) + 128;

    /// The bytes that an entry costs beside its name and its value's weight, at most: its slot, its number in the order
    /// and in the table, and its share of what these have to spare.
    pub(crate) const SLOT_BYTES: usize = {
        let list = size_of::<Slot<V>>() + INDEX;
        // One byte of the table is for its own use; at 3/8 of its capacity, which is 7/8 of its size, it is made smaller.
        let table = ((INDEX + 1) * 8 * 8).div_ceil(7 * 3);
        list + list.div_ceil(MAX_SPARE) + table
    };

    pub(crate) fn new(hasher: DefaultHashBuilder, budget: Arc<Budget>, first_generation: u64, stride: u64) -> Self {
        Self {
            slots: Vec::new(),
            by_name: HashTable::new(),
            by_deadline: Order::default(),
            hasher,
            account: Account::new(budget),
            next_generation: first_generation,
            stride,
            statistics: Statistics::default(),
        }
    }

    /// Takes out the entry of this name if it has expired; one that has not keeps the name.
    pub(crate) fn make_way(&mut self, key: Key<'_>, now: Instant) -> Result<Option<NamedEntry<V>>, Refusal> {
        let Some(slot) = self.get(key) else { return Ok(None) };
        if !slot.is_expired(now) {
            return Err(Refusal::Held { generation: slot.generation, deadline: slot.deadline });
        }
        self.statistics.count_displaced(true);
        Ok(self.remove(key, |_| true))
    }

    /// Takes in an entry of a name that there is none of, if the budget allows it.
    pub(crate) fn insert(&mut self, key: Key<'_>, newcomer: Newcomer<V>) -> Result<Generation, Newcomer<V>> {
        if !self.account.pay(newcomer.price()) {
            return Err(newcomer);
        }
        let generation = Generation::new(self.next_generation);
        self.next_generation = self.next_generation.wrapping_add(self.stride);
        let at = index(self.slots.len());
        self.grow();
        let Newcomer { name, value, deadline } = newcomer;
        self.slots.push(Slot { name, value, generation, deadline, place: 0 });
        self.by_deadline.push(&mut self.slots, at);
        let rehash = |&other: &u32| self.hasher.hash_one(&*self.slots[other as usize].name);
        self.by_name.insert_unique(key.hash, at, rehash);
        Ok(generation)
    }

    pub(crate) fn get(&self, key: Key<'_>) -> Option<&Slot<V>> {
        self.find(key).map(|at| &self.slots[at as usize])
    }

    /// Takes out the entry of this name if it is `wanted`.
    pub(crate) fn remove(&mut self, key: Key<'_>, wanted: impl Fn(&Slot<V>) -> bool) -> Option<NamedEntry<V>> {
        let is_it = |&at: &u32| {
            let slot = &self.slots[at as usize];
            *slot.name == *key.name && wanted(slot)
        };
        let (at, _) = self.by_name.find_entry(key.hash, is_it).ok()?.remove();
        Some(self.remove_slot(at))
    }

    /// Moves the deadline of an entry. Returns whether there is one of this name and generation.
    pub(crate) fn extend(&mut self, key: Key<'_>, generation: Generation, deadline: Instant) -> bool {
        let Some(at) = self.find(key) else { return false };
        let slot = &mut self.slots[at as usize];
        if slot.generation != generation {
            return false;
        }
        slot.deadline = deadline;
        self.by_deadline.settle(&mut self.slots, at);
        true
    }

    /// Returns the entry that expires first, and when.
    pub(crate) fn first(&self) -> Option<(Instant, Generation)> {
        self.by_deadline.first().map(|at| self.slots[at as usize].rank())
    }

    /// Takes out the entry that expires first, to make room; not if that is another one than `first` meanwhile.
    pub(crate) fn evict(&mut self, first: (Instant, Generation), now: Instant) -> Option<NamedEntry<V>> {
        let left = self.pop_first(|slot| slot.rank() == first)?;
        self.account.settle();
        self.statistics.count_displaced(left.entry.is_expired(now));
        Some(left)
    }

    /// Takes out the entry that expires first, if `wanted`.
    fn pop_first(&mut self, wanted: impl Fn(&Slot<V>) -> bool) -> Option<NamedEntry<V>> {
        let first = self.by_deadline.first()?;
        let slot = &self.slots[first as usize];
        if !wanted(slot) {
            return None;
        }
        let hash = self.hasher.hash_one(&*slot.name);
        let (at, _) = self.by_name.find_entry(hash, |&at| at == first).ok()?.remove();
        Some(self.remove_slot(at))
    }

    /// Takes out all entries that have expired by `until`: a few one after the other, and many in one go.
    pub(crate) fn take_expired(&mut self, until: Instant) -> Vec<NamedEntry<V>> {
        let mut expired = self.pop_expired(until, FEW);
        if expired.len() == FEW {
            expired.extend(self.sweep(until));
        }
        expired
    }

    /// Takes out at most `limit` entries that have expired by `until`.
    pub(crate) fn pop_expired(&mut self, until: Instant, limit: usize) -> Vec<NamedEntry<V>> {
        let expired: Vec<_> =
            std::iter::from_fn(|| self.pop_first(|slot| slot.is_expired(until))).take(limit).collect();
        for _ in &expired {
            self.statistics.count_displaced(true);
        }
        expired
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the bytes that the entries cost.
    pub(crate) const fn bytes(&self) -> usize {
        self.account.spent()
    }

    /// Gives back what was booked in advance. Returns whether that was anything.
    pub(crate) fn settle(&mut self) -> bool {
        self.account.settle()
    }

    fn find(&self, Key { name, hash }: Key<'_>) -> Option<u32> {
        self.by_name.find(hash, |&at| *self.slots[at as usize].name == *name).copied()
    }

    /// Takes out a slot that is not in the table any more.
    fn remove_slot(&mut self, at: u32) -> NamedEntry<V> {
        self.by_deadline.remove(&mut self.slots, at);
        let left = self.slots.swap_remove(at as usize).into_entry();
        self.renumber(index(self.slots.len()), at);
        self.account.refund(price(&left.name, &left.entry.value));
        self.shrink();
        left
    }

    /// Looks at all slots for what has expired, and puts the others into their places again.
    fn sweep(&mut self, until: Instant) -> Vec<NamedEntry<V>> {
        let swept: Vec<_> = self.slots.extract_if(.., |slot| slot.is_expired(until)).map(Slot::into_entry).collect();
        for left in &swept {
            self.account.refund(price(&left.name, &left.entry.value));
            self.statistics.count_displaced(true);
        }
        if !swept.is_empty() {
            self.by_name.clear();
            self.by_deadline.clear();
            self.shrink();
            self.index_all();
        }
        swept
    }

    fn index_all(&mut self) {
        let hash = |&at: &u32| self.hasher.hash_one(&*self.slots[at as usize].name);
        for at in 0..index(self.slots.len()) {
            self.by_name.insert_unique(hash(&at), at, hash);
        }
        self.by_deadline.fill(&mut self.slots);
    }

    /// Notes that the last slot has taken the place of one that left.
    fn renumber(&mut self, from: u32, to: u32) {
        if from == to {
            return;
        }
        self.by_deadline.renumber(&self.slots, to);
        let hash = self.hasher.hash_one(&*self.slots[to as usize].name);
        if let Some(number) = self.by_name.find_mut(hash, |&at| at == from) {
            *number = to;
        }
    }
}

impl<V: Clone> Store<V> {
    /// Returns copies of all entries.
    pub(crate) fn entries(&self) -> Vec<NamedEntry<V>> {
        let copy = |slot: &Slot<V>| NamedEntry { name: slot.name.clone(), entry: slot.entry() };
        self.slots.iter().map(copy).collect()
    }
}

/// To take out more entries than this one by one takes longer than to look at all of them, or is soon done.
const FEW: usize = 256;

/// The size of a slot's number.
const INDEX: usize = size_of::<u32>();
/// The lists never have more than one slot in eight, and this twice, to spare ...
const MAX_SPARE: usize = 8;
/// ... and get one in sixteen, and this, when they grow or shrink: small steps, so that memory follows the entries.
const STEP: usize = 16;
const MIN_SPARE: usize = 4;

/// # Memory
impl<V> Store<V> {
    fn grow(&mut self) {
        let len = self.slots.len();
        let step = (len / STEP).saturating_add(MIN_SPARE);
        if len == self.slots.capacity() {
            self.slots.reserve_exact(step);
        }
        if len == self.by_deadline.capacity() {
            self.by_deadline.reserve_exact(step);
        }
    }

    fn shrink(&mut self) {
        let len = self.slots.len();
        let most = len.saturating_add(len / MAX_SPARE).saturating_add(MIN_SPARE.saturating_mul(2));
        if self.slots.capacity() > most {
            let capacity = len.saturating_add(len / STEP).saturating_add(MIN_SPARE);
            self.slots.shrink_to(capacity);
            self.by_deadline.shrink_to(capacity);
        }
        if len < (self.by_name.capacity() / 8).saturating_mul(3) {
            self.by_name.shrink_to(len, |&at| self.hasher.hash_one(&*self.slots[at as usize].name));
        }
    }
}

impl<V> Slot<V> {
    /// Returns the rank in the order: what expires first comes first, and of two at the same time the older one.
    const fn rank(&self) -> (Instant, Generation) {
        (self.deadline, self.generation)
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    fn into_entry(self) -> NamedEntry<V> {
        let Self { name, value, generation, deadline, .. } = self;
        NamedEntry { name, entry: Entry { value, generation, deadline } }
    }
}

impl<V: Clone> Slot<V> {
    /// Returns a copy of the entry.
    pub(crate) fn entry(&self) -> Entry<V> {
        Entry { value: self.value.clone(), generation: self.generation, deadline: self.deadline }
    }
}
