//! The parts that the adapters' `NamedLocks` share.

mod held_lock;
mod held_locks;

use std::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, ReleaseReport, Resource};

pub use self::held_lock::{Guard, HeldLock};
pub use self::held_locks::{HeldLocks, NotKept};
use crate::{Generation, Refusal};

/// A lock that was taken and is kept by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Locked {
    /// The time for which it is valid from now on. One that is kept alive may be valid for longer.
    pub validity: Duration,
    /// Tells it from every other lock of that name, before and after, in this process.
    pub generation: Generation,
    /// Its fence, if the options of the handle say that locks are fenced.
    pub fence: Option<Fence>,
    /// The locks that were still held and are being released now, because a [bounded](crate::BoundedCache) cache needed
    /// their room: empty unless it [evicts](crate::WhenFull::Evict).
    pub evicted: Vec<Resource>,
}

/// A lock that is held by name cannot be kept alive for as long as it is held: there is no guard that would end with its
/// holder, so a handler that forgets to unlock would keep everybody else out for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("locks that are held by name can be kept alive up to a longest hold only: use KeepAlive::up_to")]
#[non_exhaustive]
pub struct NoLongestHold;

/// No lock of this name is held here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no lock named {name} is held here: it was never taken, was unlocked before, was evicted, or has expired long since"
)]
#[non_exhaustive]
pub struct NotHeld {
    /// The name.
    pub name: Resource,
}

impl NotHeld {
    /// Creates the error about this name.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self { name: Resource::new(name) }
    }
}

/// The reason for which a lock was not taken by name. Nothing is left behind. `E` is the reason for which it was not
/// acquired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLockError<E> {
    /// It was not acquired.
    #[error(transparent)]
    Acquire(#[from] E),
    /// It was acquired, could not be kept here, and was released again.
    #[error("the lock was acquired and given back: {reason} (given back: {report})")]
    NotKept {
        /// The reason for which it was not kept.
        reason: Refusal,
        /// The result of the release.
        report: Box<ReleaseReport>,
        /// As in [`Locked::evicted`].
        evicted: Vec<Resource>,
    },
}

/// The reason for which a lock was not extended by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamedExtendError {
    /// There is none, or it was unlocked or evicted while it was being extended.
    #[error(transparent)]
    NotHeld(#[from] NotHeld),
    /// There is one, and it was not extended.
    #[error(transparent)]
    Extend(#[from] ExtendError),
}
