use std::future::Future;
use std::time::Duration;

use redlock_core::Instant;
use redlock_core::shell::NoRuntime;
use redlock_core::system::NoEntropy;

/// An async runtime, as far as the driver needs it: a clock, a timer, a way to start a task, and fresh random bytes.
///
/// An adapter implements the two methods that differ between runtimes; a simulator implements the clocks and the seeds, too.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Returns the present moment, on a clock that never goes back and runs on while the machine sleeps.
    ///
    /// Provided: `CLOCK_BOOTTIME` where the system has it.
    fn now(&self) -> Instant {
        redlock_core::system::now()
    }

    /// Returns the same runtime for a handle whose nodes all live in this process.
    ///
    /// Nodes and holder read one clock then, so it may be one that a test moves; a clock that does not run on while the
    /// machine sleeps is good enough. Provided: nothing changes.
    #[must_use]
    fn for_memory_nodes(self) -> Self {
        self
    }

    /// Returns the time since 1970, as far as the machine knows: what [fenced](crate::Acquire::fenced) locks propose to
    /// the nodes.
    ///
    /// Provided: the system's.
    fn wall_clock(&self) -> Duration {
        redlock_core::system::wall_clock()
    }

    /// Checks that the runtime was built with a timer, when a handle is built on it.
    ///
    /// Provided: it was.
    ///
    /// # Panics
    ///
    /// Where it was not, in the runtime's own words: the handle's task would panic later, where nobody sees it.
    #[track_caller]
    fn require_timer(&self) {}

    /// Checks that the runtime was built with what sockets need, when a handle is built whose nodes have
    /// [some](crate::Node::over_sockets).
    ///
    /// Provided: it was.
    ///
    /// # Panics
    ///
    /// As [`require_timer`](Self::require_timer).
    #[track_caller]
    fn require_sockets(&self) {}

    /// Waits until `deadline`. It may wake up late; a timer wakes, it does not decide.
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static;

    /// Starts a task that nobody waits for. A runtime that ends drops it.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Returns the runtime to go on with after this one has ended: the one that the caller runs on.
    ///
    /// Provided: there is none, and a handle is of no use any more when its runtime has ended.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] when the caller runs on none.
    fn successor(&self) -> Result<Self, NoRuntime> {
        Err(NoRuntime::ENDED)
    }

    /// 32 unguessable bytes, fresh at every call.
    ///
    /// Provided: the operating system's random source, for every lock anew, so that two clones of a virtual machine do
    /// not draw the same tokens.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] when the operating system has none to give.
    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        redlock_core::system::seed()
    }
}

/// A runtime that can be found from inside one of its tasks.
pub trait CurrentRuntime: Runtime {
    /// Returns the runtime that the caller runs on.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] when the caller runs on none.
    fn current() -> Result<Self, NoRuntime>;
}
