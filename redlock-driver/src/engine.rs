mod entry;
mod outbox;
mod task;
mod timers;
mod wakes;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redlock_core::{
    Cause, CommandId, Config, Event, ExtendError, Instant, Lock, Loss, NodeId, ReleaseReport, Reply, Request,
    Unavailable,
};
use slab::Slab;

use self::entry::Entry;
use self::outbox::Outbox;
pub(crate) use self::outbox::{Batch, Tickets};
use self::timers::Timers;
use self::wakes::{Wakes, register, register_in};
use crate::{AcquireError, CloseReport, Runtime};

/// All locks of one [`Redlock`](crate::Redlock) handle, behind one mutex that whoever has work takes for a moment.
///
/// Three kinds of callers drive it: the users' futures and guards, which begin something; the couriers, one per node,
/// which carry what is to be sent and bring the replies; and what waits for the earliest timer. A
/// machine's commands are in the nodes' outboxes before the mutex is free again, so nothing can come between a SET and
/// the release that undoes it, and nobody needs to stay alive for the release to be sent.
pub(crate) struct Engine<R> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    /// The task is there that connects, sends and fires timers.
    has_task: AtomicBool,
    /// The task has panicked: started again, it would do so again.
    task_has_failed: AtomicBool,
    state: Mutex<State>,
}

/// Names one lock of the engine; never the same for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockKey {
    serial: u64,
    index: usize,
}

/// What a held lock takes in the engine, at most: its place, when the slab has just doubled, and its timer.
#[cfg(feature = "cache")]
pub(crate) const HELD_LOCK_BYTES: usize = 2 * (size_of::<Entry>() + size_of::<(Instant, LockKey)>());

struct State {
    locks: Slab<Entry>,
    next_serial: u64,
    timers: Timers,
    /// One a node, in the order of the configuration.
    outboxes: Vec<Outbox>,
    /// What waits for the earliest timer.
    timer: Option<Waker>,
    /// How many locks have a release under way that a node in time has not answered.
    releasing: usize,
    closed: bool,
    closing: Vec<Waker>,
    /// No handle and no guard is left.
    abandoned: bool,
}

/// The engine has nothing to do any more, and nobody who could ask it to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl<R: Runtime> Engine<R> {
    pub(crate) fn new(runtime: R, config: Config) -> Self {
        let state = State {
            locks: Slab::new(),
            next_serial: 0,
            timers: Timers::default(),
            outboxes: config.nodes().iter().map(|_| Outbox::default()).collect(),
            timer: None,
            releasing: 0,
            closed: false,
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
impl<R: Runtime> Engine<R> {
    /// Starts to acquire.
    pub(crate) fn acquire(&self, request: Request, seed: [u8; 32]) -> Result<LockKey, AcquireError> {
        self.work(|state, now, wakes| {
            if state.closed {
                return Err(AcquireError::Closed);
            }
            let key = state.insert(Lock::acquire(&self.config, request, seed, now));
            state.update(key, wakes, |_| ());
            Ok(key)
        })
    }

    /// Waits for the result of an acquisition, and hands the lock over in the moment of the answer.
    pub(crate) fn poll_acquire(&self, key: LockKey, context: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        let poll = self.work(|state, now, wakes| {
            if state.closed {
                return Poll::Ready(Err(AcquireError::Closed));
            }
            while let Some(answer) = state.take_answer(key) {
                match answer {
                    Event::AcquireFailed(error) => return Poll::Ready(Err(error.into())),
                    _ if state.update(key, wakes, |lock| lock.hand_over(now)) == Some(true) => {
                        return Poll::Ready(Ok(()));
                    }
                    _ => {}
                }
            }
            state.wait(key, context)
        });
        self.waits(context, poll)
    }

    pub(crate) fn extend(&self, key: LockKey, ttl: Duration) -> Result<(), ExtendError> {
        self.work(|state, now, wakes| {
            // An earlier extension may have been given up by its caller: its end, due now at the latest, is not the
            // answer to this one.
            state.update(key, wakes, |lock| lock.handle_timeout(now));
            state.take_answer(key);
            let begun = state.update(key, wakes, |lock| lock.extend(ttl, now));
            begun.unwrap_or(Err(ExtendError::NotHeld))
        })
    }

    pub(crate) fn poll_extend(&self, key: LockKey, context: &Context<'_>) -> Poll<Result<Instant, ExtendError>> {
        self.poll_answer(key, context, |answer| match answer {
            Event::Extended { deadline } => Some(Ok(deadline)),
            Event::ExtendFailed(error) => Some(Err(error)),
            _ => None,
        })
    }

    /// Starts to release, or to undo an acquisition.
    pub(crate) fn release(&self, key: LockKey) {
        self.work(|state, now, wakes| state.update(key, wakes, |lock| lock.release(now)));
    }

    pub(crate) fn poll_release(&self, key: LockKey, context: &Context<'_>) -> Poll<ReleaseReport> {
        self.poll_answer(key, context, |answer| match answer {
            Event::Released(report) => Some(report),
            _ => None,
        })
    }

    fn poll_answer<T>(&self, key: LockKey, context: &Context<'_>, read: impl Fn(Event) -> Option<T>) -> Poll<T> {
        let poll = {
            let mut state = self.state();
            match state.take_answer(key).and_then(read) {
                Some(answer) => Poll::Ready(answer),
                None => state.wait(key, context),
            }
        };
        self.waits(context, poll)
    }

    /// Releases what there may be and leaves the rest to the engine: nobody will ask for this lock again.
    pub(crate) fn abandon(&self, key: LockKey) {
        self.work(|state, now, wakes| {
            if let Some(entry) = state.entry(key) {
                entry.owned = false;
                state.update(key, wakes, |lock| lock.release(now));
            }
        });
    }

    /// The end of the validity of a lock that was handed over.
    pub(crate) fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.state().entry(key).and_then(|entry| entry.lock.deadline())
    }

    /// Waits until the lock is lost; `None` when it was released instead.
    pub(crate) fn poll_lost(&self, key: LockKey, context: &Context<'_>) -> Poll<Option<Loss>> {
        let poll = self.work(|state, now, wakes| {
            // The timer may be late; the clock is not.
            state.update(key, wakes, |lock| lock.handle_timeout(now));
            let Some(entry) = state.entry(key) else { return Poll::Ready(None) };
            if entry.lock.loss().is_none() && entry.lock.deadline().is_some() {
                register_in(&mut entry.watchers, context);
                return Poll::Pending;
            }
            Poll::Ready(entry.lock.loss().cloned())
        });
        self.waits(context, poll)
    }

    /// Ends all acquisitions and takes no new ones.
    pub(crate) fn close(&self) {
        self.work(|state, now, wakes| {
            state.closed = true;
            let keys: Vec<LockKey> = state.locks.iter().map(|(index, entry)| entry.key_at(index)).collect();
            for key in keys {
                state.end_acquisition(key, now, wakes);
            }
        });
    }

    /// Waits until every release was answered, or its node's time has passed.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<CloseReport> {
        let poll = self.work(|state, _, _| {
            if state.releasing == 0 {
                return Poll::Ready(state.close_report());
            }
            register_in(&mut state.closing, context);
            Poll::Pending
        });
        self.waits(context, poll)
    }

    /// What is left when nobody can wait for more.
    pub(crate) fn close_report(&self) -> CloseReport {
        self.state().close_report()
    }

    /// The last handle is gone: the tasks end when all locks are settled.
    pub(crate) fn let_go(&self) {
        self.work(|state, _, wakes| {
            state.abandoned = true;
            state.wake_tasks_if_over(wakes);
        });
    }
}

/// # For the couriers
impl<R: Runtime> Engine<R> {
    /// Whether commands wait for a node; if none does, the courier is woken when one comes.
    pub(crate) fn has_commands(&self, node: NodeId, context: &Context<'_>) -> bool {
        let mut state = self.state();
        let Some(outbox) = state.outboxes.get_mut(node.index()) else { return false };
        if outbox.is_empty() {
            register(&mut outbox.courier, context);
        }
        !outbox.is_empty()
    }

    /// Waits for commands to a node. Those whose time to be sent is over are answered here.
    pub(crate) fn poll_batch(&self, node: NodeId, context: &Context<'_>) -> Poll<Result<Batch, Over>> {
        self.work(|state, now, wakes| {
            loop {
                if state.is_over() {
                    return Poll::Ready(Err(Over));
                }
                let Some(outbox) = state.outboxes.get_mut(node.index()) else { return Poll::Ready(Err(Over)) };
                let (batch, overdue) = outbox.take(now);
                if batch.commands.is_empty() && overdue.is_empty() {
                    register(&mut outbox.courier, context);
                    return Poll::Pending;
                }
                let not_sent = || Reply::Unavailable(Unavailable::new(Cause::NotSent));
                state.deliver(node, &overdue, std::iter::repeat_with(not_sent), now, wakes);
                if !batch.commands.is_empty() {
                    return Poll::Ready(Ok(batch));
                }
            }
        })
    }

    /// Sees to it that a courier that cannot take a batch now is woken at the end all the same, and that what waits for
    /// it meanwhile does not pile up.
    pub(crate) fn check_over(&self, node: NodeId, context: &Context<'_>) -> Result<(), Over> {
        self.work(|state, now, _| {
            if state.is_over() {
                return Err(Over);
            }
            if let Some(outbox) = state.outboxes.get_mut(node.index()) {
                outbox.tidy(now);
                register(&mut outbox.courier, context);
            }
            Ok(())
        })
    }

    /// Brings the replies of a node to a batch.
    pub(crate) fn deliver(
        &self,
        node: NodeId,
        tickets: &[(LockKey, CommandId)],
        replies: Result<Vec<Reply>, Unavailable>,
    ) {
        self.work(|state, now, wakes| match replies {
            Ok(replies) => {
                let unexpected = || Reply::Unavailable(Unavailable::new(Cause::Unexpected));
                let replies = replies.into_iter().chain(std::iter::repeat_with(unexpected));
                state.deliver(node, tickets, replies, now, wakes);
            }
            Err(unavailable) => {
                let reply = Reply::Unavailable(unavailable);
                state.deliver(node, tickets, std::iter::repeat_with(|| reply.clone()), now, wakes);
            }
        });
    }
}

/// # For the timer
impl<R: Runtime> Engine<R> {
    /// Looks at all locks whose time has come; the answer is when the next one's comes.
    pub(crate) fn fire_timers(&self) -> Result<Option<Instant>, Over> {
        self.work(|state, now, wakes| {
            while let Some((at, key)) = state.timers.pop_due(now) {
                if state.entry(key).is_some_and(|entry| entry.alarm.rings_at(at)) {
                    state.update(key, wakes, |lock| lock.handle_timeout(now));
                }
            }
            state.forget_idle_timers();
            if state.is_over() { Err(Over) } else { Ok(state.timers.next()) }
        })
    }

    /// Waits until there is an earlier timer than `armed`, or nothing to wait for.
    pub(crate) fn poll_earlier_timer(&self, armed: Option<Instant>, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        let next = state.timers.next();
        let is_earlier = next.is_some_and(|next| armed.is_none_or(|armed| next < armed));
        if is_earlier || state.is_over() {
            return Poll::Ready(());
        }
        register(&mut state.timer, context);
        Poll::Pending
    }
}

impl State {
    fn insert(&mut self, lock: Lock) -> LockKey {
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let index = self.locks.insert(Entry::new(lock, serial));
        LockKey { serial, index }
    }

    fn entry(&mut self, key: LockKey) -> Option<&mut Entry> {
        self.locks.get_mut(key.index).filter(|entry| entry.serial == key.serial)
    }

    /// Takes a step with a lock, then carries out all that follows from it. `None` when there is no such lock.
    fn update<T>(&mut self, key: LockKey, wakes: &mut Wakes, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let entry = self.locks.get_mut(key.index).filter(|entry| entry.serial == key.serial)?;
        let was_releasing = !entry.lock.is_quiet();
        let result = step(&mut entry.lock);
        while let Some(command) = entry.lock.poll_command() {
            for node in command.nodes.iter() {
                if let Some(outbox) = self.outboxes.get_mut(node.index()) {
                    outbox.push(key, command.clone());
                    wakes.take_from(&mut outbox.courier);
                }
            }
        }
        while let Some(event) = entry.lock.poll_event() {
            entry.handle_event(event, wakes);
        }
        if self.timers.schedule(key, &mut entry.alarm, entry.lock.poll_timeout()) {
            wakes.take_from(&mut self.timer);
        }
        let (is_releasing, is_done) = (!entry.lock.is_quiet(), !entry.owned && entry.lock.is_settled());
        self.count_releasing(was_releasing, is_releasing, wakes);
        if is_done {
            wakes.take_all_from(&mut self.locks.remove(key.index).watchers);
            self.wake_tasks_if_over(wakes);
        }
        Some(result)
    }

    fn deliver(
        &mut self,
        node: NodeId,
        tickets: &[(LockKey, CommandId)],
        replies: impl Iterator<Item = Reply>,
        now: Instant,
        wakes: &mut Wakes,
    ) {
        for (&(key, id), reply) in tickets.iter().zip(replies) {
            self.update(key, wakes, |lock| lock.handle_reply(id, node, reply, now));
        }
    }

    /// An operation that ended in time leaves its timer behind; nobody is to be woken by it.
    fn forget_idle_timers(&mut self) {
        let Self { timers, locks, .. } = self;
        timers.forget_first_while(|key| locks.get(key.index).is_none_or(|entry| entry.serial != key.serial));
    }

    fn wait<T>(&mut self, key: LockKey, context: &Context<'_>) -> Poll<T> {
        if let Some(entry) = self.entry(key) {
            register(&mut entry.caller, context);
        }
        Poll::Pending
    }

    fn take_answer(&mut self, key: LockKey) -> Option<Event> {
        self.entry(key).and_then(|entry| entry.answer.take())
    }

    fn end_acquisition(&mut self, key: LockKey, now: Instant, wakes: &mut Wakes) {
        let Some(entry) = self.entry(key).filter(|entry| entry.lock.is_acquiring()) else { return };
        wakes.take_from(&mut entry.caller);
        self.update(key, wakes, |lock| lock.release(now));
    }

    fn count_releasing(&mut self, before: bool, after: bool, wakes: &mut Wakes) {
        match (before, after) {
            (false, true) => self.releasing = self.releasing.saturating_add(1),
            (true, false) => self.releasing = self.releasing.saturating_sub(1),
            _ => {}
        }
        if self.releasing == 0 {
            wakes.take_all_from(&mut self.closing);
        }
    }

    fn close_report(&self) -> CloseReport {
        let unsettled = self.locks.iter().filter(|(_, entry)| entry.is_unsettled()).count();
        let held = self.locks.iter().filter(|(_, entry)| entry.lock.deadline().is_some()).count();
        CloseReport { unsettled, held }
    }

    fn is_over(&self) -> bool {
        self.abandoned && self.locks.is_empty()
    }

    fn wake_tasks_if_over(&mut self, wakes: &mut Wakes) {
        if self.is_over() {
            wakes.take_from(&mut self.timer);
            self.outboxes.iter_mut().for_each(|outbox| wakes.take_from(&mut outbox.courier));
        }
    }
}
