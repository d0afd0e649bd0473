use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hash::{Hash, Hasher};

use super::LockKey;
use crate::Instant;

/// The number of runs: one for each of the times that locks are usually given, such as the time that a node has to answer,
/// their TTL, and the interval of extensions.
const RUNS: usize = 4;

/// The moments at which locks want to be looked at.
///
/// Most entries lie as far ahead as others of their kind. So they come in a few runs, each in ascending order, in which an entry
/// is put behind the others and taken from the front. The rest is in a heap.
///
/// Entries are never taken out before their time. A lock that no longer wants to be woken then, or that is gone, is
/// told apart by its [`Timer`]; so an operation that ends long before its deadline costs one push and one pop.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    runs: [VecDeque<Alarm>; RUNS],
    rest: BinaryHeap<Reverse<Alarm>>,
    /// The first entry of all.
    first: Option<Alarm>,
}

/// A lock, and when it wants to be looked at.
type Alarm = (Instant, LockKey);

/// The earliest entry that a lock has among the [`Timers`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Timer(Option<Instant>);

impl Timers {
    /// Makes sure that the lock is looked at not later than `at`.
    pub(super) fn schedule(&mut self, key: LockKey, timer: &mut Timer, at: Option<Instant>) {
        if let Some(at) = at.filter(|at| timer.0.is_none_or(|earliest| *at < earliest)) {
            self.push((at, key));
            timer.0 = Some(at);
        }
    }

    /// Counts the entries, those that no longer count included.
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(VecDeque::len).fold(self.rest.len(), usize::saturating_add)
    }

    /// Returns the earliest moment.
    pub(super) fn next(&self) -> Option<Instant> {
        self.first.map(|(at, _)| at)
    }

    /// Returns a lock whose time has come by `now`, and the time: its [`Timer`] knows whether that still counts.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, LockKey)> {
        self.next().filter(|at| *at <= now)?;
        self.pop()
    }

    /// Forgets the earliest entries as long as they are of locks that are gone.
    pub(super) fn forget_first_while(&mut self, is_gone: impl Fn(LockKey) -> bool) {
        while self.first.is_some_and(|(_, key)| is_gone(key)) {
            self.pop();
        }
    }

    /// Puts an entry at the end of the run that leads up closest to it.
    fn push(&mut self, alarm: Alarm) {
        self.first = Some(self.first.map_or(alarm, |first| first.min(alarm)));
        let fits = |run: &&mut VecDeque<Alarm>| run.back().is_none_or(|last| *last <= alarm);
        match self.runs.iter_mut().filter(fits).max_by_key(|run| run.back().copied()) {
            Some(run) => run.push_back(alarm),
            None => self.rest.push(Reverse(alarm)),
        }
    }

    fn pop(&mut self) -> Option<Alarm> {
        let first = self.first?;
        match self.runs.iter_mut().find(|run| run.front() == Some(&first)) {
            Some(run) => run.pop_front(),
            None => self.rest.pop().map(|Reverse(alarm)| alarm),
        };
        let fronts = self.runs.iter().filter_map(VecDeque::front);
        self.first = fronts.chain(self.rest.peek().map(|Reverse(alarm)| alarm)).min().copied();
        Some(first)
    }

    fn sorted(&self) -> Vec<Alarm> {
        let rest = self.rest.iter().map(|Reverse(alarm)| alarm);
        let mut alarms: Vec<Alarm> = self.runs.iter().flatten().chain(rest).copied().collect();
        alarms.sort_unstable();
        alarms
    }
}

impl Timer {
    /// Returns whether the entry for `at` is the one that counts; it is gone then.
    pub(super) fn rings_at(&mut self, at: Instant) -> bool {
        self.0.take_if(|earliest| *earliest == at).is_some()
    }
}

/// Where an entry is kept says nothing.
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

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_epoch(Duration::from_millis(millis))
    }

    /// Locks of several kinds, each with a timer for the answers and one for its end, ring in the order of their times.
    #[test]
    fn entries_ring_in_the_order_of_their_times() {
        let mut timers = Timers::default();
        let mut all = Vec::new();
        for now in 1..200 {
            for ahead in [500, 10_000, 30_000, 86_400_000, 60_000, (now * 7_919) % 1_000] {
                let key = LockKey { serial: all.len() as u64, index: 0 };
                timers.schedule(key, &mut Timer::default(), Some(at(now + ahead)));
                all.push((at(now + ahead), key));
            }
        }
        assert_eq!(timers.len(), all.len());
        assert!(timers.rest.len() < all.len() / 2, "most of them come in runs");
        all.sort_unstable();
        for expected in all {
            assert_eq!(timers.next(), Some(expected.0));
            assert_eq!(timers.pop_due(expected.0.saturating_sub(Duration::from_nanos(1))), None);
            assert_eq!(timers.pop_due(expected.0), Some(expected));
        }
        assert_eq!((timers.next(), timers.len()), (None, 0));
    }
}
