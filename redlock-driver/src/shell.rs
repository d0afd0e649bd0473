mod task;
mod waiters;
mod wakes;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redlock_core::{
    Cause, Command, Config, ExtendError, Instant, LockKey, Locks, Loss, NodeId, OperationId, ReleaseReport, Reply,
    Request, Status, Unavailable,
};

use self::waiters::Waiters;
use self::wakes::{Wakes, register, register_in};
use crate::{AcquireError, CloseReport, Runtime};

/// The async shell around the [`Locks`] of one [`Redlock`](crate::Redlock) handle: a mutex that whoever has work takes
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
    state: Mutex<State>,
}

/// What a held lock takes in here, at most: its place, when the lists have just doubled, and its timer.
#[cfg(feature = "cache")]
pub(crate) const HELD_LOCK_BYTES: usize = Locks::BYTES_PER_LOCK + 2 * waiters::PLACE_BYTES;

struct State {
    locks: Locks,
    waiters: Waiters,
    /// The node drivers that have nothing to do, one a node.
    node_drivers: Vec<Option<Waker>>,
    /// What waits for the earliest timer, and when that is.
    timer: Option<Waker>,
    armed: Option<Instant>,
    closing: Vec<Waker>,
    /// No handle and no guard is left.
    abandoned: bool,
}

/// There is nothing to do any more, and nobody who could ask for something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl<R: Runtime> Shell<R> {
    pub(crate) fn new(runtime: R, config: Config) -> Self {
        let state = State {
            locks: Locks::new(config.clone()),
            waiters: Waiters::default(),
            node_drivers: config.nodes().iter().map(|_| None).collect(),
            timer: None,
            armed: None,
            closing: Vec::new(),
            abandoned: false,
        };
        Self {
            runtime,
            config,
            has_task: AtomicBool::new(false),
            task_has_failed: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// Works on the state with the present time, then wakes whom that concerns.
    fn work<T>(&self, work: impl FnOnce(&mut State, Instant, &mut Wakes) -> T) -> T {
        let mut wakes = Wakes::default();
        let mut state = self.state();
        let result = work(&mut state, self.runtime.now(), &mut wakes);
        state.collect(&mut wakes);
        drop(state);
        wakes.wake();
        result
    }

    /// No code of others runs while the mutex is held, so a poisoned one holds a state that is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # For users' futures and guards
impl<R: Runtime> Shell<R> {
    /// Starts to acquire.
    pub(crate) fn acquire(&self, request: Request, seed: [u8; 32]) -> Result<LockKey, AcquireError> {
        self.work(|state, now, _| Ok(state.locks.acquire(request, seed, now)?))
    }

    /// Waits for the result of an acquisition, and hands the lock over in the moment of the answer.
    pub(crate) fn poll_acquire(&self, key: LockKey, context: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        let poll = self.work(|state, now, _| {
            let result = state.locks.hand_over(key, now);
            state.ready_or_wait(key, context, result)
        });
        self.waits(context, poll).map(|result| result.map(drop).map_err(Into::into))
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

    /// Starts to release, or to undo an acquisition.
    pub(crate) fn release(&self, key: LockKey) {
        self.work(|state, now, _| state.locks.release(key, now));
    }

    pub(crate) fn poll_release(&self, key: LockKey, context: &Context<'_>) -> Poll<ReleaseReport> {
        let poll = {
            let mut state = self.state();
            let result = state.locks.take_released(key);
            state.ready_or_wait(key, context, result)
        };
        self.waits(context, poll)
    }

    /// Releases what there may be and leaves the rest to the task: nobody will ask for this lock again.
    pub(crate) fn abandon(&self, key: LockKey) {
        self.work(|state, now, _| state.locks.abandon(key, now));
    }

    /// Returns the end of the validity of a lock that was handed over.
    pub(crate) fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.state().locks.deadline(key)
    }

    /// Waits until the lock is lost; `None` when it was released instead.
    pub(crate) fn poll_lost(&self, key: LockKey, context: &Context<'_>) -> Poll<Option<Loss>> {
        let poll = self.work(|state, now, _| match state.locks.status(key, now) {
            Status::Held { .. } => {
                state.waiters.watch(key, context);
                Poll::Pending
            }
            Status::Lost(loss) => Poll::Ready(Some(loss)),
            _ => Poll::Ready(None),
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

    pub(crate) fn connected(&self, node: NodeId) {
        self.work(|state, now, _| state.locks.handle_connected(node, now));
    }

    pub(crate) fn disconnected(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.handle_disconnected(node, why, now));
    }

    pub(crate) fn give_up(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.give_up(node, why, now));
    }

    /// Returns whether commands wait for a node; if none does, its driver is woken when one comes.
    pub(crate) fn has_commands(&self, node: NodeId, context: &Context<'_>) -> bool {
        let mut state = self.state();
        let has_commands = state.locks.has_batch(node);
        if !has_commands {
            state.register_driver(node, context);
        }
        has_commands
    }

    /// Waits for commands to a node.
    pub(crate) fn poll_batch(&self, node: NodeId, context: &Context<'_>) -> Poll<Result<Vec<Command>, Over>> {
        self.work(|state, now, _| {
            state.check_over(node, context)?;
            let mut batch = Vec::new();
            state.locks.poll_batch(node, &mut batch, now);
            if batch.is_empty() { Poll::Pending } else { Poll::Ready(Ok(batch)) }
        })
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

impl State {
    /// Remembers to wake all whom the last step concerns.
    fn collect(&mut self, wakes: &mut Wakes) {
        while let Some(node) = self.locks.poll_ready() {
            if let Some(driver) = self.node_drivers.get_mut(node.index()) {
                wakes.take_from(driver);
            }
        }
        while let Some(key) = self.locks.poll_finished() {
            self.waiters.take(key, wakes);
        }
        if self.locks.is_quiet() {
            wakes.take_all_from(&mut self.closing);
        }
        let is_over = self.is_over();
        if is_over || self.has_earlier_timer() {
            wakes.take_from(&mut self.timer);
        }
        if is_over {
            self.node_drivers.iter_mut().for_each(|driver| wakes.take_from(driver));
        }
    }

    fn has_earlier_timer(&self) -> bool {
        self.locks.poll_timeout().is_some_and(|next| self.armed.is_none_or(|armed| next < armed))
    }

    fn ready_or_wait<T>(&mut self, key: LockKey, context: &Context<'_>, result: Option<T>) -> Poll<T> {
        if result.is_none() {
            self.waiters.wait(key, context);
        }
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// Makes the node's driver wait, unless everything is over.
    fn check_over(&mut self, node: NodeId, context: &Context<'_>) -> Result<(), Over> {
        if self.is_over() {
            return Err(Over);
        }
        self.register_driver(node, context);
        Ok(())
    }

    fn register_driver(&mut self, node: NodeId, context: &Context<'_>) {
        if let Some(driver) = self.node_drivers.get_mut(node.index()) {
            register(driver, context);
        }
    }

    fn is_over(&self) -> bool {
        self.abandoned && self.locks.is_empty()
    }
}
