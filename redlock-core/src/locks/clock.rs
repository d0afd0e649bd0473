//! The wall clocks of servers, by which keys expire.

use core::time::Duration;

use crate::Instant;

/// Clocks that differ by more than this are worth a word: a second is far more than machines that set their clocks by the
/// network differ, and far less than hurts a lock.
const TOLERANCE: i64 = 1_000;

/// An answer that took longer than this says too little.
const LONGEST_LOOK: Duration = Duration::from_millis(500);

/// For so long it is told that a clock was set.
const TOLD_FOR: Duration = Duration::from_secs(60 * 60);

/// What is known of the wall clock of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    /// By how many milliseconds it was ahead of the handle's clock when it was last looked at.
    ahead: Option<i64>,
    /// By how many milliseconds it was set since it was looked at before, and when that was noticed.
    set: Option<(i64, Instant)>,
}

impl Clock {
    /// Takes what the server said: it was read between these two moments.
    pub(super) fn looked(&mut self, time: Duration, asked_at: Instant, now: Instant) {
        let took = now.saturating_since(asked_at);
        if took > LONGEST_LOOK {
            return;
        }
        let between = asked_at.saturating_add(took.checked_div(2).unwrap_or_default()).saturating_since(Instant::EPOCH);
        let ahead = millis(time).saturating_sub(millis(between));
        if let Some(by) = self.ahead.map(|before| ahead.saturating_sub(before)).filter(|by| exceeds(*by)) {
            self.set = Some((by, now));
        }
        self.ahead = Some(ahead);
    }

    /// Forgets all of it, if it may be another server's.
    pub(super) fn forget_if(&mut self, is_other: bool) {
        if is_other {
            *self = Self::default();
        }
    }

    /// Returns by how many milliseconds it was set, and how long ago, if that was lately.
    pub(super) fn was_set(&self, now: Instant) -> Option<(i64, Duration)> {
        let (by, at) = self.set?;
        Some((by, now.saturating_since(at))).filter(|(_, ago)| *ago < TOLD_FOR)
    }

    /// Returns by how many milliseconds it is ahead of the clocks of others, if it differs from most of them.
    pub(super) fn differs<'a>(&self, others: impl Iterator<Item = &'a Self> + Clone) -> Option<i64> {
        let ahead = self.ahead?;
        let by = others.filter_map(|other| other.ahead).map(move |other| ahead.saturating_sub(other));
        let (all, far) = (by.clone().count(), by.clone().filter(|by| exceeds(*by)).count());
        if far.saturating_mul(2) <= all {
            return None;
        }
        by.min_by_key(|by| by.unsigned_abs())
    }
}

fn exceeds(by: i64) -> bool {
    by.unsigned_abs() > TOLERANCE.unsigned_abs()
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn at(millis: u64) -> Instant {
        Instant::from_epoch(Duration::from_millis(millis))
    }

    /// A clock that is ahead by so many milliseconds.
    fn ahead(by: u64) -> Clock {
        let mut clock = Clock::default();
        clock.looked(Duration::from_secs(5).saturating_add(Duration::from_millis(by)), at(4_990), at(5_010));
        clock
    }

    #[test]
    fn a_clock_that_differs_from_most_others_is_told() {
        let differ = |ahead_by: &[u64]| {
            let clocks: Vec<_> = ahead_by.iter().map(|by| ahead(*by)).collect();
            let others = |index| clocks.iter().enumerate().filter(move |(at, _)| *at != index).map(|(_, clock)| clock);
            clocks.iter().enumerate().map(|(index, clock)| clock.differs(others(index))).collect::<Vec<_>>()
        };
        assert_eq!(differ(&[0, 900, 400]), [None, None, None]);
        assert_eq!(differ(&[0, 60_000, 10]), [None, Some(59_990), None]);
        assert_eq!(differ(&[0, 60_000]), [Some(-60_000), Some(60_000)], "nobody can tell which of two is wrong");
        assert_eq!(differ(&[7]), [None]);
        assert_eq!(Clock::default().differs([ahead(0)].iter()), None);
    }

    #[test]
    fn a_clock_that_was_set_is_told_for_a_while() {
        let mut clock = ahead(0);
        assert_eq!(clock.was_set(at(5_010)), None);
        clock.looked(Duration::from_millis(6_900), at(6_000), at(6_000));
        assert_eq!(clock.was_set(at(6_000)), None, "it is hardly a second");
        clock.looked(Duration::from_secs(4), at(7_000), at(7_000));
        assert_eq!(clock.was_set(at(8_000)), Some((-3_900, Duration::from_secs(1))));
        assert_eq!(clock.was_set(at(3_607_000)), None);
    }

    #[test]
    fn an_answer_that_took_long_says_nothing() {
        let mut clock = ahead(0);
        clock.looked(Duration::from_secs(60), at(6_000), at(6_501));
        assert_eq!((clock.was_set(at(6_501)), clock), (None, ahead(0)));
    }
}
