//! The operating system as tests want it, and what it does not give.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use redlock_blocking::platform::{Platform, Poller, System};
use redlock_blocking::{BuildError, Instant, Redlock};

/// The operating system, with what a test changes of it.
#[derive(Clone, Default)]
pub(crate) struct ChangedSystem {
    /// By how many seconds its clock is ahead.
    pub(crate) ahead: Arc<AtomicU64>,
    /// It has no thread to give.
    is_out_of_threads: bool,
}

impl Platform for ChangedSystem {
    fn now(&self) -> Instant {
        System::default().now().saturating_add(Duration::from_secs(self.ahead.load(Ordering::SeqCst)))
    }

    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
        if self.is_out_of_threads { Err(ErrorKind::WouldBlock.into()) } else { System::default().spawn(name, work) }
    }

    fn park(&self, until: Option<Instant>) {
        System::default().park(until);
    }

    fn unpark(&self, thread: &Thread) {
        System::default().unpark(thread);
    }

    fn yield_now(&self) {
        System::default().yield_now();
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        System::default().poller()
    }
}

/// It could not keep a lock alive, nor tell of its loss.
#[test]
fn a_handle_without_a_thread_is_not_built() {
    let system = ChangedSystem { is_out_of_threads: true, ..ChangedSystem::default() };
    let built = Redlock::builder().node("redis://127.0.0.1:1").build_on(system);
    assert!(matches!(built, Err(BuildError::System { .. })), "{built:?}");
}
