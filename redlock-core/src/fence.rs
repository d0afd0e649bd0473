//! Fencing tokens: numbers by which a store tells a late holder of a lock from the present one.
//!
//! # What it is for
//!
//! A lock with a TTL is over at its deadline, whether its holder knows it or not. A process may be stopped, a machine may
//! sleep, a request may hang in a network for longer than the lock lives; then the holder wakes up, goes on where it was, and
//! writes over what the next holder has written:
//!
//! ```text
//!   first holder   ── lock ── read ──── (paused) ─────────────────────── write: overwrites the second's work
//!   second holder                        └ the lock is over ┘ lock ── read ── write ── release
//! ```
//!
//! No lock can prevent that, because the store does not ask it. So the holder brings a number along with every write, and the
//! store itself refuses a number that is smaller than one that it has seen:
//!
//! ```text
//!   first holder   ── lock, fence 33 ── read ── (paused) ───────────────────────────── write with 33: refused
//!   second holder                                   lock, fence 34 ── read ── write with 34 ── release
//! ```
//!
//! Source: *How to do distributed locking*, Martin Kleppmann, 2016.
//!
//! # What it guarantees
//!
//! Of all acquisitions of a resource that are [fenced](crate::Options::fenced), no two have the same fence, and one that
//! begins after another was granted has a larger one. That holds whatever clocks do, on nodes and clients, however long
//! anybody is paused, and when lock keys are evicted, deleted or expire too early: as long as no node loses its counters within
//! the [retention](crate::ConfigBuilder::fence_retention).
//!
//! A node that restarts empty does lose them. A fence that all nodes had kept outlives the loss of fewer than a quorum of
//! them; one that only a quorum had kept, because others were down, may be forgotten with a single node. Then fences go on
//! from the wall clock of whoever asks: still larger than before, if the clocks of the clients differ by less than the time
//! that has passed between the two acquisitions. That is likely, and no guarantee: where it has to be one, run nodes with
//! persistence.
//!
//! An acquisition that is not fenced takes the lock all the same, and leaves the counters alone: what it writes cannot be
//! told from what others write. So all who use a resource should be fenced, or none.
//!
//! # How it works
//!
//! Each node keeps a counter beside the lock, at `redlock:fence:{name}`. With the key it sets the counter to one more, or to
//! what the client proposes if that is larger: the microseconds since 1970. The fence is the largest number that a quorum has
//! granted. Usually all have granted what was proposed, and that is all: one round trip, as without a fence. Otherwise those
//! that have granted less are told to raise their counters, where the key is still ours; the lock is held when a quorum keeps
//! the fence. Two such quorums share a node, and there one of the two acquisitions came wholly before the other.
//!
//! Extending, healing and adopting a lock keep its fence; a node that has lost everything is given the fence with the key.
//!
//! # How a store uses it
//!
//! - In memory, or behind one service: [`FenceGate`].
//! - In a database: a column with the largest fence that has written, compared in the write itself, so that nothing comes
//!   between. A new holder writes its fence before it reads, so that nobody before it writes any more:
//!
//!   ```sql
//!   UPDATE account SET fence = $1 WHERE id = $2 AND fence <= $1;                      -- before reading
//!   UPDATE account SET balance = $3, fence = $1 WHERE id = $2 AND fence <= $1;        -- 0 rows: the lock was lost
//!   ```
//!
//! - In Redis: [`REDIS_SET_IF_NOT_STALE`], a script that compares and writes.

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

/// A script for Redis or Valkey as a store: sets a key unless a larger fence has written it.
///
/// `KEYS` are the key and the one at which its fence is kept; `ARGV` are the fence, in digits, and the value. It answers 1 when
/// the key was set, and 0 when the fence is stale: then the lock was lost, and nothing was changed. On a cluster both keys
/// must be in one slot. Called with the present value it tells the store of a new holder.
pub const REDIS_SET_IF_NOT_STALE: &str = "\
local seen = redis.call('GET', KEYS[2])
if seen and tonumber(seen) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[2])
return 1";

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

    /// Returns how long the counters live.
    pub(crate) const fn retention(&self) -> Ttl {
        match self {
            Self::Mint { retention, .. } | Self::Raise { retention, .. } => *retention,
        }
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
