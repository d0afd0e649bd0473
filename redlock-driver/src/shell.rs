mod nodes;
mod state;
mod task;
mod timer;
mod users;
mod waiters;
mod wakes;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redlock_core::shell::Observers;
use redlock_core::{Config, Instant, NodeSet};

pub(crate) use self::nodes::Demand;
use self::state::{Carriers, State};
pub(crate) use self::waiters::WatcherId;
use self::wakes::Wakes;
use crate::Runtime;
use crate::carrier::Urgency;

/// The async shell around the [`Locks`](redlock_core::Locks) of one [`Redlock`](crate::Redlock) handle: a mutex that whoever has work takes
/// for a moment, and those who wait.
///
/// Three kinds of callers drive it: the users' futures and guards, which begin something; the node drivers, which carry
/// what is to be sent and bring the replies; and what waits for the earliest timer. Commands are queued for their nodes
/// before the mutex is free again, so nothing can come between a SET and the release that undoes it, and nobody needs to
/// stay alive for the release to be sent.
pub(crate) struct Shell<R> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    /// The task is there that connects, sends and fires timers.
    has_task: AtomicBool,
    /// The task has panicked: started again, it would do so again.
    task_has_failed: AtomicBool,
    observers: Observers,
    state: Mutex<State>,
}

/// What a held lock takes in here, at most: its place, when the lists have just doubled, and its timer.
#[cfg(feature = "cache")]
pub(crate) const HELD_LOCK_BYTES: usize = redlock_core::Locks::BYTES_PER_LOCK + 2 * waiters::PLACE_BYTES;

/// There is nothing to do any more, and nobody who could ask for something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl<R: Runtime> Shell<R> {
    pub(crate) fn new(runtime: R, config: Config, observers: Observers) -> Self {
        let state = State::new(&config, observers.are_interested());
        Self {
            runtime,
            config,
            has_task: AtomicBool::new(false),
            task_has_failed: AtomicBool::new(false),
            observers,
            state: Mutex::new(state),
        }
    }

    /// Works on the state with the present time, sends what is to be sent where everybody may, then wakes whom that
    /// concerns.
    fn work<T>(&self, work: impl FnOnce(&mut State, Instant, &mut Wakes) -> T) -> T {
        self.work_and_send(Urgency::Gathered, work)
    }

    fn work_and_send<T>(&self, urgency: Urgency, work: impl FnOnce(&mut State, Instant, &mut Wakes) -> T) -> T {
        let mut wakes = Wakes::default();
        let mut state = self.state();
        let now = self.runtime.now();
        let result = work(&mut state, now, &mut wakes);
        self.follow_up(state, wakes, urgency, now);
        result
    }

    /// Does what follows from a step, in one place for all steps: code that is at hand runs fastest.
    #[inline(never)]
    fn follow_up(&self, mut state: MutexGuard<'_, State>, mut wakes: Wakes, urgency: Urgency, now: Instant) {
        let mut carriers = state.collect(urgency, &mut wakes);
        drop(state);
        wakes.wake();
        while !carriers.is_empty() {
            carriers = self.send_over(&carriers, urgency, now);
        }
        self.observers.tell_all(|take| take(&mut self.state().locks));
    }

    /// Sends what waits for the nodes of these carriers; yields those over which something is to be sent because of that. What
    /// is left is for the drivers of the nodes.
    fn send_over(&self, carriers: &Carriers, urgency: Urgency, now: Instant) -> Carriers {
        let mut wakes = Wakes::default();
        let mut failed = NodeSet::EMPTY;
        for (node, carrier) in carriers {
            if !carrier.send_at_once(urgency, &|| self.state().take_batch_over(*node, carrier, now), now) {
                failed.insert(*node);
            }
        }
        let mut state = self.state();
        for (node, _) in carriers {
            if failed.contains(*node) || state.locks.has_batch(*node) {
                state.wake_driver(*node, &mut wakes);
            }
        }
        let carriers = state.collect(urgency, &mut wakes);
        drop(state);
        wakes.wake();
        carriers
    }

    /// No code of others runs while the mutex is held, so a poisoned one holds a state that is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
