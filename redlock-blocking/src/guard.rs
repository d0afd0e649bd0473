use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::{DetachedLock, ExtendError, Instant, Loss, ReleaseReport};

use crate::Lease;

/// A lock that was acquired. It is released when the guard is dropped, or with a report by [`release`](Self::release).
///
/// Give it a name, such as `_guard`: `let _ =` drops it at once.
///
/// A guard does not make the lock last: after [`deadline`](Lease::deadline) somebody else may have it. Extend it in
/// time, or [have it kept alive](crate::Acquire::keep_alive); look at [`remaining`](Lease::remaining) before each step that
/// needs the lock, and give the step less time than that.
///
/// The guard can be sent to other threads. Dropping it sends the release, behind everything that was sent for this
/// lock, and waits for no node.
#[derive(Debug)]
#[doc(alias("Lock", "Mutex"))]
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard {
    lease: Lease,
    /// Its release was reported, or it was left.
    is_over: bool,
}

impl LockGuard {
    pub(crate) const fn new(lease: Lease) -> Self {
        Self { lease, is_over: false }
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
    #[doc(alias("refresh", "renew"))]
    pub fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        self.lease.extend(ttl)
    }

    /// Releases the lock on all nodes and reports what each said.
    ///
    /// Releasing a lock that has expired is no error, and never touches the lock of a successor: the report says so.
    /// The report is there as soon as the result is fixed, at the latest after the node timeout; nodes that did not
    /// answer until then are settled in the background.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    #[doc(alias = "unlock")]
    pub fn release(mut self) -> ReleaseReport {
        let report = self.handle.shell().release(self.key);
        self.is_over = true;
        report
    }

    redlock_core::guard_verbs!();

    /// Lets several parts of the program hold the lock together; the last one releases it. None of them can extend it: have it
    /// [kept alive](crate::Acquire::keep_alive) if its TTL may be too short.
    ///
    /// A lock is never entered twice by itself: who asks for it again waits for the guard that there is, also on the same
    /// thread. Code that has the lock without knowing does not know either when its deadline is. So it is shared by handing
    /// it on.
    pub fn share(self) -> SharedGuard {
        SharedGuard(Arc::new(self))
    }
}

/// It can be asked what every lease can be asked.
impl Deref for LockGuard {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if !self.is_over {
            self.handle.shell().abandon(self.key);
        }
    }
}

/// A lock that several parts of a program hold together; made by [`LockGuard::share`]. It is released when the last clone is
/// dropped, or by [`release`](Self::release).
#[derive(Clone, Debug)]
#[must_use = "the lock is released when the last guard is dropped"]
pub struct SharedGuard(Arc<LockGuard>);

impl SharedGuard {
    /// Gives up this part. The last one releases the lock, as [`LockGuard::release`] does, and gets the report.
    pub fn release(self) -> Option<ReleaseReport> {
        Arc::into_inner(self.0).map(LockGuard::release)
    }
}

/// It can be asked what every lease can be asked.
impl Deref for SharedGuard {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.0
    }
}
