use core::ops::RangeInclusive;

use crate::clock::Time;

/// The only source of chance in the world: the same seed makes the same throws.
#[derive(Clone, Debug)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Dice of their own for a part of the world, so that its throws do not shift those of other parts.
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

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn number(&mut self, range: RangeInclusive<i32>) -> i32 {
        self.0.i32(range)
    }

    /// A time, all in the range equally likely.
    pub(crate) fn time(&mut self, range: RangeInclusive<Time>) -> Time {
        self.0.u64(range)
    }

    /// A time whose magnitudes are about equally likely: one that lasts ten times as long comes as often.
    pub(crate) fn magnitude(&mut self, range: RangeInclusive<Time>) -> Time {
        let (shortest, longest) = range.into_inner();
        let doublings = (longest / shortest.max(1)).max(1).ilog2();
        let scale = shortest << self.0.u32(0..=doublings);
        self.0.u64(scale..=(scale * 2).min(longest).max(scale))
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        bytes
    }
}
