//! The parts that the adapters' `NamedLocks` share.

use std::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, Instant, KeepAlive, ReleaseReport, Resource};

use crate::{Cache, Generation, Refusal, Refused};

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

impl Locked {
    /// Notes the fence of the lock, for adapters.
    #[must_use]
    pub fn with_fence(self, fence: Option<Fence>) -> Self {
        Self { fence, ..self }
    }
}

/// How the locks that are taken by name are kept alive: not at all, unless that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedKeepAlive(Option<KeepAlive>);

impl NamedKeepAlive {
    /// Checks how locks are to be kept alive.
    ///
    /// # Errors
    ///
    /// [`NoLongestHold`] for what has no end.
    pub fn new(keep_alive: Option<KeepAlive>) -> Result<Self, NoLongestHold> {
        match keep_alive {
            Some(keep_alive) if keep_alive.max_hold().is_none() => Err(NoLongestHold),
            keep_alive => Ok(Self(keep_alive)),
        }
    }

    /// Returns it as an option of an acquisition.
    #[must_use]
    pub const fn get(self) -> Option<KeepAlive> {
        self.0
    }

    /// Returns the latest moment until which a lock may be kept alive that was handed over by `now`.
    #[must_use]
    pub fn until(self, now: Instant) -> Option<Instant> {
        self.0?.max_hold().map(|max_hold| now.saturating_add(max_hold))
    }
}

/// A lock that is held by name cannot be kept alive for as long as it is held: there is no guard that would end with its
/// holder, so a handler that forgets to unlock would keep everybody else out for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("locks that are held by name can be kept alive up to a longest hold only: use KeepAlive::up_to")]
#[non_exhaustive]
pub struct NoLongestHold;

/// Keeps a lock that was taken by its name, until its deadline or, if it may be kept alive, `until` then.
///
/// `deadline_of` says when a lock is over in truth: the cache thinks that one is valid for longer than it is while it is
/// kept alive or being extended, and is set right if another one is refused for its sake.
///
/// # Errors
///
/// The lock itself, with the reason for which it cannot be kept: release it.
pub fn keep<V>(
    cache: &dyn Cache<V>,
    name: &[u8],
    mut held: V,
    until: Option<Instant>,
    deadline_of: impl Fn(&V) -> Instant,
    now: impl Fn() -> Instant,
) -> Result<Locked, Refused<V>> {
    let deadline = deadline_of(&held);
    loop {
        let now = now();
        let refused = match cache.insert(name, held, until.map_or(deadline, |until| until.max(deadline)), now) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_by_name_are_kept_alive_up_to_a_longest_hold_only() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(NamedKeepAlive::new(Some(KeepAlive::while_held())), Err(NoLongestHold));
        let kept = NamedKeepAlive::new(Some(KeepAlive::up_to(hour))).unwrap();
        let now = Instant::from_epoch(hour);
        assert_eq!(kept.until(now), Some(now.saturating_add(hour)));
        let unkept = NamedKeepAlive::new(None).unwrap();
        assert_eq!((unkept.get(), unkept.until(now)), (None, None));
        assert_eq!(unkept, NamedKeepAlive::default());
    }
}
