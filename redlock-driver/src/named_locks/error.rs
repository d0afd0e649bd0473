use redlock_cache::{NotHeld, Refusal};
use redlock_core::{ExtendError, ReleaseReport, Resource};

use crate::AcquireError;

/// Why a lock was not taken by name. Nothing is left behind in any case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLockError {
    /// It was not acquired.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// It was acquired, could not be kept here, and was released again.
    #[error("the lock was acquired and given back: {reason} (given back: {report})")]
    NotKept {
        /// Why it was not kept: the cache is [full](Refusal::Full), or a lock of that name is
        /// [held](Refusal::Held) here that the nodes have forgotten.
        reason: Refusal,
        /// What became of the release.
        report: Box<ReleaseReport>,
        /// As in [`Locked::evicted`](redlock_cache::Locked::evicted).
        evicted: Vec<Resource>,
    },
}

/// Why a lock was not extended by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamedExtendError {
    /// There is none, or it was unlocked while it was being extended.
    #[error(transparent)]
    NotHeld(#[from] NotHeld),
    /// There is one, and it was not extended.
    #[error(transparent)]
    Extend(#[from] ExtendError),
}
