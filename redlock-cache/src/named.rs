//! The parts that the adapters' `NamedLocks` share.

use std::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, Instant, ReleaseReport, Resource};

use crate::{Cache, Generation, Refusal, Refused};

/// A lock that was taken and is kept by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Locked {
    /// The time for which it is valid from now on.
    pub validity: Duration,
    /// Tells it from every other lock of that name, before and after, in this process.
    pub generation: Generation,
    /// Its fence, if the options of the handle say that locks are fenced.
    pub fence: Option<Fence>,
    /// The locks that were still held and are being released now, because a [bounded](crate::BoundedCache) cache needed
    /// their room: empty unless it [evicts](crate::WhenFull::Evict).
    pub evicted: Vec<Resource>,
}

impl Locked {
    /// Notes the fence of the lock, for adapters.
    #[must_use]
    pub fn with_fence(self, fence: Option<Fence>) -> Self {
        Self { fence, ..self }
    }
}

/// Keeps a lock that was taken by its name.
///
/// `deadline_of` says when a lock is over in truth: the cache thinks that one is valid for longer than it is while it is
/// being extended, and is set right if another one is refused for its sake.
///
/// # Errors
///
/// The lock itself, with the reason for which it cannot be kept: release it.
pub fn keep<V>(
    cache: &dyn Cache<V>,
    name: &[u8],
    mut held: V,
    deadline_of: impl Fn(&V) -> Instant,
    now: impl Fn() -> Instant,
) -> Result<Locked, Refused<V>> {
    let deadline = deadline_of(&held);
    loop {
        let now = now();
        let refused = match cache.insert(name, held, deadline, now) {
            Ok(inserted) => {
                let evicted = inserted.evicted(now).map(|left| Resource::new(&left.name)).collect();
                let validity = deadline.saturating_since(now);
                return Ok(Locked { validity, generation: inserted.generation, fence: None, evicted });
            }
            Err(refused) => refused,
        };
        let Refusal::Held { generation, .. } = refused.reason else { return Err(refused) };
        let found = cache.get(name, now).filter(|found| found.generation == generation);
        let other = found.map(|found| deadline_of(&found.value)).unwrap_or_default();
        if other > now {
            return Err(refused);
        }
        cache.extend(name, generation, other);
        held = refused.value;
    }
}

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

impl<E> NamedLockError<E> {
    /// [`NotKept`](Self::NotKept) for a lock that was refused and, with this report, released again.
    pub fn not_kept<V>(refused: &Refused<V>, report: ReleaseReport, now: Instant) -> Self {
        let evicted = refused.evicted(now).map(|left| Resource::new(&left.name)).collect();
        Self::NotKept { reason: refused.reason, report: Box::new(report), evicted }
    }
}

/// The reason for which a lock was not extended by name.
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
