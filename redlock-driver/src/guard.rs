use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::{DetachedLock, ExtendError, Instant, Loss, ReleaseReport};

use crate::{Lease, Runtime};

/// A lock that was acquired. It is released when the guard is dropped, or with a report by [`release`](Self::release).
///
/// Give it a name, such as `_guard`: `let _ =` drops it at once.
///
/// A guard does not make the lock last: after [`deadline`](Lease::deadline) somebody else may have it. Extend it in
/// time, or [have it kept alive](crate::Acquire::keep_alive); look at [`remaining`](Lease::remaining) before each step that
/// needs the lock, and give the step less time than that.
///
/// The guard can be sent to other threads. Dropping it waits for no node, needs no runtime, and orders the release
/// behind everything that was sent for this lock. Over a connection that [sends at
/// once](crate::transport::Connection::SENDS_AT_ONCE), the release is on its way when the drop is over, so that a process may end
/// then, but for a node that is behind by a second and hundreds of messages; where many end at the same time,
/// [`release`](Self::release) gathers what they say into fewer messages.
#[doc(alias("Lock", "Mutex"))]
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<R: Runtime> {
    lease: Lease<R>,
    /// Its release was reported, or it was left.
    is_over: bool,
}

impl<R: Runtime> LockGuard<R> {
    pub(crate) const fn new(lease: Lease<R>) -> Self {
        Self { lease, is_over: false }
    }

    /// Extends the lock: it is good for `ttl` from now on, less the drift. Yields the new deadline.
    ///
    /// Only a quorum that confirms before the old deadline counts. An extension that fails changes nothing, and one
    /// with a short `ttl` does not shorten the lock. A node that lost the key is given it anew.
    ///
    /// Cancel-safe: a dropped future may have extended the lock or not, or may still do so; the deadline says which. The
    /// next extension does not wait for that.
    ///
    /// # Errors
    ///
    /// - [`ExtendError::Lost`]: the lock is lost, for ever. Stop the work that needs it.
    /// - [`ExtendError::Unconfirmed`]: too few nodes confirmed in time; the old deadline stands, try again before it.
    /// - [`ExtendError::Request`]: the TTL is out of bounds; nothing was sent.
    #[doc(alias("refresh", "renew"))]
    pub async fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        let extension = self.begin_extension(ttl)?;
        poll_fn(|context| self.poll_extension(extension, context)).await
    }

    /// Releases the lock on all nodes and reports what each said.
    ///
    /// Releasing a lock that has expired is no error, and never touches the lock of a successor: the report says so.
    /// The report is there as soon as the result is fixed; nodes that did not answer until then are settled in the
    /// background, also when this future is dropped.
    #[doc(alias = "unlock")]
    pub async fn release(mut self) -> ReleaseReport {
        let mut has_begun = false;
        let report = poll_fn(|context| {
            let shell = self.handle.shell();
            let poll = shell.poll_release(self.key, std::mem::replace(&mut has_begun, true), context);
            if poll.is_pending() && !shell.has_task() {
                return self.handle.attended_or_refused().poll_release(self.key, true, context);
            }
            poll
        });
        let report = report.await;
        self.is_over = true;
        report
    }

    redlock_core::guard_verbs!();

    /// Lets several parts of the program hold the lock together; the last one releases it. None of them can extend it: have it
    /// [kept alive](crate::Acquire::keep_alive) if its TTL may be too short.
    ///
    /// A lock is never entered twice by itself: who asks for it again waits for the guard that there is, also on the same
    /// thread or task. An async task has no identity that would tell who asks, and code that has the lock without knowing
    /// does not know either when its deadline is. So it is shared by handing it on.
    pub fn share(self) -> SharedGuard<R> {
        SharedGuard(Arc::new(self))
    }
}

/// It can be asked what every lease can be asked.
impl<R: Runtime> Deref for LockGuard<R> {
    type Target = Lease<R>;

    fn deref(&self) -> &Lease<R> {
        &self.lease
    }
}

impl<R: Runtime> Drop for LockGuard<R> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.handle.shell().abandon(self.key);
        // Without a runtime the keys end with their TTL.
        let _ = self.handle.attended();
    }
}

impl<R: Runtime> fmt::Debug for LockGuard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("LockGuard", f)
    }
}

/// A lock that several parts of a program hold together; made by [`LockGuard::share`]. It is released when the last clone is
/// dropped, or by [`release`](Self::release).
#[must_use = "the lock is released when the last guard is dropped"]
pub struct SharedGuard<R: Runtime>(Arc<LockGuard<R>>);

impl<R: Runtime> SharedGuard<R> {
    /// Gives up this part. The last one releases the lock, as [`LockGuard::release`] does, and gets the report.
    pub async fn release(self) -> Option<ReleaseReport> {
        match Arc::into_inner(self.0) {
            Some(guard) => Some(guard.release().await),
            None => None,
        }
    }
}

/// It can be asked what every lease can be asked.
impl<R: Runtime> Deref for SharedGuard<R> {
    type Target = Lease<R>;

    fn deref(&self) -> &Lease<R> {
        &self.0
    }
}

impl<R: Runtime> Clone for SharedGuard<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Runtime> fmt::Debug for SharedGuard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedGuard").field(&self.0).finish()
    }
}
