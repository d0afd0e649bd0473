use std::future::Future;

use async_std::task;
use redlock_driver::{CurrentRuntime, Instant, NoRuntime, Runtime};

/// The async-std runtime, as the driver sees it: its timer and its tasks. Time is `CLOCK_BOOTTIME` where the system has
/// it.
///
/// async-std has one executor per process, on threads of its own that it starts when they are first needed; so there is
/// nothing to hand in, and it can be used from any thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "async-std has one executor, so there is nothing to say about it")]
pub struct AsyncStd;

impl CurrentRuntime for AsyncStd {
    /// Always succeeds.
    fn current() -> Result<Self, NoRuntime> {
        Ok(Self)
    }
}

impl Runtime for AsyncStd {
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        task::sleep(deadline.saturating_since(self.now()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        task::spawn(task);
    }

    fn successor(&self) -> Result<Self, NoRuntime> {
        Ok(*self)
    }
}
