use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, HandedOver, Instant, LockKey, Loss, OperationId, Resource, Resources};

use crate::Runtime;
use crate::redlock::Handle;
use crate::shell::WatcherId;

/// A view of a lock that was acquired, for the code that works under it: until when it is valid, and whether it was lost.
///
/// Every [`LockGuard`](crate::LockGuard) is one, and [`run`](crate::Acquire::run) gives one to the work. Clones, such as
/// `Lease::clone(&guard)` for another part of the program, ask the same lock; they neither hold nor release it, and learn of its
/// release as of a loss.
pub struct Lease<R: Runtime> {
    pub(crate) handle: Handle<R>,
    pub(crate) key: LockKey,
    held: HandedOver,
}

impl<R: Runtime> Lease<R> {
    pub(crate) const fn new(handle: Handle<R>, key: LockKey, held: HandedOver) -> Self {
        Self { handle, key, held }
    }

    redlock_core::lease_getters!();

    /// Begins an extension. Nobody else must be waiting for one.
    pub(crate) fn begin_extension(&self, ttl: Duration) -> Result<OperationId, ExtendError> {
        self.handle.shell().extend(self.key, ttl)
    }

    /// Waits for the end of an extension. It never comes if the lock is released meanwhile.
    pub(crate) fn poll_extension(
        &self,
        extension: OperationId,
        context: &Context<'_>,
    ) -> Poll<Result<Instant, ExtendError>> {
        self.handle.attended_or_refused().poll_extend(self.key, extension, context)
    }

    /// Returns a future that waits until the lock is held no longer, and yields why: at its deadline, whatever the network does, or
    /// earlier when an extension finds that the keys are gone, or when it is released. It does not borrow the guard, so work can be
    /// raced against it.
    pub fn lost(&self) -> Lost<R> {
        Lost { handle: self.handle.clone(), key: self.key, watcher: None }
    }
}

impl<R: Runtime> Clone for Lease<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), key: self.key, held: self.held.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Lease<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Lease", f)
    }
}

/// Waits until a lock is held no longer; made by [`Lease::lost`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Lost<R: Runtime> {
    handle: Handle<R>,
    key: LockKey,
    /// Its name among those who wait, when it has begun to.
    watcher: Option<WatcherId>,
}

impl<R: Runtime> Future for Lost<R> {
    type Output = Loss;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Loss> {
        let Self { handle, key, watcher } = self.get_mut();
        let is_attended = handle.attended().is_ok();
        match handle.shell().poll_lost(*key, watcher, context) {
            Poll::Pending if !is_attended => Poll::Ready(Loss::Closed),
            poll => poll,
        }
    }
}

/// A lock may be held for long, and many may wait for its loss meanwhile, each for a short time.
impl<R: Runtime> Drop for Lost<R> {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher {
            self.handle.shell().forget_watcher(self.key, watcher);
        }
    }
}

impl<R: Runtime> fmt::Debug for Lost<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost").finish_non_exhaustive()
    }
}
