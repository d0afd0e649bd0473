use core::fmt;
use core::time::Duration;

use super::{ConfigError, MAX_TTL_BOUND};
use crate::HumanDuration;

/// The time that a node has to answer inside a round: a share of the TTL, between two bounds.
///
/// A node that is silent for longer counts as a refusal in that round. Its command may still be carried out, so it is
/// told to release like all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeTimeout {
    per_mille: u32,
    min: Duration,
    max: Duration,
}

impl NodeTimeout {
    /// 5 % of the TTL, at least 20 ms and at most 500 ms.
    ///
    /// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", step 2: the timeout is small compared with the
    /// TTL (for ten seconds, 5 to 50 milliseconds), so that a client does not stay blocked by a node that is down.
    pub const DEFAULT: Self = Self { per_mille: 50, min: Duration::from_millis(20), max: Duration::from_millis(500) };

    /// Allows `per_mille` thousandths of the TTL (1 to 1,000), at least `min` and at most `max`.
    ///
    /// The bounds are checked by [`ConfigBuilder::build`](super::ConfigBuilder::build): `min` is not zero and not above `max`.
    #[must_use]
    pub const fn new(per_mille: u32, min: Duration, max: Duration) -> Self {
        Self { per_mille, min, max }
    }

    /// Allows the same time for every TTL.
    #[must_use]
    pub const fn fixed(timeout: Duration) -> Self {
        Self { per_mille: 1, min: timeout, max: timeout }
    }

    /// Returns the timeout of a round for a lock with this TTL.
    #[must_use]
    pub fn of(self, ttl: Duration) -> Duration {
        let share = ttl.saturating_mul(self.per_mille).checked_div(1_000).unwrap_or_default();
        share.max(self.min).min(self.max)
    }

    /// Returns the timeout where there is no TTL to go by: the longest.
    pub(crate) const fn longest(self) -> Duration {
        self.max
    }

    pub(super) fn check(self) -> Result<(), ConfigError> {
        let in_bounds = (1..=1_000).contains(&self.per_mille)
            && !self.min.is_zero()
            && self.min <= self.max
            && self.max <= MAX_TTL_BOUND;
        if in_bounds { Ok(()) } else { Err(ConfigError::NodeTimeout { timeout: self }) }
    }
}

impl Default for NodeTimeout {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for NodeTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, max] = [self.min, self.max].map(HumanDuration);
        write!(f, "{} per mille of the TTL, from {min} to {max}", self.per_mille)
    }
}
