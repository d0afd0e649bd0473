use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use redlock_core::fence::Fence;
use redlock_core::health::Health;
use redlock_core::{DetachedLock, ExtendError, Instant, Loss, Options, Owner, ReleaseReport, Resource, Resources};
use redlock_driver::{Acquire, Lease, LockGuard, Redlock, Runtime};

use super::{Acquiring, AnyClient, AnyGuard, Client, Closed, Guard, Inspecting, Refused, Working};

impl<R: Runtime> From<Redlock<R>> for Client {
    fn from(redlock: Redlock<R>) -> Self {
        Self(Arc::new(redlock))
    }
}

impl<R: Runtime> AnyClient for Redlock<R> {
    fn lock(&self, names: Resources, ttl: Duration, options: Options, owner: Option<Owner>) -> Acquiring {
        let acquire = Self::lock(self, names, ttl).options(options);
        let acquire = owner.into_iter().fold(acquire, Acquire::owner);
        let guarded = |guard| Guard(Box::new(guard));
        acquire.map(move |result| result.map(guarded).map_err(Refused::from)).boxed()
    }

    fn adopt(&self, detached: &DetachedLock) -> Acquiring {
        let guarded = |guard| Guard(Box::new(guard));
        Self::adopt(self, detached).map(move |result| result.map(guarded).map_err(Refused::from)).boxed()
    }

    fn health(&self) -> Health {
        Self::health(self)
    }

    fn status(&self, name: Resource) -> Inspecting {
        let redlock = self.clone();
        async move { Self::status(&redlock, name).await }.boxed()
    }

    fn work(&self, name: Resource, ttl: Duration, work: BoxFuture<'static, ()>) -> Working {
        let redlock = self.clone();
        async move { redlock.with_lock(name, ttl, |_| work).await }.boxed()
    }

    fn close(&self) -> BoxFuture<'static, Closed> {
        let redlock = self.clone();
        async move {
            let report = Self::close(&redlock).await;
            Closed { unsettled: report.unsettled, held: report.held }
        }
        .boxed()
    }
}

impl<R: Runtime> AnyGuard for LockGuard<R> {
    fn extend(&mut self, ttl: Duration) -> BoxFuture<'_, Result<Instant, ExtendError>> {
        Self::extend(self, ttl).boxed()
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ReleaseReport> {
        Self::release(*self).boxed()
    }

    fn detach(self: Box<Self>) -> Result<DetachedLock, Loss> {
        Self::detach(*self)
    }

    fn lost(&self) -> BoxFuture<'static, Loss> {
        Lease::lost(self).boxed()
    }

    fn deadline(&self) -> Instant {
        Lease::deadline(self)
    }

    fn remaining(&self) -> Duration {
        Lease::remaining(self)
    }

    fn fences(&self) -> Vec<(Resource, Fence)> {
        Lease::fences(self).map(|(name, fence)| (name.clone(), fence)).collect()
    }
}
