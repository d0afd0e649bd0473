use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::{ExtendError, Instant, LockKey, Loss, OperationId, ReleaseReport, Resources};

use crate::Runtime;
use crate::redlock::Handle;

/// A lock that was acquired. It is released when the guard is dropped, or with a report by [`release`](Self::release).
///
/// A guard does not make the lock last: after [`deadline`](Self::deadline) somebody else may have it. Extend it in
/// time, or [have it kept alive](crate::Acquire::keep_alive); look at [`remaining`](Self::remaining) before each step that
/// needs the lock, and give the step less time than that.
///
/// The guard can be sent to other threads. Dropping it waits for no node, needs no runtime, and orders the release
/// behind everything that was sent for this lock. Over a connection that [sends at
/// once](crate::transport::Connection::SENDS_AT_ONCE), the release is on its way when the drop is over, so that a process may end
/// then; where many end at the same time, [`release`](Self::release) gathers what they say into fewer messages.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<R: Runtime> {
    handle: Handle<R>,
    key: LockKey,
    resources: Resources,
    /// Its release was reported.
    is_over: bool,
}

impl<R: Runtime> LockGuard<R> {
    pub(crate) const fn new(handle: Handle<R>, key: LockKey, resources: Resources) -> Self {
        Self { handle, key, resources, is_over: false }
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
    pub async fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        let extension = self.begin_extension(ttl)?;
        poll_fn(|context| self.poll_extension(extension, context)).await
    }

    /// The first half of [`extend`](Self::extend). Nobody else must be waiting for an extension.
    pub(crate) fn begin_extension(&self, ttl: Duration) -> Result<OperationId, ExtendError> {
        self.handle.shell().extend(self.key, ttl)
    }

    /// The second half.
    pub(crate) fn poll_extension(
        &self,
        extension: OperationId,
        context: &Context<'_>,
    ) -> Poll<Result<Instant, ExtendError>> {
        self.handle.attended_or_refused().poll_extend(self.key, extension, context)
    }

    /// Releases the lock on all nodes and reports what each said.
    ///
    /// Releasing a lock that has expired is no error, and never touches the lock of a successor: the report says so.
    /// The report is there as soon as the result is fixed; nodes that did not answer until then are settled in the
    /// background, also when this future is dropped.
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

    /// The end of the lock's validity, on the clock of the runtime. For a lock that was found to be lost before, the
    /// moment of that.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.handle.shell().deadline(self.key).unwrap_or_default()
    }

    /// For how long the lock is valid from now on; zero when it is not.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let deadline = self.deadline();
        deadline.saturating_since(self.handle.shell().runtime.now())
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

    /// What is locked.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// A future that waits until the lock is lost: at its deadline, whatever the network does, or earlier when an
    /// extension finds that the keys are gone. It does not borrow the guard, so work can be raced against it.
    pub fn lost(&self) -> Lost<R> {
        Lost { handle: self.handle.clone(), key: self.key }
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
        f.debug_struct("LockGuard")
            .field("resources", &self.resources)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// Waits until a lock is lost; made by [`LockGuard::lost`].
///
/// Yields how it was lost, or `None` when it was released instead.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Lost<R: Runtime> {
    handle: Handle<R>,
    key: LockKey,
}

impl<R: Runtime> Future for Lost<R> {
    type Output = Option<Loss>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let is_attended = self.handle.attended().is_ok();
        match self.handle.shell().poll_lost(self.key, context) {
            Poll::Pending if !is_attended => Poll::Ready(Some(Loss::Unwatched)),
            poll => poll,
        }
    }
}

impl<R: Runtime> fmt::Debug for Lost<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost").finish_non_exhaustive()
    }
}
