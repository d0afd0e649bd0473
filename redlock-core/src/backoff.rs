use core::fmt;
use core::time::Duration;

use crate::RetryDelay;

/// Waits between attempts, drawn again each time: full jitter below a cap that doubles from try to try.
///
/// Full jitter spreads contenders best; a fixed or merely shifted delay keeps them in step, and they split the votes
/// again. Source: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Backoff {
    generator: SplitMix64,
    step: u32,
}

impl Backoff {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { generator: SplitMix64(seed), step: 0 }
    }

    /// Returns the wait before the next attempt, at most `limit`.
    pub(crate) fn next(&mut self, delay: RetryDelay, limit: Duration) -> Duration {
        let cap = delay.base().saturating_mul(1_u32.checked_shl(self.step).unwrap_or(u32::MAX));
        self.step = self.step.saturating_add(1).min(u32::BITS);
        self.below(cap.min(delay.max()).min(limit))
    }

    /// Returns a duration in the upper half of `cap`: equal jitter, for those who stand in a queue, where nobody is in step
    /// with anybody and each try that comes to nothing is one too many.
    pub(crate) fn upper_half_of(&mut self, cap: Duration) -> Duration {
        let half = cap.checked_div(2).unwrap_or_default();
        half.saturating_add(self.below(half))
    }

    /// Returns a duration between zero and `cap`, all of them equally likely.
    fn below(&mut self, cap: Duration) -> Duration {
        let nanos = u64::try_from(cap.as_nanos()).unwrap_or(u64::MAX);
        let drawn = u128::from(self.generator.next()).wrapping_mul(u128::from(nanos)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(nanos))
    }
}

/// Sebastiano Vigna's `SplitMix64`: eight bytes of state, equidistributed; for jitter, not for secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SplitMix64(u64);

impl SplitMix64 {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl fmt::Debug for SplitMix64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SplitMix64(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const DELAY: RetryDelay = RetryDelay::DEFAULT;

    #[test]
    fn the_cap_doubles_up_to_the_maximum() {
        let mut largest = [Duration::ZERO; 8];
        for seed in 0..2_000 {
            let mut backoff = Backoff::new(seed);
            for seen in &mut largest {
                *seen = (*seen).max(backoff.next(DELAY, Duration::MAX));
            }
        }
        let mut cap = DELAY.base();
        for seen in largest {
            assert!(seen <= cap && seen > cap.mul_f64(0.95), "{seen:?} of {cap:?}");
            cap = (cap * 2).min(DELAY.max());
        }
    }

    #[test]
    fn who_stands_in_a_queue_waits_for_half_of_the_cap_at_least() {
        let mut backoff = Backoff::new(1);
        let drawn: Vec<_> = (0..2_000).map(|_| backoff.upper_half_of(DELAY.max())).collect();
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!((DELAY.max() / 2..DELAY.max().mul_f64(0.51)).contains(least), "{least:?}");
        assert!((DELAY.max().mul_f64(0.99)..=DELAY.max()).contains(most), "{most:?}");
    }

    #[test]
    fn a_limit_is_kept_and_a_long_wait_does_not_overflow() {
        let mut backoff = Backoff::new(1);
        for _ in 0..100 {
            assert!(backoff.next(DELAY, Duration::from_micros(3)) <= Duration::from_micros(3));
        }
        assert_eq!(backoff.below(Duration::ZERO), Duration::ZERO);
        assert!(backoff.below(Duration::MAX) <= Duration::from_nanos(u64::MAX));
    }
}
