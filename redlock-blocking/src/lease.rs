use std::fmt;
use std::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, HandedOver, Instant, LockKey, Loss, Resource, Resources};

use crate::handle::Handle;

/// A view of a lock that was acquired, for the code that works under it: until when it is valid, and whether it was lost.
///
/// Every [`LockGuard`](crate::LockGuard) is one, and [`run`](crate::Acquire::run) gives one to the work. Clones, such as
/// `Lease::clone(&guard)` for another part of the program, ask the same lock; they neither hold nor release it, and learn of its
/// release as of a loss.
#[derive(Clone)]
pub struct Lease {
    pub(crate) handle: Handle,
    pub(crate) key: LockKey,
    held: HandedOver,
}

impl Lease {
    pub(crate) const fn new(handle: Handle, key: LockKey, held: HandedOver) -> Self {
        Self { handle, key, held }
    }

    redlock_core::lease_getters!();

    /// Extends the lock. [`ExtendError::NotHeld`] when it is released meanwhile.
    pub(crate) fn extend(&self, ttl: Duration) -> Result<Instant, ExtendError> {
        self.handle.shell().extend(self.key, ttl)
    }

    /// Waits until the lock is held no longer, for at most `timeout`: at its deadline, whatever the network does, or earlier when an
    /// extension finds that the keys are gone, or when it is released. Returns why; `None` when it is still held.
    #[must_use]
    pub fn wait_lost(&self, timeout: Duration) -> Option<Loss> {
        self.handle.shell().wait_lost(self.key, timeout)
    }

    /// Calls `callback` when the lock is held no longer, with the reason: it was lost, or released.
    ///
    /// It is called once, on a thread that looks after all locks of the handle or that waits for another one: it must be
    /// short, and a panic in it is caught. It may use the handle. If the lock is held no longer already, it is called at once, on
    /// this thread.
    pub fn on_lost(&self, callback: impl FnOnce(Loss) + Send + 'static) {
        self.handle.shell().on_lost(self.key, Box::new(callback));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Lease", f)
    }
}
