use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hash::{Hash, Hasher};

use super::LockKey;
use crate::Instant;

/// The number of runs: one for each of the times that locks are usually given, such as the time that a node has to answer,
/// their TTL, and the interval of extensions.
const RUNS: usize = 4;

/// As long as there are no more entries, none is taken out before its time.
const MANY: usize = 1_024;

/// The moments at which locks want to be looked at.
///
/// Most entries lie as far ahead as others of their kind. So they come in a few runs, each in ascending order, in which an entry
/// is put behind the others and taken from the front. The rest is in a heap.
///
/// An entry of a lock that no longer wants to be woken then, or that is gone, is passed over when it comes to the front; so an
/// operation that ends long before its deadline costs one push and one pop. Only when there are many entries, those are taken out
/// that no longer count.
/// Which entry counts is kept in here, close together: a lock that nobody has touched for a while is in no cache any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    runs: [VecDeque<Alarm>; RUNS],
    rest: BinaryHeap<Reverse<Alarm>>,
    /// The first entry of all.
    first: Option<Alarm>,
    /// The entry of each lock that counts, with the number of the lock, by the lock's place.
    counts: Vec<Option<(Instant, u64)>>,
    /// So many entries there may be before those are taken out that no longer count.
    room: usize,
}

/// A lock, and when it wants to be looked at.
type Alarm = (Instant, LockKey);

impl Timers {
    /// The bytes that the timer of a lock takes, when the lists have just doubled.
    pub(super) const BYTES_PER_LOCK: usize = 2 * (size_of::<Alarm>() + size_of::<Option<(Instant, u64)>>());

    /// Makes sure that the lock is looked at not later than `at`. An earlier entry goes on to count.
    pub(super) fn schedule(&mut self, key: LockKey, at: Option<Instant>) {
        let is_earlier = |at: &Instant| self.set_for(key).is_none_or(|earliest| *at < earliest);
        if let Some(at) = at.filter(is_earlier) {
            self.set(key, at);
        }
    }

    /// Makes sure that the lock is looked at `at` that moment, and not before.
    pub(super) fn reschedule(&mut self, key: LockKey, at: Option<Instant>) {
        match at {
            Some(at) if self.set_for(key) == Some(at) => {}
            Some(at) => self.set(key, at),
            None => self.forget(key),
        }
    }

    /// Notes that nothing is left to do for the lock.
    pub(super) fn forget(&mut self, key: LockKey) {
        if let Some(counts) = self.counts.get_mut(key.index) {
            counts.take_if(|(_, serial)| *serial == key.serial);
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

    /// Returns a lock whose time has come by `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<LockKey> {
        self.skip_what_no_longer_counts();
        self.next().filter(|at| *at <= now)?;
        let (_, key) = self.pop()?;
        self.forget(key);
        Some(key)
    }

    /// Makes sure that nobody is woken by an entry that no longer counts.
    pub(super) fn skip_what_no_longer_counts(&mut self) {
        while self.first.is_some_and(|(at, key)| self.set_for(key) != Some(at)) {
            self.pop();
        }
    }

    /// Returns the moment of the entry of the lock that counts.
    fn set_for(&self, key: LockKey) -> Option<Instant> {
        let (at, serial) = (*self.counts.get(key.index)?)?;
        (serial == key.serial).then_some(at)
    }

    fn set(&mut self, key: LockKey, at: Instant) {
        if key.index >= self.counts.len() {
            self.counts.resize(key.index.saturating_add(1), None);
        }
        if let Some(counts) = self.counts.get_mut(key.index) {
            *counts = Some((at, key.serial));
            self.push((at, key));
        }
    }

    /// Puts an entry at the end of the run that leads up closest to it.
    fn push(&mut self, alarm: Alarm) {
        if self.len() >= self.room {
            self.tidy();
        }
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
        self.find_first();
        Some(first)
    }

    fn find_first(&mut self) {
        let fronts = self.runs.iter().filter_map(VecDeque::front);
        self.first = fronts.chain(self.rest.peek().map(|Reverse(alarm)| alarm)).min().copied();
    }

    /// Takes out what no longer counts.
    fn tidy(&mut self) {
        let Self { runs, rest, counts, .. } = self;
        let does_count = |(at, key): &Alarm| counts.get(key.index).is_some_and(|set| *set == Some((*at, key.serial)));
        for run in runs {
            run.retain(does_count);
        }
        rest.retain(|Reverse(alarm)| does_count(alarm));
        self.find_first();
        self.room = self.len().saturating_mul(2).max(MANY);
    }

    fn counting(&self) -> impl Iterator<Item = &(Instant, u64)> {
        self.counts.iter().flatten()
    }

    fn sorted(&self) -> Vec<Alarm> {
        let rest = self.rest.iter().map(|Reverse(alarm)| alarm);
        let mut alarms: Vec<Alarm> = self.runs.iter().flatten().chain(rest).copied().collect();
        alarms.sort_unstable();
        alarms
    }
}

/// Where an entry is kept says nothing.
impl PartialEq for Timers {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted() && self.counting().eq(other.counting())
    }
}

impl Eq for Timers {}

impl Hash for Timers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted().hash(state);
        self.counting().for_each(|counting| counting.hash(state));
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
                let key = LockKey { serial: all.len() as u64, index: all.len() };
                timers.schedule(key, Some(at(now + ahead)));
                all.push((at(now + ahead), key));
            }
        }
        assert_eq!(timers.len(), all.len());
        assert!(timers.rest.len() < all.len() / 2, "most of them come in runs");
        all.sort_unstable();
        for expected in all {
            assert_eq!(timers.next(), Some(expected.0));
            assert_eq!(timers.pop_due(expected.0.saturating_sub(Duration::from_nanos(1))), None);
            assert_eq!(timers.pop_due(expected.0), Some(expected.1));
        }
        assert_eq!((timers.next(), timers.len()), (None, 0));
    }

    #[test]
    fn what_no_longer_counts_wakes_nobody() {
        let mut timers = Timers::default();
        let [early, late, gone, next_in_its_place] =
            [(1, 0), (2, 1), (3, 2), (4, 2)].map(|(serial, index)| LockKey { serial, index });
        timers.schedule(early, Some(at(50)));
        timers.schedule(early, Some(at(20)));
        timers.schedule(early, Some(at(70)));
        timers.schedule(late, Some(at(30)));
        timers.reschedule(late, Some(at(60)));
        timers.schedule(gone, Some(at(10)));
        timers.forget(gone);
        timers.schedule(next_in_its_place, Some(at(40)));
        timers.forget(gone);
        for (expected, key) in [(20, early), (40, next_in_its_place), (60, late)] {
            timers.skip_what_no_longer_counts();
            assert_eq!(timers.next(), Some(at(expected)));
            assert_eq!(timers.pop_due(at(expected)), Some(key));
        }
        assert_eq!((timers.pop_due(at(100)), timers.len()), (None, 0));
    }

    /// As with locks that are released long before their TTL is over.
    #[test]
    fn what_no_longer_counts_does_not_pile_up_until_its_time_has_come() {
        let mut timers = Timers::default();
        let held = LockKey { serial: u64::MAX, index: 1 };
        timers.schedule(held, Some(at(3_600_000)));
        for serial in 0..100_000 {
            let released = LockKey { serial, index: 0 };
            timers.schedule(released, Some(at(3_600_000 + serial * 7_919 % 1_000)));
            timers.forget(released);
            assert!(timers.len() <= MANY, "{} of {serial}", timers.len());
        }
        assert_eq!(timers.pop_due(at(7_200_000)), Some(held));
        assert_eq!((timers.pop_due(at(7_200_000)), timers.len(), timers.next()), (None, 0, None));
    }
}
