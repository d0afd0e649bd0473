//! What the operating system does not give.

use std::io::{self, ErrorKind};
use std::thread::Thread;

use redlock_blocking::platform::{Platform, Poller, System};
use redlock_blocking::{BuildError, Instant, Redlock};

/// The system, with no thread to give.
struct WithoutThreads;

impl Platform for WithoutThreads {
    fn spawn(&self, _name: &str, _work: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
        Err(ErrorKind::WouldBlock.into())
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
    let built = Redlock::builder().node("redis://127.0.0.1:1").build_on(WithoutThreads);
    assert!(matches!(built, Err(BuildError::System { .. })), "{built:?}");
}
