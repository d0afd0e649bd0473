//! What this crate needs from the operating system; a simulator gives something else.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};
use redlock_core::Instant;
use redlock_core::system::NoEntropy;

/// The token of what interrupts a [`SystemPoller`]; those of connections are smaller.
const INTERRUPT: Token = Token(usize::MAX);

/// A clock, threads, random bytes, and waiting for several connections at once.
///
/// Everything that a handle does and that depends on time or on the order of threads goes through it, so a program can
/// be run with it on a clock and a scheduler of its own. [`System`] is the usual one.
pub trait Platform: Send + Sync + 'static {
    /// The present moment, on a clock that never goes back and runs on while the machine sleeps.
    ///
    /// Provided: `CLOCK_BOOTTIME` where the system has it.
    fn now(&self) -> Instant {
        redlock_core::system::now()
    }

    /// 32 unguessable bytes, fresh at every call.
    ///
    /// Provided: the operating system's random source.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] when the operating system has none to give.
    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        redlock_core::system::seed()
    }

    /// The time since 1970, as far as the machine knows: what [fenced](crate::Acquire::fenced) locks propose to the nodes.
    ///
    /// Provided: the system's.
    fn wall_clock(&self) -> Duration {
        redlock_core::system::wall_clock()
    }

    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Thread>;

    /// Blocks the calling thread until somebody [unparks](Self::unpark) it, or until the time has come. It may come back
    /// early; one `unpark` that came before is enough to come back at once.
    fn park(&self, until: Option<Instant>);

    /// Lets a thread that is parked go on, or not park the next time.
    fn unpark(&self, thread: &Thread);

    /// Lets other threads go on.
    fn yield_now(&self);

    /// Called before a thread takes the mutex of a handle: a scheduler may let others go first.
    ///
    /// Provided: nothing, the operating system interrupts threads when it likes.
    fn before_lock(&self) {}

    /// What waits for all connections of a handle.
    ///
    /// # Errors
    ///
    /// When the system cannot do that.
    fn poller(&self) -> io::Result<Box<dyn Poller>>;
}

/// Waits for several connections at once.
pub trait Poller: Send {
    /// Includes a connection in the waiting, from now on and until it is closed. It is known by the token, and told about
    /// when there is something new to read in it, or room again for what it could not write.
    ///
    /// # Errors
    ///
    /// When that is not possible for this one: it is given up.
    fn register(&mut self, source: &mut dyn Source, token: Token) -> io::Result<()>;

    /// Waits until a connection has something to read or room to write again, somebody interrupts, or the time is over. Calls
    /// `ready` with the token of each connection that has.
    ///
    /// # Errors
    ///
    /// When it cannot tell: all connections have to be tried then.
    fn wait(&mut self, timeout: Option<Duration>, ready: &mut dyn FnMut(Token)) -> io::Result<()>;

    /// What ends a [`wait`](Self::wait) of another thread, or the next one, at once.
    fn interrupt(&self) -> Interrupt;
}

/// Ends the waiting of another thread when it is called.
pub type Interrupt = Box<dyn Fn() + Send + Sync>;

/// The operating system.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct System;

impl Platform for System {
    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
        let handle = thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(handle.thread().clone())
    }

    fn park(&self, until: Option<Instant>) {
        match until {
            Some(until) => thread::park_timeout(until.saturating_since(self.now())),
            None => thread::park(),
        }
    }

    fn unpark(&self, thread: &Thread) {
        thread.unpark();
    }

    fn yield_now(&self) {
        thread::yield_now();
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), INTERRUPT)?);
        Ok(Box::new(SystemPoller { poll, events: Events::with_capacity(64), waker }))
    }
}

struct SystemPoller {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

impl Poller for SystemPoller {
    fn register(&mut self, source: &mut dyn Source, token: Token) -> io::Result<()> {
        // Where a socket always had room, the second one tells nothing.
        self.poll.registry().register(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut dyn FnMut(Token)) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.events.iter().map(mio::event::Event::token).filter(|token| *token != INTERRUPT).for_each(ready);
        Ok(())
    }

    fn interrupt(&self) -> Interrupt {
        let waker = self.waker.clone();
        // A system that cannot do that has a leader that looks often.
        Box::new(move || drop(waker.wake()))
    }
}
