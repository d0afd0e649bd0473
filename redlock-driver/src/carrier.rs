//! A connection with what is under way on it, for the driver of its node and for whoever has something to send.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use redlock_core::{Command, Heard, Instant, Reply, Unavailable, WaiterId};

use crate::transport::Connection;

/// The largest number of batches that are under way to a node at the same time. Two keep the connection busy while
/// replies are read; more would only make smaller batches.
const BATCHES_UNDER_WAY: usize = 2;

/// A node that owes the answers to so many batches, and one of them for so long, is behind. Whoever must send leaves it to the driver
/// of the node then: what it would add is not read soon, also if the process does not end, and would gather without a bound.
const MANY_UNDER_WAY: usize = 256;
const BEHIND_FOR: Duration = Duration::from_secs(1);

/// So often a thread that must send looks whether those who use the connection are done with it. They have it for
/// microseconds, unless the system lets others run meanwhile.
const MAX_TRIES: usize = 500;
/// As many of these tries come without a pause.
const QUICK_TRIES: usize = 100;
const PAUSE: Duration = Duration::from_micros(50);

/// What comes of a batch.
pub(crate) type Replies = Result<Vec<Reply>, Unavailable>;

/// A connection and the batches that are under way on it.
///
/// Its mutex keeps the order: whoever takes commands out of the queue of the node has it until they are sent.
pub(crate) struct Carrier<C> {
    state: Mutex<State<C>>,
    /// The last batch had several commands, so others are likely to be at work as well.
    is_busy: AtomicBool,
}

pub(crate) struct State<C> {
    connection: C,
    under_way: VecDeque<UnderWay>,
    /// Nothing is sent any more.
    is_broken: bool,
    /// The transport has panicked on the thread of somebody else than the driver of the node.
    panic: Option<Box<dyn Any + Send>>,
}

/// A batch with the number of its commands.
struct UnderWay {
    count: usize,
    sent_at: Instant,
    progress: Progress,
}

enum Progress {
    Waiting(Pin<Box<dyn Future<Output = Replies> + Send>>),
    Done(Replies),
}

/// Sends what waits for a node, on the thread of whoever has put it there.
pub(crate) trait SendAtOnce: Send + Sync {
    /// Returns whether it should be sent at once.
    fn is_for(&self, urgency: Urgency) -> bool;

    /// Sends the batch that is to be taken; returns whether nothing is left to do for the driver of the node. It is that of
    /// another connection if `take_batch` returns `None`.
    fn send_at_once(&self, urgency: Urgency, take_batch: &dyn Fn() -> Option<Vec<Command>>, now: Instant) -> bool;
}

/// How urgent it is to send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// When many are at work, it is better left to the driver of the node, which gathers what they say.
    Gathered,
    /// It is many commands already, to which nobody else adds.
    Complete,
    /// The process may end before the driver of the node gets to run.
    Last,
}

impl<C: Connection> Carrier<C> {
    pub(crate) const fn new(connection: C) -> Self {
        let state = State { connection, under_way: VecDeque::new(), is_broken: false, panic: None };
        Self { state: Mutex::new(state), is_busy: AtomicBool::new(false) }
    }

    /// A transport that has panicked is not used again by anybody.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a batch over the connection, whose state the caller has.
    pub(crate) fn send(&self, batch: Vec<Command>, state: &mut State<C>, now: Instant) {
        self.is_busy.store(batch.len() > 1, Ordering::Relaxed);
        state.send(batch, now);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    fn try_state(&self) -> Option<MutexGuard<'_, State<C>>> {
        self.state.try_lock().ok()
    }

    /// Waits for the state, but not for ever: this thread may have it itself, when it wakes somebody who then ends.
    fn await_state(&self) -> Option<MutexGuard<'_, State<C>>> {
        (0..MAX_TRIES).find_map(|tries| {
            let state = self.try_state();
            match &state {
                None if tries < QUICK_TRIES => thread::yield_now(),
                None => thread::sleep(PAUSE),
                Some(_) => {}
            }
            state
        })
    }
}

impl<C: Connection> State<C> {
    fn send(&mut self, batch: Vec<Command>, now: Instant) {
        let count = batch.len();
        let progress = Progress::Waiting(Box::pin(self.connection.send(batch)));
        self.under_way.push_back(UnderWay { count, sent_at: now, progress });
    }

    fn is_behind(&self, now: Instant) -> bool {
        let oldest = self.under_way.front().filter(|_| self.under_way.len() >= MANY_UNDER_WAY);
        oldest.is_some_and(|oldest| now.saturating_since(oldest.sent_at) >= BEHIND_FOR)
    }

    /// Returns whether another batch may be sent.
    pub(crate) fn has_room(&self) -> bool {
        !self.is_broken && self.under_way.len() < BATCHES_UNDER_WAY
    }

    pub(crate) fn has_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Notes that nothing is to be sent any more.
    pub(crate) const fn break_off(&mut self) {
        self.is_broken = true;
    }

    /// Goes on with the panic of the transport on another thread, if there was one.
    pub(crate) fn check_panic(&mut self) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }

    /// Begins to subscribe over the connection.
    pub(crate) fn subscribe(&mut self, waiter: &WaiterId) {
        self.connection.subscribe(waiter);
    }

    /// Returns what the handle hears over the connection.
    pub(crate) fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        self.connection.poll_heard(context)
    }

    /// Waits for the replies to the first batch; `None` without one. The others make progress as well, unless they were
    /// sent already.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Replies)>> {
        let polled = if C::SENDS_AT_ONCE { 1 } else { self.under_way.len() };
        self.under_way.iter_mut().take(polled).for_each(|batch| batch.progress.poll(context));
        match self.under_way.front() {
            None => Poll::Ready(None),
            Some(UnderWay { progress: Progress::Waiting(_), .. }) => Poll::Pending,
            Some(UnderWay { progress: Progress::Done(_), .. }) => {
                Poll::Ready(self.under_way.pop_front().and_then(UnderWay::into_replies))
            }
        }
    }
}

impl UnderWay {
    fn into_replies(self) -> Option<(usize, Replies)> {
        match self.progress {
            Progress::Done(replies) => Some((self.count, replies)),
            Progress::Waiting(_) => None,
        }
    }
}

impl Progress {
    fn poll(&mut self, context: &mut Context<'_>) {
        if let Self::Waiting(replies) = self
            && let Poll::Ready(replies) = replies.as_mut().poll(context)
        {
            *self = Self::Done(replies);
        }
    }
}

impl<C: Connection> SendAtOnce for Carrier<C> {
    fn is_for(&self, urgency: Urgency) -> bool {
        urgency != Urgency::Gathered || !self.is_busy()
    }

    fn send_at_once(&self, urgency: Urgency, take_batch: &dyn Fn() -> Option<Vec<Command>>, now: Instant) -> bool {
        let state = match urgency {
            Urgency::Gathered | Urgency::Complete => self.try_state().filter(|state| state.has_room()),
            Urgency::Last => self.await_state().filter(|state| !state.is_broken && !state.is_behind(now)),
        };
        let Some(mut state) = state else { return false };
        // What was taken and not sent would have the replies to what is sent next. This thread has done nothing wrong, though.
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let batch = take_batch()?;
            if !batch.is_empty() {
                self.send(batch, &mut state, now);
            }
            Some(())
        }));
        sent.unwrap_or_else(|panic| {
            state.break_off();
            state.panic = Some(panic);
            None
        })
        .is_some()
    }
}
