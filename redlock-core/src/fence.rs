//! Fencing tokens: numbers by which a store tells a late holder of a lock from the present one.

mod gate;

use alloc::sync::Arc;
use core::fmt;

use smallvec::SmallVec;

pub use self::gate::{FenceGate, StaleFence};
use crate::Ttl;

/// A number that is larger for every acquisition of a resource than for all before it.
///
/// A lock ends by a clock; a holder that was paused does not know that it is over. Whatever the holder writes to goes by the
/// fence instead: it refuses a number that is smaller than one that it has seen. No clock has a say in that.
///
/// Numbers are not consecutive. Those of a resource that was fenced lately are about the microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Fence(u64);

impl Fence {
    /// The largest number: nodes count in floating point, which is exact up to it.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Reads a fence that was written down as a number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number behind it.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the number, for a store.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The fences of one lock, one for each of its resources, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fences(SmallVec<[Fence; 1]>);

impl Fences {
    /// Returns them in the order of the resources.
    #[must_use]
    pub fn as_slice(&self) -> &[Fence] {
        &self.0
    }

    /// Returns for each resource the larger one.
    pub(crate) fn max(&self, other: &Self) -> Self {
        self.0.iter().zip(&other.0).map(|(one, other)| *one.max(other)).collect()
    }

    /// Returns whether none is larger than the other of its resource.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one <= other)
    }
}

impl FromIterator<Fence> for Fences {
    fn from_iter<I: IntoIterator<Item = Fence>>(fences: I) -> Self {
        Self(fences.into_iter().collect())
    }
}

/// What a node is to do with its counters when it sets the keys of a fenced lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fencing {
    /// Count on: by one, or to the proposal if that is larger, which is capped at a day from the node's present.
    #[non_exhaustive]
    Mint {
        /// The number that the client proposes to all nodes, so that they agree.
        proposal: Fence,
        /// How long the counters live.
        retention: Ttl,
    },
    /// Let no counter be below its fence: the lock is held, and the node has lost it.
    #[non_exhaustive]
    Raise {
        /// The fences of the lock.
        fences: Fences,
        /// How long the counters live.
        retention: Ttl,
    },
}

impl Fencing {
    /// Creates what lets a node count on.
    #[must_use]
    pub fn mint(proposal: Fence, retention: Ttl) -> Arc<Self> {
        Arc::new(Self::Mint { proposal, retention })
    }

    /// Returns the fences of a lock that is held.
    pub(crate) const fn fences(&self) -> Option<&Fences> {
        match self {
            Self::Mint { .. } => None,
            Self::Raise { fences, .. } => Some(fences),
        }
    }

    /// Creates what raises the counters of a node.
    #[must_use]
    pub fn raise(fences: Fences, retention: Ttl) -> Arc<Self> {
        Arc::new(Self::Raise { fences, retention })
    }
}
