use core::fmt;
use core::num::NonZero;
use core::time::Duration;

use crate::span::Span;

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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// One more than the nanoseconds, so that an optional instant takes no more memory.
    NonZero<u64>,
);

impl Instant {
    /// The epoch itself.
    pub const EPOCH: Self = Self(NonZero::<u64>::MIN);

    /// Returns the instant that lies `elapsed` after the epoch.
    #[must_use]
    pub const fn from_epoch(elapsed: Duration) -> Self {
        Self::EPOCH.saturating_add(elapsed)
    }

    /// Returns the time since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.saturating_since(Self::EPOCH)
    }

    /// Returns this instant moved forward by `duration`.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// Returns this instant moved forward by a span.
    pub(crate) const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.nanos()))
    }

    /// Returns this instant moved back by `duration`, at most to the epoch.
    #[must_use]
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        match NonZero::new(self.0.get().saturating_sub(saturating_nanos(duration))) {
            Some(instant) => Self(instant),
            None => Self::EPOCH,
        }
    }

    /// Returns the time that has passed since `earlier`; zero when `earlier` is the later one.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// Returns the nanoseconds that have passed since the epoch.
    pub(crate) const fn nanos(self) -> u64 {
        self.nanos_since(Self::EPOCH)
    }

    /// Returns the nanoseconds that have passed since `earlier`; zero when `earlier` is the later one.
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    /// Returns the last instant up to this one whose time since the epoch is a multiple of `2^bits` nanoseconds.
    pub(crate) const fn rounded_down(self, bits: u32) -> Self {
        let nanos = self.0.get().saturating_sub(1);
        match nanos.checked_shr(bits) {
            Some(multiple) => Self(NonZero::<u64>::MIN.saturating_add(multiple << bits)),
            None => Self::EPOCH,
        }
    }

    /// Returns the earliest of the instants that there are.
    pub(crate) fn earliest<const N: usize>(instants: [Option<Self>; N]) -> Option<Self> {
        // None is later than any: it is the number before that of the epoch.
        let before = |instant: Option<Self>| instant.map_or(u64::MAX, |instant| instant.0.get().wrapping_sub(1));
        let earliest = instants.into_iter().map(before).fold(u64::MAX, u64::min);
        NonZero::new(earliest.wrapping_add(1)).map(Self)
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self::EPOCH
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.since_epoch()).finish()
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
        assert_eq!(Instant::from_epoch(Duration::from_nanos(1)).saturating_sub(Duration::MAX), Instant::EPOCH);
    }

    #[test]
    fn rounding_down_keeps_the_multiples_of_a_power_of_two() {
        let nanos = |nanos| Instant::from_epoch(Duration::from_nanos(nanos));
        assert_eq!(nanos(0x1234).rounded_down(8), nanos(0x1200));
        assert_eq!(nanos(0x1200).rounded_down(8), nanos(0x1200));
        assert_eq!(nanos(0x11ff).rounded_down(8), nanos(0x1100));
        assert_eq!(nanos(0x1234).rounded_down(0), nanos(0x1234));
        assert_eq!(nanos(0x1234).rounded_down(64), Instant::EPOCH);
    }

    #[test]
    fn an_optional_instant_takes_no_more_memory() {
        assert_eq!(size_of::<Option<Instant>>(), size_of::<Instant>());
    }

    #[test]
    fn the_earliest_is_that_of_those_that_there_are() {
        let [one, two] = [1, 2].map(|nanos| Some(Instant::from_epoch(Duration::from_nanos(nanos))));
        assert_eq!(Instant::earliest([two, None, one, two]), one);
        assert_eq!(Instant::earliest([None, None]), None);
    }
}
