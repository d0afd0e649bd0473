use std::future::Future;

use redlock_driver::{CurrentRuntime, Instant, NoRuntime, Runtime};
use tokio::runtime::Handle;

/// The tokio runtime, as the engine sees it: its timer and its tasks. Time is `CLOCK_BOOTTIME` where the system has it.
///
/// Under tokio's paused test clock timers fire at once while this clock goes on as ever; test with
/// `MemoryNode::advance_clock` and short TTLs instead.
#[derive(Clone, Debug)]
pub struct Tokio(Handle);

impl Tokio {
    /// The runtime behind a handle, so that a [`Redlock`](crate::Redlock) can be built outside of it.
    #[must_use]
    pub const fn new(handle: Handle) -> Self {
        Self(handle)
    }
}

impl CurrentRuntime for Tokio {
    fn current() -> Result<Self, NoRuntime> {
        Handle::try_current().map(Self).map_err(|_| NoRuntime { runtime: "tokio" })
    }
}

impl Runtime for Tokio {
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(deadline.saturating_since(self.now()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    fn successor(&self) -> Result<Self, NoRuntime> {
        Self::current()
    }
}

#[cfg(test)]
mod tests {
    use crate::Redlock;

    #[test]
    fn outside_of_a_runtime_there_is_a_clear_error() {
        let error = Redlock::builder().build().unwrap_err();
        assert!(error.to_string().contains("no tokio runtime"), "{error}");
    }
}
