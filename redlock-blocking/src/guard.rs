use std::fmt;
use std::time::Duration;

use redlock_core::{ExtendError, Instant, LockKey, Loss, ReleaseReport, Resources};

use crate::redlock::Handle;

/// A lock that was acquired. It is released when the guard is dropped, or with a report by [`release`](Self::release).
///
/// A guard does not make the lock last: after [`deadline`](Self::deadline) somebody else may have it. Extend it in
/// time, or [have it kept alive](crate::Acquire::keep_alive); look at [`remaining`](Self::remaining) before each step that
/// needs the lock, and give the step less time than that.
///
/// The guard can be sent to other threads. Dropping it sends the release, behind everything that was sent for this
/// lock, and waits for no node.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard {
    handle: Handle,
    key: LockKey,
    resources: Resources,
    /// Its release was reported.
    is_over: bool,
}

impl LockGuard {
    pub(crate) const fn new(handle: Handle, key: LockKey, resources: Resources) -> Self {
        Self { handle, key, resources, is_over: false }
    }

    /// Extends the lock: it is good for `ttl` from now on, less the drift. Returns the new deadline.
    ///
    /// Only a quorum that confirms before the old deadline counts. An extension that fails changes nothing, and one
    /// with a short `ttl` does not shorten the lock. A node that lost the key is given it anew.
    ///
    /// # Errors
    ///
    /// - [`ExtendError::Lost`]: the lock is lost, for ever. Stop the work that needs it.
    /// - [`ExtendError::Unconfirmed`]: too few nodes confirmed in time; the old deadline stands, try again before it.
    /// - [`ExtendError::Request`]: the TTL is out of bounds; nothing was sent.
    pub fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        self.handle.shell().extend(self.key, ttl)
    }

    /// Releases the lock on all nodes and reports what each said.
    ///
    /// Releasing a lock that has expired is no error, and never touches the lock of a successor: the report says so.
    /// The report is there as soon as the result is fixed, at the latest after the node timeout; nodes that did not
    /// answer until then are settled in the background.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn release(mut self) -> ReleaseReport {
        let report = self.handle.shell().release(self.key);
        self.is_over = true;
        report
    }

    /// The end of the lock's validity, on the clock of [`now`](crate::now). For a lock that was found to be lost
    /// before, the moment of that.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.handle.shell().deadline(self.key).unwrap_or_default()
    }

    /// For how long the lock is valid from now on; zero when it is not.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline().saturating_since(self.handle.shell().now())
    }

    /// Whether the lock is valid at this moment. The clock is read at every call.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Looks whether the lock is still held: for loops, `guard.check()?` before each step.
    ///
    /// # Errors
    ///
    /// How it was lost: for ever. Stop the work that needs it.
    pub fn check(&self) -> Result<(), Loss> {
        self.handle.shell().loss(self.key).map_or(Ok(()), Err)
    }

    /// Waits until the lock is lost, for at most `timeout`: at its deadline, whatever the network does, or earlier when an
    /// extension finds that the keys are gone. Returns how it was lost; `None` when the time is over.
    #[must_use]
    pub fn wait_lost(&self, timeout: Duration) -> Option<Loss> {
        self.handle.shell().wait_lost(self.key, timeout)
    }

    /// Calls `callback` when the lock is lost, with how it was, or with `None` when it was released instead.
    ///
    /// It is called once, on a thread that looks after all locks of the handle or that waits for another one: it must be
    /// short, and a panic in it is caught. If the lock is lost already it is called at once, on this thread.
    pub fn on_lost(&self, callback: impl FnOnce(Option<Loss>) + Send + 'static) {
        self.handle.shell().on_lost(self.key, Box::new(callback));
    }

    /// What tells the lock apart, and keeps the handle going.
    #[cfg(feature = "cache")]
    pub(crate) fn lock(&self) -> (Handle, LockKey) {
        (self.handle.clone(), self.key)
    }

    /// What is locked.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if !self.is_over {
            self.handle.shell().abandon(self.key);
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("resources", &self.resources)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
