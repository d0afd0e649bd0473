use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use redlock_driver::{CurrentRuntime, Instant, NoEntropy, NoRuntime, Runtime};
use tokio::runtime::Handle;

#[cfg(feature = "memory")]
use self::repetition::Repetition;

#[cfg(feature = "memory")]
mod repetition;

/// The tokio runtime, as the driver sees it: its timer and its tasks.
///
/// Time is `CLOCK_BOOTTIME` where the system has it. A handle whose nodes all live in memory goes by tokio's clock
/// instead, which a test can pause; see [Testing with virtual time](crate#testing-with-virtual-time).
#[derive(Clone, Debug)]
pub struct Tokio {
    handle: Handle,
    clock: Clock,
    /// Only for handles whose nodes all live in memory.
    #[cfg(feature = "memory")]
    repetition: Option<Repetition>,
}

#[derive(Clone, Copy, Debug)]
enum Clock {
    /// The system's, which runs on while the machine sleeps.
    System,
    /// Tokio's, which a test can pause.
    Tokio,
}

/// One moment on tokio's clock and on the system's, so that both tell the same time as long as nobody pauses one.
static EPOCH: LazyLock<(std::time::Instant, Instant)> =
    LazyLock::new(|| (std::time::Instant::now(), redlock_driver::now()));

impl Tokio {
    /// Takes the runtime behind a handle, so that a [`Redlock`](crate::Redlock) can be built outside of it.
    #[must_use]
    pub const fn new(handle: Handle) -> Self {
        Self {
            handle,
            clock: Clock::System,
            #[cfg(feature = "memory")]
            repetition: None,
        }
    }

    /// Lets a test with virtual time run the same way every time: what is random in handles whose nodes all live in memory,
    /// such as the waits between attempts, is drawn from `seed`, and their clock begins now.
    ///
    /// Build all handles of a test on clones of one: two that were made with the same seed would have the same tokens, and
    /// take each other's locks for their own. Handles with other nodes draw their tokens from the operating system as ever.
    /// Fences go by the machine's time of day all the same, and so may differ.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlock_tokio::{Redlock, Tokio, memory::MemoryNode};
    /// use tokio::runtime::Handle;
    ///
    /// /// Returns how long a handle tries in vain.
    /// async fn try_in_vain(seed: u64) -> Duration {
    ///     let node = MemoryNode::new("one");
    ///     node.set("job", "somebody else's", None);
    ///     let runtime = Tokio::new(Handle::current()).repeatable(seed);
    ///     let redlock = Redlock::builder().node(&node).build_on(runtime).expect("a good configuration");
    ///     let begun = tokio::time::Instant::now();
    ///     assert!(redlock.lock("job", Duration::from_secs(10)).attempts(9).await.is_err());
    ///     begun.elapsed()
    /// }
    ///
    /// // In a test: #[tokio::test(start_paused = true)]
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// async fn main() {
    ///     assert_eq!(try_in_vain(7).await, try_in_vain(7).await);
    ///     assert_ne!(try_in_vain(7).await, try_in_vain(8).await);
    /// }
    /// ```
    #[cfg(feature = "memory")]
    #[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
    #[must_use]
    pub fn repeatable(self, seed: u64) -> Self {
        let _entered = Handle::try_current().is_err().then(|| self.handle.enter());
        let repetition = Some(Repetition::begin(seed));
        Self { repetition, ..self.clone() }
    }
}

impl Tokio {
    /// Reads the clock of the runtime that the caller runs on; outside of any, that of this one.
    fn tokio_now(&self) -> Instant {
        let _entered = Handle::try_current().is_err().then(|| self.handle.enter());
        #[cfg(feature = "memory")]
        if let Some(repetition) = &self.repetition {
            return repetition.now();
        }
        let (std_epoch, epoch) = *EPOCH;
        let now = tokio::time::Instant::now().into_std();
        // A clock that was paused before the epoch is behind it.
        let behind = std_epoch.saturating_duration_since(now);
        epoch.saturating_sub(behind).saturating_add(now.saturating_duration_since(std_epoch))
    }
}

impl CurrentRuntime for Tokio {
    fn current() -> Result<Self, NoRuntime> {
        Handle::try_current().map(Self::new).map_err(|_| NoRuntime::new("tokio"))
    }
}

impl Runtime for Tokio {
    fn now(&self) -> Instant {
        match self.clock {
            Clock::System => redlock_driver::now(),
            Clock::Tokio => self.tokio_now(),
        }
    }

    fn for_memory_nodes(self) -> Self {
        Self { clock: Clock::Tokio, ..self }
    }

    fn require_timer(&self) {
        let _entered = self.handle.enter();
        drop(tokio::time::sleep(Duration::ZERO));
    }

    /// Makes a socket that is dropped at once. What else may be wrong with it is not asked here.
    fn require_sockets(&self) {
        let _entered = self.handle.enter();
        #[cfg(unix)]
        drop(tokio::net::UnixDatagram::unbound());
        #[cfg(not(unix))]
        drop(unused_socket());
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(deadline.saturating_since(self.now()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    fn successor(&self) -> Result<Self, NoRuntime> {
        Ok(Self { handle: Self::current()?.handle, ..self.clone() })
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        #[cfg(feature = "memory")]
        if let (Clock::Tokio, Some(repetition)) = (self.clock, &self.repetition) {
            return Ok(repetition.seed());
        }
        redlock_driver::seed()
    }
}

/// Returns a socket that nobody knows of, where there is none without an address.
#[cfg(not(unix))]
fn unused_socket() -> std::io::Result<tokio::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    tokio::net::UdpSocket::from_std(socket)
}

#[cfg(test)]
mod tests {
    use crate::Redlock;

    #[test]
    fn outside_of_a_runtime_there_is_a_clear_error() {
        let error = Redlock::builder().build().unwrap_err();
        assert!(error.to_string().contains("no running tokio runtime"), "{error}");
    }
}
