use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::shell::Acquisition;
use redlock_core::{KeepAlive, LockKey, Options, Owner, RetryDelay};

use crate::redlock::Handle;
use crate::{AcquireError, Lease, LockGuard, Runtime};

/// An acquisition: a future that yields a [`LockGuard`]. It begins when it is polled for the first time; until then
/// its setters say how hard to try.
///
/// Dropping it at any point leaves nothing behind: what was or may have been acquired is released in the background,
/// behind the command that may have acquired it.
#[must_use = "a lock is only acquired when the future is awaited"]
pub struct Acquire<R: Runtime> {
    handle: Handle<R>,
    acquisition: Acquisition,
    stage: Stage,
}

/// How far an acquisition has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    NotBegun,
    /// The future stands for this lock.
    Acquiring(LockKey),
    /// The result was given: what there may be is the guard's.
    Over,
}

impl<R: Runtime> Acquire<R> {
    pub(crate) const fn new(handle: Handle<R>, acquisition: Acquisition) -> Self {
        Self { handle, acquisition, stage: Stage::NotBegun }
    }

    redlock_core::acquire_setters!();

    fn begin(&self, context: &Context<'_>) -> Result<LockKey, AcquireError> {
        let shell = self.handle.attended()?;
        let request = self.acquisition.request(&shell.config, shell.runtime.wall_clock())?;
        shell.begin_acquire(request, shell.runtime.seed()?, context)
    }

    fn go_on(&mut self, context: &Context<'_>) -> Poll<Result<LockGuard<R>, AcquireError>> {
        let key = match self.stage {
            Stage::NotBegun => {
                self.stage = Stage::Acquiring(self.begin(context)?);
                return Poll::Pending;
            }
            Stage::Acquiring(key) => key,
            Stage::Over => panic!("an acquisition was polled after it has ended"),
        };
        self.handle.attended()?.poll_acquire(key, context).map_ok(|held| {
            // From here on the guard stands for the lock.
            self.stage = Stage::Over;
            LockGuard::new(Lease::new(self.handle.clone(), key, held))
        })
    }

    fn end(&mut self) {
        if let Stage::Acquiring(key) = mem::replace(&mut self.stage, Stage::Over) {
            self.handle.shell().abandon(key);
            // Without a runtime the keys end with their TTL.
            let _ = self.handle.attended();
        }
    }
}

impl<R: Runtime> Future for Acquire<R> {
    type Output = Result<LockGuard<R>, AcquireError>;

    /// # Panics
    ///
    /// When it is polled after it has ended.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let poll = this.go_on(context);
        if let Poll::Ready(Err(_)) = &poll {
            this.end();
        }
        poll
    }
}

impl<R: Runtime> Drop for Acquire<R> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: Runtime> fmt::Debug for Acquire<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("acquisition", &self.acquisition).finish_non_exhaustive()
    }
}
