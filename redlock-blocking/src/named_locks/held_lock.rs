use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redlock_cache::Weigh;
use redlock_core::{ExtendError, Instant, ReleaseReport};

use crate::LockGuard;
use crate::expiry::Expiry;
use crate::work::HELD_LOCK_BYTES;

/// What a cache keeps for a lock that is held by name: a handle to its guard. Clones are the same lock, which is
/// released when the last one is dropped.
#[derive(Clone)]
pub struct HeldLock(Arc<Shared>);

struct Shared {
    /// Gone when the lock is being released. Locked while it is extended.
    guard: Mutex<Option<LockGuard>>,
    /// What the guard knows, for those who do not wait for an extension.
    expiry: Arc<Expiry>,
    weight: usize,
}

impl HeldLock {
    pub(super) fn new(guard: LockGuard) -> Self {
        let name = guard.resource().as_bytes().len();
        let weight = size_of::<Shared>().saturating_add(HELD_LOCK_BYTES).saturating_add(name);
        let expiry = guard.expiry().clone();
        Self(Arc::new(Shared { guard: Mutex::new(Some(guard)), expiry, weight }))
    }

    /// The end of the lock's validity.
    pub(super) fn deadline(&self) -> Instant {
        self.0.expiry.get()
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
    /// What the lock takes on its lane and in here, at most.
    fn weight(&self) -> usize {
        self.0.weight
    }
}

impl fmt::Debug for HeldLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLock").field("expiry", &self.0.expiry).finish_non_exhaustive()
    }
}
