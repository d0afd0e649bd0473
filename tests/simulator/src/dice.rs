use core::ops::RangeInclusive;

use crate::clock::Time;

/// The only source of chance in the world: the same seed makes the same throws.
#[derive(Clone, Debug)]
pub struct Dice(fastrand::Rng);

impl Dice {
    /// Dice that throw what the seed decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    #[must_use]
    /// Dice of their own for a part of the world, so that its throws do not shift those of other parts.
    pub fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// Returns whether something happens that happens `percent` times in a hundred.
    pub fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.0.u32(0..100) < percent
    }

    /// A number from zero up to, but not including, the bound, which must not be zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(0..bound)
    }

    /// One of them; there must be one.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A number, all in the range equally likely.
    pub fn number(&mut self, range: RangeInclusive<i32>) -> i32 {
        self.0.i32(range)
    }

    /// A count, all in the range equally likely.
    pub fn count(&mut self, range: RangeInclusive<u32>) -> u32 {
        self.0.u32(range)
    }

    /// A time, all in the range equally likely.
    pub fn time(&mut self, range: RangeInclusive<Time>) -> Time {
        self.0.u64(range)
    }

    /// A time whose magnitudes are about equally likely: one that lasts ten times as long comes as often.
    pub fn magnitude(&mut self, range: RangeInclusive<Time>) -> Time {
        let (shortest, longest) = range.into_inner();
        let doublings = (longest / shortest.max(1)).max(1).ilog2();
        let scale = shortest << self.0.u32(0..=doublings);
        self.0.u64(scale..=(scale * 2).min(longest).max(scale))
    }

    /// A seed for somebody else.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        bytes
    }
}
