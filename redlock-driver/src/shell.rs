mod state;
mod task;
mod waiters;
mod wakes;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::health::Health;
use redlock_core::shell::Observers;
use redlock_core::{
    Cause, Command, Config, DetachedLock, ExtendError, Facts, HandedOver, Heard, InspectionKey, Instant, LockKey,
    LockStatus, Loss, NodeId, OperationId, ReleaseReport, Reply, Request, RequestError, Resource, Status, Unavailable,
    WaiterId,
};

use self::state::State;
use self::wakes::{Wakes, register, register_in};
use crate::carrier::{SendAtOnce, Urgency};
use crate::{AcquireError, CloseReport, Runtime};

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
        let result = work(&mut state, self.runtime.now(), &mut wakes);
        let carriers = state.collect(urgency, &mut wakes);
        drop(state);
        wakes.wake();
        for (node, carrier) in carriers {
            if !carrier.send_at_once(urgency, &|| self.take_batch(node)) {
                self.wake_driver(node);
            }
        }
        self.observers.tell_all(|take| take(&mut self.state().locks));
        result
    }

    fn wake_driver(&self, node: NodeId) {
        let mut wakes = Wakes::default();
        self.state().wake_driver(node, &mut wakes);
        wakes.wake();
    }

    /// No code of others runs while the mutex is held, so a poisoned one holds a state that is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # For users' futures and guards
impl<R: Runtime> Shell<R> {
    /// Starts to acquire, and waits for the result.
    pub(crate) fn begin_acquire(
        &self,
        request: Request,
        seed: [u8; 32],
        context: &Context<'_>,
    ) -> Result<LockKey, AcquireError> {
        let begun = self.work(|state, now, _| {
            let key = state.locks.acquire(request, seed, now)?;
            state.waiters.wait(key, context);
            Ok(key)
        });
        self.look_again_without_task(context);
        begun
    }

    /// Waits for the result of an acquisition, and hands the lock over in the moment of the answer.
    pub(crate) fn poll_acquire(&self, key: LockKey, context: &Context<'_>) -> Poll<Result<HandedOver, AcquireError>> {
        let poll = self.work(|state, now, _| {
            let result = state.locks.hand_over(key, now);
            let handed_over = result.map(|result| result.map(|_deadline| HandedOver::of(&state.locks, key)));
            state.ready_or_wait(key, context, handed_over)
        });
        self.waits(context, poll).map_err(Into::into)
    }

    pub(crate) fn extend(&self, key: LockKey, ttl: Duration) -> Result<OperationId, ExtendError> {
        self.work(|state, now, _| state.locks.extend(key, ttl, now))
    }

    pub(crate) fn poll_extend(
        &self,
        key: LockKey,
        extension: OperationId,
        context: &Context<'_>,
    ) -> Poll<Result<Instant, ExtendError>> {
        let poll = {
            let mut state = self.state();
            let result = state.locks.take_extended(key, extension);
            state.ready_or_wait(key, context, result)
        };
        self.waits(context, poll)
    }

    /// Starts to release, unless it `has_begun`, and waits for the result. With that, the lock is abandoned.
    pub(crate) fn poll_release(&self, key: LockKey, has_begun: bool, context: &Context<'_>) -> Poll<ReleaseReport> {
        let poll = self.work(|state, now, wakes| {
            if !has_begun {
                state.locks.release(key, now);
                // The caller is no watcher: it waits for more than the end of the lock.
                state.wake_finished(wakes);
            }
            let result = state.locks.take_released(key);
            if result.is_some() {
                state.locks.abandon(key, now);
            }
            state.ready_or_wait(key, context, result)
        });
        self.waits(context, poll)
    }

    /// Leaves a lock to its keys: nobody will ask for it again. Yields what is needed to adopt it, or how it was lost.
    pub(crate) fn detach(&self, key: LockKey) -> Result<DetachedLock, Loss> {
        self.work_and_send(Urgency::Last, |state, now, _| state.locks.detach(key, now))
    }

    /// Releases what there may be and leaves the rest to the task: nobody will ask for this lock again.
    pub(crate) fn abandon(&self, key: LockKey) {
        self.work_and_send(Urgency::Last, |state, now, _| state.locks.abandon(key, now));
    }

    /// Returns the end of the validity of a lock that was handed over.
    pub(crate) fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.state().locks.deadline(key)
    }

    /// The present moment, on the clock of all deadlines.
    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Returns how a lock that was handed over was lost, if it was.
    pub(crate) fn loss(&self, key: LockKey) -> Option<Loss> {
        self.work(|state, now, _| state.locks.status(key, now).loss())
    }

    /// Waits until the lock is lost; `None` when it was released instead.
    pub(crate) fn poll_lost(&self, key: LockKey, context: &Context<'_>) -> Poll<Option<Loss>> {
        let poll = self.work(|state, now, _| match state.locks.status(key, now) {
            Status::Held { .. } => {
                state.waiters.watch(key, context);
                Poll::Pending
            }
            status => Poll::Ready(status.loss()),
        });
        self.waits(context, poll)
    }

    /// Ends all acquisitions and takes no new ones.
    pub(crate) fn close(&self) {
        self.work(|state, now, _| state.locks.close(now));
    }

    /// Waits until every release was answered, or its node's time has passed.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<CloseReport> {
        let poll = {
            let mut state = self.state();
            if state.locks.is_quiet() {
                return Poll::Ready(state.locks.close_report());
            }
            register_in(&mut state.closing, context);
            Poll::Pending
        };
        self.waits(context, poll)
    }

    /// Starts to ask all nodes how a lock stands.
    pub(crate) fn begin_inspection(&self, name: Resource) -> Result<InspectionKey, RequestError> {
        self.work(|state, now, _| state.locks.inspect(name, now))
    }

    /// Waits for the result of an inspection.
    pub(crate) fn poll_inspection(&self, key: InspectionKey, context: &Context<'_>) -> Poll<LockStatus> {
        let poll = {
            let mut state = self.state();
            let result = state.locks.take_inspected(key);
            if result.is_none() {
                register_in(&mut state.inspecting, context);
            }
            result.map_or(Poll::Pending, Poll::Ready)
        };
        self.waits(context, poll)
    }

    /// Notes that nobody waits for an inspection any more.
    pub(crate) fn forget_inspection(&self, key: InspectionKey) {
        self.state().locks.forget_inspection(key);
    }

    /// Returns how the nodes and the locks are.
    pub(crate) fn health(&self) -> Health {
        self.state().locks.health(self.runtime.now())
    }

    /// Returns what is left when nobody can wait for more.
    pub(crate) fn close_report(&self) -> CloseReport {
        self.state().locks.close_report()
    }

    /// Notes that the last handle is gone: the task ends when all locks are settled.
    pub(crate) fn let_go(&self) {
        self.work(|state, _, _| state.abandoned = true);
    }
}

/// # For the node drivers
impl<R: Runtime> Shell<R> {
    /// Waits until a connection to the node is to be opened.
    pub(crate) fn poll_connect(&self, node: NodeId, context: &Context<'_>) -> Poll<Result<(), Over>> {
        self.work(|state, _, _| {
            state.check_over(node, context)?;
            if state.locks.poll_connect(node) { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
    }

    pub(crate) fn connected(&self, node: NodeId, facts: Facts, hears: bool) {
        self.work(|state, now, _| state.locks.handle_connected(node, facts, hears, now));
    }

    /// Returns the name under which the handle is to subscribe at the node, if it is to do so now. Otherwise the driver is
    /// woken when it is.
    pub(crate) fn take_subscription(&self, node: NodeId) -> Option<WaiterId> {
        self.state().locks.poll_subscribe(node, self.runtime.now())
    }

    /// Returns whether the handle is to subscribe at the node.
    pub(crate) fn has_subscription(&self, node: NodeId) -> bool {
        self.state().locks.has_subscription(node)
    }

    pub(crate) fn heard(&self, node: NodeId, heard: Heard) {
        self.work(|state, now, _| state.locks.handle_heard(node, heard, now));
    }

    pub(crate) fn disconnected(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.handle_disconnected(node, why, now));
    }

    pub(crate) fn give_up(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.give_up(node, why, now));
    }

    /// Returns whether another connection is wanted in place of the one that there is. If not, the driver is woken when
    /// one is, when there is something to send, or at the end.
    pub(crate) fn must_reconnect(&self, node: NodeId, context: &Context<'_>) -> Result<bool, Over> {
        let mut state = self.state();
        state.check_over(node, context)?;
        Ok(state.locks.poll_connect(node))
    }

    /// Returns whether commands wait for a node.
    pub(crate) fn has_commands(&self, node: NodeId) -> bool {
        self.state().locks.has_batch(node)
    }

    /// Takes the commands that wait for a node, for whoever sends them next.
    pub(crate) fn take_batch(&self, node: NodeId) -> Vec<Command> {
        let mut batch = Vec::new();
        self.work(|state, now, _| state.locks.poll_batch(node, &mut batch, now));
        batch
    }

    /// Lets everybody send over the connection, until what is returned is dropped.
    pub(crate) fn register_carrier(&self, node: NodeId, carrier: Arc<dyn SendAtOnce>) -> impl Drop + use<'_, R> {
        self.state().set_carrier(node, Some(carrier));
        Registered { shell: self, node }
    }

    /// Makes sure that a driver that cannot take a batch now is woken at the end all the same.
    pub(crate) fn check_over(&self, node: NodeId, context: &Context<'_>) -> Result<(), Over> {
        self.state().check_over(node, context)
    }

    /// Brings the replies of a node to the oldest batch that it has not answered, of `count` commands.
    pub(crate) fn answered(&self, node: NodeId, count: usize, replies: Vec<Reply>) {
        let unexpected = std::iter::repeat_with(|| Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        self.work(|state, now, _| {
            for reply in replies.into_iter().chain(unexpected).take(count) {
                state.locks.handle_reply(node, reply, now);
            }
        });
    }

    /// Notes that the oldest batch to a node, of `count` commands, will not be answered.
    pub(crate) fn unanswered(&self, node: NodeId, count: usize, why: &Unavailable) {
        self.work(|state, now, _| state.locks.handle_unanswered(node, count, why, now));
    }
}

/// # For the timer
impl<R: Runtime> Shell<R> {
    /// Looks at all locks whose time has come; returns when the next one's comes.
    pub(crate) fn fire_timers(&self) -> Result<Option<Instant>, Over> {
        self.work(|state, now, _| {
            state.locks.handle_timeout(now);
            state.armed = state.locks.poll_timeout();
            if state.is_over() { Err(Over) } else { Ok(state.armed) }
        })
    }

    /// Waits until there is an earlier timer than the one that is armed, or nothing to wait for.
    pub(crate) fn poll_earlier_timer(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.has_earlier_timer() || state.is_over() {
            return Poll::Ready(());
        }
        register(&mut state.timer, context);
        Poll::Pending
    }
}

/// A connection over which everybody may send.
struct Registered<'a, R: Runtime> {
    shell: &'a Shell<R>,
    node: NodeId,
}

impl<R: Runtime> Drop for Registered<'_, R> {
    fn drop(&mut self) {
        self.shell.state().set_carrier(self.node, None);
    }
}
