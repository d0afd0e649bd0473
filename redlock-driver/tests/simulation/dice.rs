//! Chance.

use std::ops::RangeInclusive;

use crate::clock::Time;

/// The only source of chance in a world: the same seed makes the same throws.
#[derive(Clone, Debug)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Dice of their own for somebody in the world.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.0.u32(0..100) < percent
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.usize(0..bound)
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u32>) -> u32 {
        self.0.u32(range)
    }

    pub(crate) fn signed(&mut self, most: i64) -> i64 {
        self.0.i64(-most..=most)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A time, all in the range equally likely.
    pub(crate) fn time(&mut self, range: RangeInclusive<Time>) -> Time {
        self.0.u64(range)
    }

    /// A time of any magnitude: one that is twice as long comes about as often.
    pub(crate) fn magnitude(&mut self, range: RangeInclusive<Time>) -> Time {
        let (shortest, longest) = range.into_inner();
        let doublings = (longest / shortest).ilog2();
        let scale = shortest << self.0.u32(0..=doublings);
        self.0.u64(scale..=longest.min(scale * 2))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}
