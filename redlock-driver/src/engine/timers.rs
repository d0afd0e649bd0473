use std::cmp::Reverse;
use std::collections::BinaryHeap;

use redlock_core::Instant;

use super::LockKey;

/// When which lock wants to be looked at.
///
/// Entries are never taken out before their time. A lock that no longer wants to be woken then, or that is gone, is
/// told apart by its [`Alarm`]; so an operation that ends long before its deadline costs one push and one pop.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, LockKey)>>,
}

/// The earliest entry that a lock has in the heap.
#[derive(Default)]
pub(super) struct Alarm(Option<Instant>);

impl Timers {
    /// Sees to it that the lock is looked at not later than `at`. Whether that is before all others.
    pub(super) fn schedule(&mut self, key: LockKey, alarm: &mut Alarm, at: Option<Instant>) -> bool {
        let Some(at) = at.filter(|at| alarm.0.is_none_or(|earliest| *at < earliest)) else { return false };
        let is_first = self.next().is_none_or(|first| at < first);
        self.heap.push(Reverse((at, key)));
        alarm.0 = Some(at);
        is_first
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Forgets the earliest entries as long as they are of locks that are gone.
    pub(super) fn forget_first_while(&mut self, is_gone: impl Fn(LockKey) -> bool) {
        while self.heap.peek().is_some_and(|Reverse((_, key))| is_gone(*key)) {
            self.heap.pop();
        }
    }

    /// A lock whose time has come by `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, LockKey)> {
        self.next().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse(due)| due)
    }
}

impl Alarm {
    /// Whether the entry for `at` is the one that counts; it is gone then.
    pub(super) fn rings_at(&mut self, at: Instant) -> bool {
        self.0.take_if(|earliest| *earliest == at).is_some()
    }
}
