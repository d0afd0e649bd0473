//! A handle and a guard of whichever side, so that there is one list of cases for both.

mod asynchronous;
mod blocking;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use redlock_core::fence::Fence;
use redlock_core::health::Health;
use redlock_core::shell::{Completed, WorkError};
use redlock_core::{
    Attempts, DetachedLock, ExtendError, Instant, LockStatus, Loss, Options, Owner, ReleaseReport, RequestError,
    Resource, Resources,
};
use redlock_driver::AcquireError;

/// A `Redlock` handle, be it async or blocking, with the API of the async one. Clones are the same handle.
///
/// Made from either kind by [`From`]. Every call to a blocking one is made on a thread of its own; dropping the future
/// of an acquisition aborts it.
#[derive(Clone, Debug)]
pub struct Client(Arc<dyn AnyClient>);

trait AnyClient: fmt::Debug + Send + Sync {
    fn lock(&self, names: Resources, ttl: Duration, options: Options, owner: Option<Owner>) -> Acquiring;
    fn adopt(&self, detached: &DetachedLock) -> Acquiring;
    fn status(&self, name: Resource) -> Inspecting;
    fn work(&self, name: Resource, ttl: Duration, work: BoxFuture<'static, ()>) -> Working;
    fn health(&self) -> Health;
    fn close(&self) -> BoxFuture<'static, Closed>;
}

/// An acquisition that is under way from its first poll on.
pub type Acquiring = BoxFuture<'static, Result<Guard, Refused>>;

/// A question about a lock that is under way from its first poll on.
pub type Inspecting = BoxFuture<'static, Result<LockStatus, RequestError>>;

/// Work under a lock that is under way from its first poll on.
pub type Working = BoxFuture<'static, Result<Completed<()>, WorkError>>;

impl Client {
    /// `Redlock::lock`.
    pub fn lock(&self, name: impl Into<Resource>, ttl: Duration) -> Acquiring {
        self.lock_with(name, ttl, Options::new())
    }

    /// `Redlock::try_lock`.
    pub fn try_lock(&self, name: impl Into<Resource>, ttl: Duration) -> Acquiring {
        self.lock_with(name, ttl, Options::new().attempts(1))
    }

    /// `Redlock::lock` with all of its settings.
    pub fn lock_with(&self, names: impl Into<Resources>, ttl: Duration, options: Options) -> Acquiring {
        self.0.lock(names.into(), ttl, options, None)
    }

    /// `Redlock::lock` with all of its settings, and the label of an owner.
    pub fn lock_as(&self, owner: Owner, names: impl Into<Resources>, ttl: Duration, options: Options) -> Acquiring {
        self.0.lock(names.into(), ttl, options, Some(owner))
    }

    /// `Redlock::adopt`.
    #[must_use = "a future does nothing unless it is awaited"]
    pub fn adopt(&self, detached: &DetachedLock) -> Acquiring {
        self.0.adopt(detached)
    }

    /// `Redlock::status`.
    pub fn status(&self, name: impl Into<Resource>) -> Inspecting {
        self.0.status(name.into())
    }

    /// `Redlock::with_lock`. A blocking one looks at its lease all the time, and ends the work when the lock is lost.
    pub fn with_lock(
        &self,
        name: impl Into<Resource>,
        ttl: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> BoxFuture<'static, Result<Completed<()>, WorkError>> {
        self.0.work(name.into(), ttl, work.boxed())
    }

    /// `Redlock::health`.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// `Redlock::close`.
    pub async fn close(&self) -> Closed {
        self.0.close().await
    }
}

/// A `LockGuard`. It is released when it is dropped.
#[derive(Debug)]
pub struct Guard(Box<dyn AnyGuard>);

trait AnyGuard: fmt::Debug + Send + Sync {
    fn extend(&mut self, ttl: Duration) -> BoxFuture<'_, Result<Instant, ExtendError>>;
    fn release(self: Box<Self>) -> BoxFuture<'static, ReleaseReport>;
    fn detach(self: Box<Self>) -> Result<DetachedLock, Loss>;
    fn lost(&self) -> BoxFuture<'static, Loss>;
    fn deadline(&self) -> Instant;
    fn remaining(&self) -> Duration;
    fn fences(&self) -> Vec<(Resource, Fence)>;
}

impl Guard {
    /// `LockGuard::extend`.
    ///
    /// # Errors
    ///
    /// Those of the guard.
    pub async fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        self.0.extend(ttl).await
    }

    /// `LockGuard::release`.
    pub async fn release(self) -> ReleaseReport {
        self.0.release().await
    }

    /// `LockGuard::detach`.
    ///
    /// # Errors
    ///
    /// How the lock was lost.
    pub fn detach(self) -> Result<DetachedLock, Loss> {
        self.0.detach()
    }

    /// `LockGuard::lost`, or what a blocking guard calls back.
    #[must_use]
    pub fn lost(&self) -> BoxFuture<'static, Loss> {
        self.0.lost()
    }

    /// `LockGuard::deadline`.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.0.deadline()
    }

    /// `LockGuard::remaining`.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.remaining()
    }

    /// `LockGuard::fences`.
    #[must_use]
    pub fn fences(&self) -> Vec<(Resource, Fence)> {
        self.0.fences()
    }

    /// `LockGuard::fence`, of a lock of one name that is fenced.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[must_use]
    pub fn fence(&self) -> Fence {
        match self.fences().as_slice() {
            [(_, fence)] => *fence,
            other => panic!("{other:?}"),
        }
    }

    /// `LockGuard::is_valid`.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.remaining().is_zero()
    }
}

/// An `AcquireError`; displayed as that.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which one.
    pub kind: Refusal,
    /// What was tried in vain, if anything was.
    pub attempts: Option<Attempts>,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The variants of `AcquireError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Somebody else holds the lock.
    Contended,
    /// Too few nodes can be reached.
    Unavailable,
    /// A quorum agreed too late.
    Expired,
    /// A lock that was to be adopted is over.
    Gone,
    /// It was refused before anything was sent.
    Request,
    /// The handle was closed.
    Closed,
    /// Anything else.
    Other,
}

/// A `CloseReport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// How many released locks may still have a key on a node that did not answer.
    pub unsettled: usize,
    /// How many guards are still there.
    pub held: usize,
}

impl From<AcquireError> for Refused {
    fn from(error: AcquireError) -> Self {
        let text = error.to_string();
        let (kind, attempts) = match error {
            AcquireError::Contended(attempts) => (Refusal::Contended, Some(attempts)),
            AcquireError::Unavailable(attempts) => (Refusal::Unavailable, Some(attempts)),
            AcquireError::Expired(attempts) => (Refusal::Expired, Some(attempts)),
            AcquireError::Gone(attempts) => (Refusal::Gone, Some(attempts)),
            AcquireError::Request(_) => (Refusal::Request, None),
            AcquireError::Closed => (Refusal::Closed, None),
            _ => (Refusal::Other, None),
        };
        Self { kind, attempts, text }
    }
}
