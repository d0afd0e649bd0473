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
//! This is how likely it is, measured for a lock that is taken every 20 ms, by eight clients in turn. The figures are per cent of
//! 10,000 losses each: those after which one of the next five fences was not larger than all before. In parentheses: the same
//! where a minority of the nodes, another one each time, was away at each acquisition.
//!
//! | nodes | lost at once | clocks off by up to 5 ms | by up to 50 ms | by up to 1 s | clients without a clock |
//! | --- | --- | --- | --- | --- | --- |
//! | 3 | 1 | 0 (0) | 0 (7.7) | 0 (15.7) | 0 (21.4) |
//! | 3 | 2 | 0 (0) | 12.1 (20.2) | 24.3 (41.0) | 32.7 (55.3) |
//! | 3 | 3 | 0 (0) | 35.8 (37.2) | 73.9 (74.6) | 100 (100) |
//! | 5 | 1 | 0 (0) | 0 (2.3) | 0 (4.6) | 0 (6.1) |
//! | 5 | 2 | 0 (0) | 0 (6.4) | 0 (13.3) | 0 (18.4) |
//! | 5 | 3 | 0 (0) | 3.6 (13.7) | 7.2 (27.6) | 10.0 (37.4) |
//! | 5 | 4 | 0 (0) | 14.5 (23.8) | 29.5 (48.2) | 40.1 (64.2) |
//! | 5 | 5 | 0 (0) | 35.9 (36.3) | 73.7 (73.6) | 100 (100) |
//!
//! So let clocks be set by the network, and the loss of a single node does no harm in practice. In the repository,
//! `cargo run --release -p redlock-tests --bin lost_counters` measures it again.
//!
//! An acquisition that is not fenced takes the lock all the same, and leaves the counters alone: what it writes cannot be
//! told from what others write. So all who use a resource should be fenced, or none.
//!
//! # How it works
//!
//! Each node keeps a counter beside the lock, at `redlock:fence:{name}`, or at `redlock:fence:name` if the name
//! has a hash tag of its own. With the key it sets the counter to one more, or to
//! what the client proposes if that is larger: the microseconds since 1970. The fence is the largest number that a quorum has
//! granted. Usually all have granted what was proposed, and that is all: one round trip, as without a fence. Otherwise those
//! that have granted less are told to raise their counters, where the key is still ours; the lock is held when a quorum keeps
//! the fence. Two such quorums share a node, and there one of the two acquisitions came wholly before the other.
//!
//! Extending, healing and adopting a lock keep its fence; a node that has lost everything is given the fence with the key.
//!
//! # How a store uses it
//!
//! Whatever the store is, the rules are three:
//!
//! 1. It keeps the largest fence that it has seen, with the data and for as long.
//! 2. It refuses a smaller one, and lets an equal one pass: it is the same holder. Comparing and writing are one step, so that
//!    nothing comes between.
//! 3. A new holder brings its fence before it reads, so that nobody before it writes any more. Otherwise a late write comes
//!    between its reading and its writing, and is lost.
//!
//! A holder that is refused has lost the lock. It must drop what it has worked out, and begin again with a new lock.
//!
//! ## In memory, or behind one service
//!
//! [`FenceGate`] compares; put it under one mutex with the data.
//!
//! ## In PostgreSQL
//!
//! Give the row a column. A fence fits into a `bigint`.
//!
//! ```sql
//! ALTER TABLE account ADD COLUMN fence bigint NOT NULL DEFAULT 0;
//! ```
//!
//! `$1` is the fence. Read with an `UPDATE` that brings it, and write with one that compares it:
//!
//! ```sql
//! UPDATE account SET fence = $1 WHERE id = $2 AND fence <= $1 RETURNING balance;
//! UPDATE account SET fence = $1, balance = $3 WHERE id = $2 AND fence <= $1;
//! ```
//!
//! No row means that the fence is stale (or that there is no such account): the lock was lost. To say which fence has been here,
//! `SELECT fence FROM account WHERE id = $2`, and return a [`StaleFence`]. A row that need not exist yet:
//!
//! ```sql
//! INSERT INTO account (id, balance, fence) VALUES ($2, $3, $1)
//!     ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, fence = excluded.fence
//!     WHERE account.fence <= excluded.fence;
//! ```
//!
//! A row must not be deleted while late writes are possible, or its fence is gone; mark it as deleted. Where a lock protects
//! several rows or tables, keep its fence in a table of its own, and begin each transaction with it. The row stays locked until
//! the transaction ends, so that nothing comes between:
//!
//! ```sql
//! CREATE TABLE fence (resource text PRIMARY KEY, fence bigint NOT NULL);
//!
//! BEGIN;
//! INSERT INTO fence (resource, fence) VALUES ($2, $1)
//!     ON CONFLICT (resource) DO UPDATE SET fence = excluded.fence WHERE fence.fence <= excluded.fence;
//! -- "INSERT 0 0", no row: ROLLBACK, the lock was lost. Otherwise read and write what you like:
//! COMMIT;
//! ```
//!
//! All of this is right at the default isolation level, `READ COMMITTED`: an `UPDATE` that had to wait for another looks at the
//! row again. At the higher levels it fails with a serialization error instead, and is to be tried again with the same fence.
//! Other SQL databases do the same with their own words for an upsert. The example `fencing_postgres` of `redlock-tokio` does it
//! with `tokio-postgres`, on the database whose URL you give it.
//!
//! ## In Redis or Valkey
//!
//! [`REDIS_SET_IF_NOT_STALE`] and [`REDIS_GET_IF_NOT_STALE`] are scripts that compare and write or read. With the feature
//! `redis` of the adapters, async or blocking, `set_if_not_stale` and `get_if_not_stale` send them; with another client, send
//! the scripts, and [`redis_fence_key`] as the second key. The store should keep its data over a restart: with the fence it
//! forgets who is late.
//!
//! ## In a file
//!
//! A file is replaced as a whole, with its fence in the first line:
//!
//! ```text
//! lock the file account.lock (flock); it is empty, always there, and never replaced
//! read the first line of account; larger than the fence: refuse
//! write the fence and the contents to account.new, and fsync it
//! rename account.new to account, and fsync the directory
//! unlock
//! ```
//!
//! That assumes a file system on which `flock` excludes all who write, a rename replaces a file in one step, and both last. Local
//! ones of Unix do (ext4, XFS, Btrfs, ZFS, tmpfs until the machine restarts). On a network, it depends: NFS passes `flock` on to
//! its server since Linux 2.6.12, and not if it is mounted with `nolock`; for others, read what they say. A holder that is paused
//! under the `flock` holds up the others, but nothing is lost. The example `fencing_file` of `redlock-tokio` does all of it.

mod gate;
mod redis_script;

use alloc::sync::Arc;
use core::fmt;

use smallvec::SmallVec;

pub use self::gate::{FenceGate, StaleFence};
pub use self::redis_script::{
    REDIS_GET_IF_NOT_STALE, REDIS_SET_IF_NOT_STALE, REDIS_STALE_FENCE, redis_fence_key, redis_stale_fence,
};
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

    /// Returns the number that follows it.
    #[cfg(feature = "model")]
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
    /// Count on: by one, or to the proposal if that is larger, which counts for no more than a day from the node's present.
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
