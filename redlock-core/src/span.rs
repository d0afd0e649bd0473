use core::fmt;
use core::time::Duration;

use crate::Instant;

/// A duration that is kept for as long as a lock lives. It takes half the memory of a [`Duration`], also where it is
/// optional, and saturates at some 584 years.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span(
    /// The end of the span, if it began at the epoch.
    Instant,
);

impl Span {
    pub(crate) const ZERO: Self = Self::of(Duration::ZERO);

    pub(crate) const fn of(duration: Duration) -> Self {
        Self(Instant::from_epoch(duration))
    }

    pub(crate) const fn get(self) -> Duration {
        self.0.since_epoch()
    }

    pub(crate) const fn nanos(self) -> u64 {
        self.0.nanos()
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_exact_up_to_centuries_and_small() {
        for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400 * 366 * 500)] {
            assert_eq!(Span::of(duration).get(), duration);
        }
        assert!(Span::of(Duration::MAX).get() > Duration::from_secs(86_400 * 366 * 500));
        assert_eq!(size_of::<Option<Span>>(), 8);
    }
}
