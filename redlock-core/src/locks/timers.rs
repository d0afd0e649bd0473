use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hash::{Hash, Hasher};

use super::LockKey;
use crate::Instant;

/// The moments at which locks want to be looked at.
///
/// Entries are never taken out before their time. A lock that no longer wants to be woken then, or that is gone, is
/// told apart by its [`Timer`]; so an operation that ends long before its deadline costs one push and one pop.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Instant, LockKey)>>);

/// The earliest entry that a lock has among the [`Timers`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Timer(Option<Instant>);

impl Timers {
    /// Makes sure that the lock is looked at not later than `at`.
    pub(super) fn schedule(&mut self, key: LockKey, timer: &mut Timer, at: Option<Instant>) {
        if let Some(at) = at.filter(|at| timer.0.is_none_or(|earliest| *at < earliest)) {
            self.0.push(Reverse((at, key)));
            timer.0 = Some(at);
        }
    }

    /// Counts the entries, those that no longer count included.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the earliest moment.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Returns a lock whose time has come by `now`, and the time: its [`Timer`] knows whether that still counts.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, LockKey)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(due)| due)
    }

    /// Forgets the earliest entries as long as they are of locks that are gone.
    pub(super) fn forget_first_while(&mut self, is_gone: impl Fn(LockKey) -> bool) {
        while self.0.peek().is_some_and(|Reverse((_, key))| is_gone(*key)) {
            self.0.pop();
        }
    }

    fn sorted(&self) -> Vec<Reverse<(Instant, LockKey)>> {
        self.0.clone().into_sorted_vec()
    }
}

impl Timer {
    /// Returns whether the entry for `at` is the one that counts; it is gone then.
    pub(super) fn rings_at(&mut self, at: Instant) -> bool {
        self.0.take_if(|earliest| *earliest == at).is_some()
    }
}

/// The order inside of the heap says nothing.
impl PartialEq for Timers {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Timers {}

impl Hash for Timers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted().hash(state);
    }
}
