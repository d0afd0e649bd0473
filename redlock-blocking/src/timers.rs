use std::cmp::Reverse;
use std::collections::BinaryHeap;

use redlock_core::Instant;

use crate::lock_key::LockKey;

/// When which lock wants to be looked at.
///
/// Entries are never taken out before their time. A lock that no longer wants to be woken then, or that is gone, is
/// told apart by its [`Timer`]; so an operation that ends long before its deadline costs one push and one pop.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, LockKey)>>);

/// The earliest entry that a lock has among the timers.
#[derive(Default)]
pub(crate) struct Timer(Option<Instant>);

impl Timers {
    /// Sees to it that the lock is looked at not later than `at`.
    pub(crate) fn schedule(&mut self, key: LockKey, timer: &mut Timer, at: Option<Instant>) {
        if let Some(at) = at.filter(|at| timer.0.is_none_or(|earliest| *at < earliest)) {
            self.0.push(Reverse((at, key)));
            timer.0 = Some(at);
        }
    }

    /// No lock wants to be looked at before that.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// A lock whose time has come by `now`, and the time: its [`Timer`] knows whether that still counts.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, LockKey)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(due)| due)
    }
}

impl Timer {
    /// Whether the entry for `at` is the one that counts; it is gone then.
    pub(crate) fn rings_at(&mut self, at: Instant) -> bool {
        self.0.take_if(|earliest| *earliest == at).is_some()
    }
}
