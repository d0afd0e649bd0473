//! The operating system of the simulation.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::thread::Thread;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Poll, Token};
use redlock_blocking::platform::{Interrupt, Platform, Poller};
use redlock_blocking::{Instant, NoEntropy};
use redlock_simulator::{Dice, Time, nanos};

use crate::scheduler::Scheduler;

/// What a process sees of its machine.
pub(crate) struct SimulatedPlatform {
    scheduler: Arc<Scheduler>,
    dice: Mutex<Dice>,
    poller: Readiness,
}

/// Which connections of a process have something to read. Clones are the same.
#[derive(Clone)]
pub(crate) struct Readiness {
    scheduler: Arc<Scheduler>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ready: BTreeSet<usize>,
    is_interrupted: bool,
    /// The thread that waits for them.
    waiting: Option<usize>,
}

impl SimulatedPlatform {
    pub(crate) fn new(scheduler: &Arc<Scheduler>, poller: &Readiness, dice: Dice) -> Self {
        Self { scheduler: scheduler.clone(), dice: Mutex::new(dice), poller: poller.clone() }
    }
}

impl Platform for SimulatedPlatform {
    fn now(&self) -> Instant {
        instant(self.scheduler.now())
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        Ok(self.dice.lock().unwrap().bytes())
    }

    fn spawn(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
        self.scheduler.spawn(name, work)
    }

    fn park(&self, until: Option<Instant>) {
        self.scheduler.park(until.map(|until| nanos(until.since_epoch())));
    }

    fn unpark(&self, thread: &Thread) {
        self.scheduler.unpark(thread);
    }

    fn yield_now(&self) {
        self.scheduler.yield_now();
    }

    fn before_lock(&self) {
        self.scheduler.interrupt();
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        Ok(Box::new(self.poller.clone()))
    }
}

pub(crate) fn instant(time: Time) -> Instant {
    Instant::from_epoch(Duration::from_nanos(time))
}

impl Readiness {
    pub(crate) fn new(scheduler: &Arc<Scheduler>) -> Self {
        Self { scheduler: scheduler.clone(), state: Arc::default() }
    }

    /// There is something new to read. As with a real one, it is told once.
    pub(crate) fn add(&self, token: usize) {
        self.change(|state| {
            state.ready.insert(token);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.state();
            change(&mut state);
            state.waiting
        };
        if let Some(thread) = waiting {
            self.scheduler.wake(thread);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Poller for Readiness {
    fn register(&mut self, source: &mut dyn Source, token: Token) -> io::Result<()> {
        /// The sources of the simulation want to see one, and nothing else.
        static REAL: LazyLock<Poll> = LazyLock::new(|| Poll::new().unwrap());
        source.register(REAL.registry(), token, Interest::READABLE)
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut dyn FnMut(Token)) -> io::Result<()> {
        let until = timeout.map(|timeout| self.scheduler.now().saturating_add(nanos(timeout)));
        loop {
            let mut state = self.state();
            if std::mem::take(&mut state.is_interrupted) | !state.ready.is_empty() {
                std::mem::take(&mut state.ready).into_iter().map(Token).for_each(ready);
                return Ok(());
            }
            if until.is_some_and(|until| until <= self.scheduler.now()) {
                return Ok(());
            }
            state.waiting = Some(Scheduler::current());
            drop(state);
            self.scheduler.wait_for_wake(until);
            self.state().waiting = None;
        }
    }

    fn interrupt(&self) -> Interrupt {
        let this = self.clone();
        Box::new(move || this.change(|state| state.is_interrupted = true))
    }
}
