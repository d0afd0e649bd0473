mod connecting;
mod io;
mod keeper;
mod leading;
mod state;
mod stream;
mod threaded;
mod waiters;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redlock_core::health::Health;
use redlock_core::shell::{Observers, Setup};
use redlock_core::{
    Config, DetachedLock, ExtendError, HandedOver, Instant, LockKey, LockStatus, Locks, Loss, ReleaseReport, Request,
    RequestError, Resource,
};

use self::io::Io;
use self::state::{State, StateGuard};
use self::waiters::Callback;
use crate::platform::{Interrupt, Platform};
use crate::{AcquireError, BuildError, CloseReport, Node};

/// The blocking shell around the [`Locks`] of one [`Redlock`](crate::Redlock) handle: a mutex that is held for
/// microseconds, the connections, and the threads that wait.
///
/// A thread that waits for a result and finds nobody doing the I/O becomes the leader: it sends what all threads have
/// queued, waits for all connections at once, and hands every reply to its lock, until its own result is there. Then it
/// hands the role on to a thread that still waits. While nobody waits, the keeper looks after what is left.
pub(crate) struct Shell {
    pub(crate) config: Config,
    pub(crate) platform: Arc<dyn Platform>,
    state: Mutex<State>,
    /// Interrupts a leader that waits for connections.
    interrupt: Arc<Interrupt>,
    /// The leader has taken commands and may not have sent them yet.
    is_sending: AtomicBool,
    /// The ways to the nodes.
    ways: Vec<Mutex<Node>>,
    connect_timeout: Duration,
    observers: Observers,
}

impl Shell {
    /// Makes the shell and begins to connect.
    pub(crate) fn start(platform: Arc<dyn Platform>, setup: Setup<Node>) -> Result<Arc<Self>, BuildError> {
        let Setup { config, nodes, connect_timeout, observers, .. } = setup;
        #[cfg(feature = "memory")]
        for node in nodes.iter().filter_map(|node| node.memory.as_ref()) {
            let (clock, epoch) = (platform.clone(), platform.wall_clock().saturating_sub(platform.now().since_epoch()));
            node.set_clock(move || clock.now(), epoch);
        }
        let poller = platform.poller().map_err(BuildError::system)?;
        let interrupt = Arc::new(poller.interrupt());
        let mut locks = Locks::new(config.clone());
        locks.observe(observers.are_interested());
        let state = Mutex::new(State::new(locks, Io::new(poller, nodes.len()), nodes.len()));
        let (ways, is_sending) = (nodes.into_iter().map(Mutex::new).collect(), AtomicBool::new(false));
        let shell = Arc::new(Self { config, platform, state, interrupt, is_sending, ways, connect_timeout, observers });
        keeper::start(&shell).map_err(BuildError::system)?;
        shell.attend(shell.state());
        Ok(shell)
    }

    /// No code of others runs while the mutex is held, so a poisoned one holds a state that is whole.
    fn state(&self) -> StateGuard<'_> {
        self.platform.before_lock();
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the mutex back, then wakes all whom the last steps concern and tells the observers. Whatever they call, they may
    /// use the handle: this thread does not lead, and nobody counts on it.
    fn unlock(&self, mut state: StateGuard<'_>) {
        state.collect();
        let callbacks = std::mem::take(&mut state.waiters.wakes.callbacks);
        self.unlock_and_wake(state);
        for (callback, loss) in callbacks {
            waiters::call(callback, loss);
        }
        self.tell_observers();
    }

    /// Takes a step, and makes sure that what comes of it is done by somebody.
    fn step<T>(self: &Arc<Self>, step: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.state();
        let result = step(&mut state, self.platform.now());
        self.attend(state);
        result
    }

    /// Tells the observers what has happened, in order and while the mutex is free.
    fn tell_observers(&self) {
        self.observers.tell_all(|take| {
            let mut state = self.state();
            state.is_observed = true;
            take(&mut state.locks);
        });
    }

    /// Gives the mutex back, then wakes all threads that the last steps concern. It calls nobody's code: a leader, and a thread
    /// that is about to park, must not be held up.
    fn unlock_and_wake(&self, mut state: StateGuard<'_>) {
        state.collect();
        let interrupts = state.interrupts_leader();
        let threads = std::mem::take(&mut state.waiters.wakes.threads);
        drop(state);
        if interrupts {
            (self.interrupt)();
        }
        for thread in threads {
            self.platform.unpark(&thread);
        }
    }
}

/// # For users
impl Shell {
    /// Acquires a lock on the caller's thread.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        request: Request,
        seed: [u8; 32],
        is_aborted: &AtomicBool,
    ) -> Result<(LockKey, HandedOver), AcquireError> {
        let mut state = self.state();
        if is_aborted.load(Ordering::Acquire) {
            return Err(AcquireError::Aborted);
        }
        let key = state.locks.acquire(request, seed, self.platform.now())?;
        let result = self.wait(state, Some(key), |locks, now| match locks.hand_over(key, now) {
            Some(result) => Some(result.map(|_deadline| (key, HandedOver::of(locks, key))).map_err(AcquireError::from)),
            None => is_aborted.load(Ordering::Acquire).then_some(Err(AcquireError::Aborted)),
        });
        if result.is_err() {
            self.abandon(key);
        }
        result
    }

    pub(crate) fn extend(self: &Arc<Self>, key: LockKey, ttl: Duration) -> Result<Instant, ExtendError> {
        let mut state = self.state();
        let extension = state.locks.extend(key, ttl, self.platform.now())?;
        self.wait(state, Some(key), |locks, _| {
            let end = locks.take_extended(key, extension);
            // Nothing comes of it when another thread has released the lock.
            end.or_else(|| locks.deadline(key).is_none().then_some(Err(ExtendError::NotHeld)))
        })
    }

    /// Releases a lock; with that, it is abandoned.
    pub(crate) fn release(self: &Arc<Self>, key: LockKey) -> ReleaseReport {
        let mut state = self.state();
        state.locks.release(key, self.platform.now());
        self.wait(state, Some(key), |locks, now| {
            let report = locks.take_released(key)?;
            locks.abandon(key, now);
            Some(report)
        })
    }

    /// Asks all nodes how a lock stands.
    pub(crate) fn inspect(self: &Arc<Self>, name: Resource) -> Result<LockStatus, RequestError> {
        let mut state = self.state();
        let key = state.locks.inspect(name, self.platform.now())?;
        Ok(self.wait(state, None, |locks, _| locks.take_inspected(key)))
    }

    /// Leaves a lock to its keys: nobody will ask for it again. Returns what is needed to adopt it, or how it was lost.
    pub(crate) fn detach(self: &Arc<Self>, key: LockKey) -> Result<DetachedLock, Loss> {
        self.step(|state, now| state.locks.detach(key, now))
    }

    /// Releases what there may be and leaves the rest to others: nobody will ask for this lock again. Waits for nobody's
    /// answer, only until the releases are on their way: the process may end now.
    pub(crate) fn abandon(self: &Arc<Self>, key: LockKey) {
        self.step(|state, now| state.locks.abandon(key, now));
        self.wait_until_sent();
    }

    /// Returns the end of the validity of a lock that was handed over.
    pub(crate) fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.state().locks.deadline(key)
    }

    /// The present moment, on the clock of all deadlines.
    pub(crate) fn now(&self) -> Instant {
        self.platform.now()
    }

    /// Returns how the nodes and the locks are. If nobody does the I/O, connections are looked at first: nobody has noticed
    /// which of them have ended.
    pub(crate) fn health(self: &Arc<Self>) -> Health {
        let mut state = self.state();
        let State { io, locks, .. } = &mut *state;
        if let Some(io) = io {
            io.look_at_all(locks, self.platform.now());
        }
        let state = self.turn(state, Some(Instant::EPOCH));
        let health = state.locks.health(self.platform.now());
        self.attend(state);
        health
    }

    /// Returns the end of the validity of a lock that was handed over, or how it came to its end.
    pub(crate) fn check(self: &Arc<Self>, key: LockKey) -> Result<Instant, Loss> {
        self.step(|state, now| state.locks.check(key, now))
    }

    /// Waits until the lock is held no longer, for at most `timeout`.
    pub(crate) fn wait_lost(self: &Arc<Self>, key: LockKey, timeout: Duration) -> Option<Loss> {
        let until = self.platform.now().saturating_add(timeout);
        self.wait_until(self.state(), Some(key), Some(until), |locks, now| locks.check(key, now).err())
    }

    /// Calls `callback` when the lock is held no longer, on whatever thread finds out.
    pub(crate) fn on_lost(self: &Arc<Self>, key: LockKey, callback: Callback) {
        let mut state = self.state();
        let Err(loss) = state.locks.check(key, self.platform.now()) else {
            state.waiters.watch(key, callback);
            return self.attend(state);
        };
        self.attend(state);
        waiters::call(callback, loss);
    }

    /// Lets all threads that wait look again whether they still should.
    pub(crate) fn wake_all(self: &Arc<Self>) {
        self.step(|state, _| state.wake_all());
    }

    /// Ends all acquisitions, takes no new ones, and waits for the releases that nodes in time have not answered.
    pub(crate) fn close(self: &Arc<Self>) -> CloseReport {
        let mut state = self.state();
        state.locks.close(self.platform.now());
        state.wake_all();
        self.wait(state, None, |locks, _| locks.is_quiet().then_some(()));
        self.state().locks.close_report()
    }

    /// Notes that the last handle is gone: the threads end when all locks are settled.
    pub(crate) fn let_go(self: &Arc<Self>) {
        self.step(|state, _| state.is_abandoned = true);
    }
}
