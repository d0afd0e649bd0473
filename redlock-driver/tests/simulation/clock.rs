//! Time: the world's own, and what the clocks in it show.

use std::time::Duration;

use redlock_driver::Instant;

/// A moment of the world or a length of time, in nanoseconds. Nobody in the world can see it; they have clocks.
pub(crate) type Time = u64;

pub(crate) const MICROSECOND: Time = 1_000;
pub(crate) const MILLISECOND: Time = 1_000_000;
pub(crate) const SECOND: Time = 1_000_000_000;

/// Every clock is too fast or too slow by less than this, so that two of them differ by less than one per cent.
pub(crate) const MOST_DRIFT: i64 = 4_900;

const MILLION: u128 = 1_000_000;

/// A clock that began anywhere and runs too fast or too slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began_at: Time,
    /// How far it goes while the world's time goes on by a million.
    rate: u128,
}

impl Clock {
    pub(crate) fn new(began_at: Time, parts_per_million: i64) -> Self {
        Self { began_at, rate: MILLION.checked_add_signed(parts_per_million.into()).unwrap() }
    }

    /// What it shows at a moment of the world.
    pub(crate) fn at(self, time: Time) -> Instant {
        let elapsed = u128::from(time) * self.rate / MILLION;
        Instant::from_epoch(Duration::from_nanos(self.began_at + u64::try_from(elapsed).unwrap()))
    }

    /// The first moment of the world at which it shows `instant`.
    pub(crate) fn time_of(self, instant: Instant) -> Time {
        let elapsed = nanos(instant.since_epoch()).saturating_sub(self.began_at);
        u64::try_from((u128::from(elapsed) * MILLION).div_ceil(self.rate)).unwrap_or(Time::MAX)
    }
}

/// A duration as a length of time.
pub(crate) fn nanos(duration: Duration) -> Time {
    u64::try_from(duration.as_nanos()).unwrap_or(Time::MAX)
}

#[test]
fn a_clock_shows_an_instant_from_the_first_moment_on_at_which_it_does() {
    for parts_per_million in [-MOST_DRIFT, -1, 0, 1, MOST_DRIFT] {
        let clock = Clock::new(77 * SECOND, parts_per_million);
        for time in [2, 999, 1_000_003, 7 * SECOND + 1] {
            let first = clock.time_of(clock.at(time));
            assert_eq!(clock.at(first), clock.at(time));
            assert!(first <= time && clock.at(first - 1) < clock.at(first));
        }
    }
}
