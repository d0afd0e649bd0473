use core::time::Duration;

use redlock_core::Instant;

/// A moment of the simulated world in nanoseconds since it began, or a length of time. Only the simulator sees it;
/// everybody in the world has a [`Clock`].
pub type Time = u64;

/// One microsecond of the world.
pub const MICROSECOND: Time = 1_000;
/// One millisecond of the world.
pub const MILLISECOND: Time = 1_000_000;
/// One second of the world.
pub const SECOND: Time = 1_000_000_000;

const MILLION: u64 = 1_000_000;

/// Somebody's clock: it began anywhere, and runs too fast or too slow.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What it shows at the beginning of the world.
    began_at: u64,
    /// By how many millionths it is faster than the world.
    parts_per_million: i32,
}

impl Clock {
    /// A clock that shows this at the beginning, and runs so much too fast.
    #[must_use]
    pub const fn new(began_at: Time, parts_per_million: i32) -> Self {
        Self { began_at, parts_per_million }
    }

    /// What it shows.
    #[must_use]
    pub fn at(self, time: Time) -> Instant {
        let scaled = u128::from(time) * u128::from(self.millionths()) / u128::from(MILLION);
        Instant::from_epoch(Duration::from_nanos(self.began_at + narrow(scaled)))
    }

    /// The first moment at which it shows `instant` or more.
    #[must_use]
    pub fn time_of(self, instant: Instant) -> Time {
        let elapsed = narrow(instant.since_epoch().as_nanos()).saturating_sub(self.began_at);
        narrow((u128::from(elapsed) * u128::from(MILLION)).div_ceil(u128::from(self.millionths())))
    }

    /// Steps forward, or back as far as to its beginning.
    pub const fn jump(&mut self, nanos: i64) {
        self.began_at = self.began_at.saturating_add_signed(nanos);
    }

    fn millionths(self) -> u64 {
        MILLION.saturating_add_signed(self.parts_per_million.into())
    }
}

/// A duration as a length of time of the world.
#[must_use]
pub fn nanos(duration: Duration) -> Time {
    narrow(duration.as_nanos())
}

fn narrow(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_moment_from_the_first_time_on_at_which_it_does() {
        for parts_per_million in [-400_000, -5_000, -1, 0, 1, 5_000, 700_000] {
            let clock = Clock::new(77 * SECOND, parts_per_million);
            for time in [0, 1, 999, 1_000_003, 7 * SECOND + 1] {
                let instant = clock.at(time);
                let first = clock.time_of(instant);
                assert!(first <= time && clock.at(first) == instant, "{parts_per_million} ppm at {time}");
                let next = clock.time_of(instant.saturating_add(Duration::from_nanos(1)));
                assert!(next > time, "{parts_per_million} ppm at {time}");
            }
        }
    }
}
