use core::time::Duration;

/// A point in time, as a number of nanoseconds since an epoch that the driver chose.
///
/// The core never reads a clock: every instant it knows was handed in. All instants of one [`Lock`](crate::Lock) must
/// come from one clock that does not go back and that runs on while the machine sleeps (`CLOCK_BOOTTIME` on Linux).
///
/// Arithmetic saturates: the far end, some 584 years after the epoch, is never reached and never wraps.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::Instant;
///
/// let start = Instant::from_epoch(Duration::from_secs(5));
/// let later = start.saturating_add(Duration::from_millis(1));
/// assert_eq!(later.saturating_since(start), Duration::from_millis(1));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);

    /// Returns the instant that lies `elapsed` after the epoch.
    #[must_use]
    pub const fn from_epoch(elapsed: Duration) -> Self {
        Self(saturating_nanos(elapsed))
    }

    /// Returns the time since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns this instant moved forward by `duration`.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// Returns this instant moved back by `duration`, at most to the epoch.
    #[must_use]
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(duration)))
    }

    /// Returns the time that has passed since `earlier`; zero when `earlier` is the later one.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "compared with the largest value before")]
const fn saturating_nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = Instant::from_epoch(Duration::MAX);
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        assert_eq!(Instant::EPOCH.saturating_sub(Duration::MAX), Instant::EPOCH);
        assert_eq!(Instant::EPOCH.saturating_since(end), Duration::ZERO);
    }
}
