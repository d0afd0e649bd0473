use alloc::boxed::Box;
use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use smallvec::SmallVec;

use super::LockKey;
use crate::config::hash;
use crate::{Instant, Resource, Resources};

/// When one of this handle after the other has had a resource for so long, the next one waits like after a failed attempt,
/// so that other handles get a chance.
const LONGEST_RUN: Duration = Duration::from_millis(100);

/// Who of one handle comes next, for each resource: first in, first out.
///
/// The first one of a queue asks the nodes, holds the lock or is about to give it back, and all others wait until it has
/// left. A lock of several resources stands in all their queues from the same moment on, so that two of them never wait
/// for each other; it comes on when it is the first in each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct WaitQueues(BTreeMap<Name, Queue>);

/// The hash in front decides nearly every comparison, so that looking for a name does not look at the bytes of others,
/// which are not in the cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    hash: u64,
    resource: Resource,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Queue {
    first: LockKey,
    /// Nothing as long as nobody has ever waited: the usual lock has its resource for itself.
    others: Option<Box<Others>>,
}

/// Those who wait behind the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Others {
    keys: VecDeque<LockKey>,
    /// Since then one of this handle has had the resource without a break, while others wanted it.
    busy_since: Instant,
    is_break_due: bool,
}

impl WaitQueues {
    /// The bytes that a name takes in here, beside its own, when nobody waits; a node of the tree is half empty at most.
    pub(super) const BYTES_PER_NAME: usize = 2 * size_of::<(Name, Queue)>();

    /// Puts a lock at the end of the queues of its resources; returns whether it is the first in all.
    pub(super) fn join(&mut self, resources: &Resources, key: LockKey, now: Instant) -> bool {
        let mut is_first = true;
        for resource in resources.as_slice() {
            match self.0.entry(Name::of(resource)) {
                Entry::Vacant(place) => drop(place.insert(Queue { first: key, others: None })),
                Entry::Occupied(place) => {
                    let others = &mut place.into_mut().others;
                    others.get_or_insert_with(|| Box::new(Others::since(now))).keys.push_back(key);
                    is_first = false;
                }
            }
        }
        is_first
    }

    /// Returns the locks that are alone in the queue of one of the resources.
    pub(super) fn alone(&self, resources: &Resources) -> SmallVec<[LockKey; 1]> {
        self.queues(resources).filter(|queue| queue.waiting() == 0).map(|queue| queue.first).collect()
    }

    /// Returns the locks that are the first in the queues of the resources.
    pub(super) fn firsts(&self, resources: &Resources) -> SmallVec<[LockKey; 1]> {
        self.queues(resources).map(|queue| queue.first).collect()
    }

    /// Takes a lock out of the queues of its resources, and calls `next` with each that comes to the head of one.
    pub(super) fn leave(&mut self, resources: &Resources, key: LockKey, now: Instant, mut next: impl FnMut(LockKey)) {
        for resource in resources.as_slice() {
            let Entry::Occupied(mut place) = self.0.entry(Name::of(resource)) else { continue };
            let queue = place.get_mut();
            if queue.first != key {
                queue.cancel(key);
            } else if let Some(first) = queue.advance(now) {
                next(first);
            } else {
                place.remove();
            }
        }
    }

    /// Returns the first one in the queue of a resource.
    pub(super) fn first(&self, resource: &Resource) -> Option<LockKey> {
        self.0.get(&Name::of(resource)).map(|queue| queue.first)
    }

    /// Returns whether a lock is the first in all queues of its resources.
    pub(super) fn is_first(&self, resources: &Resources, key: LockKey) -> bool {
        self.queues(resources).filter(|queue| queue.first == key).count() == resources.as_slice().len()
    }

    /// Returns whether somebody waits in the queue of one of the resources.
    pub(super) fn has_others(&self, resources: &Resources) -> bool {
        self.queues(resources).any(|queue| queue.waiting() > 0)
    }

    /// Counts those that are before a lock in the longest queue of its resources.
    pub(super) fn ahead_of(&self, resources: &Resources, key: LockKey) -> usize {
        self.queues(resources).map(|queue| queue.ahead_of(key)).max().unwrap_or(0)
    }

    /// Returns whether others are to have a chance before a lock that is the first in its queues.
    pub(super) fn is_break_due(&self, resources: &Resources) -> bool {
        self.queues(resources).any(|queue| queue.others.as_ref().is_some_and(|others| others.is_break_due))
    }

    fn queues(&self, resources: &Resources) -> impl Iterator<Item = &Queue> {
        resources.as_slice().iter().filter_map(|resource| self.0.get(&Name::of(resource)))
    }
}

impl Name {
    fn of(resource: &Resource) -> Self {
        Self { hash: hash(resource.as_bytes()), resource: resource.clone() }
    }
}

impl Queue {
    fn waiting(&self) -> usize {
        self.others.as_ref().map_or(0, |others| others.keys.len())
    }

    fn ahead_of(&self, key: LockKey) -> usize {
        let place = self.others.as_ref().and_then(|others| others.keys.iter().position(|other| *other == key));
        place.map_or(0, |place| place.saturating_add(1))
    }

    fn cancel(&mut self, key: LockKey) {
        if let Some(others) = &mut self.others {
            others.keys.retain(|other| *other != key);
        }
    }

    /// Lets the next one, if there is one, take the place of the first.
    fn advance(&mut self, now: Instant) -> Option<LockKey> {
        let others = self.others.as_mut()?;
        if now.saturating_since(others.busy_since) >= LONGEST_RUN {
            (others.busy_since, others.is_break_due) = (now, true);
        } else if now > others.busy_since {
            others.is_break_due = false;
        }
        self.first = others.keys.pop_front()?;
        Some(self.first)
    }
}

impl Others {
    const fn since(now: Instant) -> Self {
        Self { keys: VecDeque::new(), busy_since: now, is_break_due: false }
    }
}
