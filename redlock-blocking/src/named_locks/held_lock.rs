use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redlock_cache::Weigh;
use redlock_core::{ExtendError, Instant, LockKey, Locks, ReleaseReport};

use crate::LockGuard;
use crate::handle::Handle;

/// What a cache keeps for a lock that is held by name: a handle to its guard. Clones are the same lock, which is
/// released when the last one is dropped.
#[derive(Clone)]
pub struct HeldLock(Arc<Shared>);

struct Shared {
    /// Gone when the lock is being released. Locked while it is extended.
    guard: Mutex<Option<LockGuard>>,
    /// By which the deadline is found without waiting for an extension.
    lock: (Handle, LockKey),
    /// Until then it may be kept alive.
    until: Option<Instant>,
    weight: usize,
}

impl HeldLock {
    pub(super) fn new(guard: LockGuard, until: Option<Instant>) -> Self {
        let names = guard.resources().as_slice().iter().map(|name| name.as_bytes().len()).sum();
        let weight = size_of::<Shared>().saturating_add(Locks::BYTES_PER_LOCK).saturating_add(names);
        let lock = (guard.handle.clone(), guard.key);
        Self(Arc::new(Shared { guard: Mutex::new(Some(guard)), lock, until, weight }))
    }

    /// The end of the lock's validity.
    pub(super) fn deadline(&self) -> Instant {
        let (handle, key) = &self.0.lock;
        handle.shell().deadline(*key).unwrap_or_default()
    }

    /// The moment until which the cache keeps it.
    pub(super) fn stays_until(&self) -> Instant {
        self.deadline().max(self.0.until.unwrap_or_default())
    }

    /// Extends the lock, after `begin`, when nobody else does. `None` when it was released meanwhile.
    pub(super) fn extend(&self, ttl: Duration, begin: impl FnOnce()) -> Option<Result<Instant, ExtendError>> {
        let mut guard = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = guard.as_mut()?;
        begin();
        Some(guard.extend(ttl))
    }

    /// Releases the lock, when an extension that is under way has ended. `None` when somebody else did.
    pub(super) fn release(&self) -> Option<ReleaseReport> {
        let guard = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        guard.map(LockGuard::release)
    }
}

impl Weigh for HeldLock {
    /// What the lock takes in the shell and in here, at most.
    fn weight(&self) -> usize {
        self.0.weight
    }
}

impl fmt::Debug for HeldLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLock").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
