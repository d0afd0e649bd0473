use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt};
use redlock_blocking::{AbortHandle, Acquire, LockGuard, Redlock, WorkError};
use redlock_core::fence::Fence;
use redlock_core::health::Health;
use redlock_core::shell::Completed;
use redlock_core::{DetachedLock, ExtendError, Instant, Loss, Options, Owner, ReleaseReport, Resource, Resources};

use super::{Acquiring, AnyClient, AnyGuard, Client, Closed, Guard, Inspecting, Refused, Working};
use crate::scheduler::on_a_thread;

impl From<Redlock> for Client {
    fn from(redlock: Redlock) -> Self {
        Self(Arc::new(redlock))
    }
}

impl AnyClient for Redlock {
    fn lock(&self, names: Resources, ttl: Duration, options: Options, owner: Option<Owner>) -> Acquiring {
        let acquire = self.acquire(names, ttl).options(options);
        let acquire = owner.into_iter().fold(acquire, Acquire::owner);
        let abort = AbortOnDrop(acquire.abort_handle());
        async move {
            let _abort = abort;
            let result = on_a_thread(move || acquire.lock()).await;
            result.map(Held::guard).map_err(Refused::from)
        }
        .boxed()
    }

    fn adopt(&self, detached: &DetachedLock) -> Acquiring {
        let adoption = self.begin_adoption(detached);
        on_a_thread(move || adoption.lock()).map(|result| result.map(Held::guard).map_err(Refused::from)).boxed()
    }

    fn health(&self) -> Health {
        Self::health(self)
    }

    fn status(&self, name: Resource) -> Inspecting {
        let redlock = self.clone();
        on_a_thread(move || Self::status(&redlock, name)).boxed()
    }

    fn work(&self, name: Resource, ttl: Duration, mut work: BoxFuture<'static, ()>) -> Working {
        let redlock = self.clone();
        let run = move || {
            redlock.with_lock(name, ttl, |lease| {
                while lease.check().is_ok() && work.as_mut().now_or_never().is_none() {
                    thread::sleep(LOOK_EVERY);
                }
            })
        };
        let judge = |result: Result<_, WorkError>| match result {
            Ok(Completed { loss: Some(loss), .. }) => Err(WorkError::Lost(loss)),
            other => other,
        };
        on_a_thread(run).map(judge).boxed()
    }

    fn close(&self) -> BoxFuture<'static, Closed> {
        let redlock = self.clone();
        let close = move || {
            let report = Self::close(&redlock);
            Closed { unsettled: report.unsettled, held: report.held }
        };
        on_a_thread(close).boxed()
    }
}

/// How often blocking work looks whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Ends an acquisition whose future is dropped; one that is over is not touched.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The guard, which is empty once its release has begun; a call that is under way has it, too.
#[derive(Debug)]
struct Held(Arc<Mutex<Option<LockGuard>>>);

impl Held {
    fn guard(guard: LockGuard) -> Guard {
        Guard(Box::new(Self(Arc::new(Mutex::new(Some(guard))))))
    }

    fn with<T>(&self, look: impl FnOnce(&LockGuard) -> T) -> T {
        look(locked(&self.0).as_ref().expect("a release takes the guard along"))
    }
}

fn locked(guard: &Mutex<Option<LockGuard>>) -> MutexGuard<'_, Option<LockGuard>> {
    guard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AnyGuard for Held {
    fn extend(&mut self, ttl: Duration) -> BoxFuture<'_, Result<Instant, ExtendError>> {
        let guard = self.0.clone();
        on_a_thread(move || locked(&guard).as_mut().map_or(Err(ExtendError::NotHeld), |guard| guard.extend(ttl)))
            .boxed()
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ReleaseReport> {
        on_a_thread(move || {
            let guard = locked(&self.0).take();
            guard.expect("a guard is released once").release()
        })
        .boxed()
    }

    fn detach(self: Box<Self>) -> Result<DetachedLock, Loss> {
        locked(&self.0).take().expect("a guard is released once").detach()
    }

    fn lost(&self) -> BoxFuture<'static, Loss> {
        let (sender, told) = oneshot::channel();
        // Nobody may wait for it any more.
        self.with(|guard| guard.on_lost(|loss| drop(sender.send(loss))));
        async { told.await.expect("every callback is called") }.boxed()
    }

    fn deadline(&self) -> Instant {
        self.with(|guard| guard.deadline())
    }

    fn remaining(&self) -> Duration {
        self.with(|guard| guard.remaining())
    }

    fn fences(&self) -> Vec<(Resource, Fence)> {
        self.with(|guard| guard.fences().map(|(name, fence)| (name.clone(), fence)).collect())
    }
}
