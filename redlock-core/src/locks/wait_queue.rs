use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use smallvec::SmallVec;

use super::LockKey;
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
pub(super) struct WaitQueues(BTreeMap<Resource, Queue>);

/// It never is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Queue {
    first: LockKey,
    others: VecDeque<LockKey>,
    /// Since then one of this handle has been the first without a break.
    busy_since: Instant,
    is_break_due: bool,
}

impl WaitQueues {
    /// Puts a lock at the end of the queues of its resources; returns whether it is the first in all.
    pub(super) fn join(&mut self, resources: &Resources, key: LockKey, now: Instant) -> bool {
        let mut is_first = true;
        for resource in resources.as_slice() {
            if let Some(queue) = self.0.get_mut(resource) {
                queue.others.push_back(key);
                is_first = false;
            } else {
                self.0.insert(resource.clone(), Queue::new(key, now));
            }
        }
        is_first
    }

    /// Returns the locks that are alone in the queue of one of the resources.
    pub(super) fn alone(&self, resources: &Resources) -> SmallVec<[LockKey; 1]> {
        let queues = resources.as_slice().iter().filter_map(|resource| self.0.get(resource));
        queues.filter(|queue| queue.others.is_empty()).map(|queue| queue.first).collect()
    }

    /// Takes a lock out of the queues of its resources, and calls `next` with each that comes to the head of one.
    pub(super) fn leave(&mut self, resources: &Resources, key: LockKey, now: Instant, mut next: impl FnMut(LockKey)) {
        for resource in resources.as_slice() {
            let Some(queue) = self.0.get_mut(resource) else { continue };
            if queue.first != key {
                queue.others.retain(|other| *other != key);
            } else if let Some(first) = queue.advance(now) {
                next(first);
            } else {
                self.0.remove(resource);
            }
        }
    }

    /// Returns whether a lock is the first in all queues of its resources.
    pub(super) fn is_first(&self, resources: &Resources, key: LockKey) -> bool {
        resources.as_slice().iter().all(|resource| self.0.get(resource).is_some_and(|queue| queue.first == key))
    }

    /// Returns whether somebody waits in the queue of one of the resources.
    pub(super) fn has_others(&self, resources: &Resources) -> bool {
        let mut queues = resources.as_slice().iter().filter_map(|resource| self.0.get(resource));
        queues.any(|queue| !queue.others.is_empty())
    }

    /// Counts those that are before a lock in the longest queue of its resources.
    pub(super) fn ahead_of(&self, resources: &Resources, key: LockKey) -> usize {
        let queues = resources.as_slice().iter().filter_map(|resource| self.0.get(resource));
        let ahead = queues.map(|queue| {
            let place = queue.others.iter().position(|other| *other == key);
            place.map_or(0, |place| place.saturating_add(1))
        });
        ahead.max().unwrap_or(0)
    }

    /// Returns whether others are to have a chance before a lock that is the first in its queues.
    pub(super) fn is_break_due(&self, resources: &Resources) -> bool {
        resources.as_slice().iter().any(|resource| self.0.get(resource).is_some_and(|queue| queue.is_break_due))
    }
}

impl Queue {
    const fn new(first: LockKey, now: Instant) -> Self {
        Self { first, others: VecDeque::new(), busy_since: now, is_break_due: false }
    }

    /// Lets the next one, if there is one, take the place of the first.
    fn advance(&mut self, now: Instant) -> Option<LockKey> {
        if now.saturating_since(self.busy_since) >= LONGEST_RUN {
            (self.busy_since, self.is_break_due) = (now, true);
        } else if now > self.busy_since {
            self.is_break_due = false;
        }
        self.first = self.others.pop_front()?;
        Some(self.first)
    }
}
