use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use redlock_core::resp::{self, Event};
use redlock_core::system::plain_words;
use redlock_core::system::socket::{MAX_READS, Reading, read, write};
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use crate::net::Socket;
use crate::transport::Connection;

/// A connection of a [`NativeTransport`](super::NativeTransport).
///
/// Commands are written in the call that sends them, as far as the socket takes them.
pub struct NativeConnection<S>(Arc<Mutex<Session<S>>>);

/// A batch that is under way.
struct Batch {
    number: u64,
    count: usize,
    /// What has come of its replies.
    replies: Vec<Reply>,
}

/// The connection with its socket, shared by whoever sends and whoever waits.
struct Session<S> {
    socket: S,
    machine: resp::Connection,
    /// What has come and was not taken, the oldest first.
    received: VecDeque<Reply>,
    /// What this handle has heard and not taken, the oldest first.
    heard: VecDeque<Heard>,
    /// The number of the batch whose replies come next.
    turn: u64,
    /// The number of the batch that is sent next.
    next: u64,
    broken: Option<Unavailable>,
    /// A batch has driven it since `closed` was polled, which comes after the batches in each turn of the driver.
    is_driven: bool,
    /// The task that waits for the connection.
    driver: Option<Waker>,
}

impl<S: Socket> NativeConnection<S> {
    pub(super) fn new(socket: S, machine: resp::Connection) -> Self {
        let (received, heard, broken, driver) = (VecDeque::new(), VecDeque::new(), None, None);
        let session = Session { socket, machine, received, heard, turn: 0, next: 0, broken, is_driven: false, driver };
        Self(Arc::new(Mutex::new(session)))
    }
}

impl<S: Socket> Connection for NativeConnection<S> {
    const SENDS_AT_ONCE: bool = true;

    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<S> {
        let session = self.0.clone();
        let mut batch = locked(&session).send(&batch);
        poll_fn(move |context| {
            let mut session = locked(&session);
            session.drive(context);
            session.is_driven = true;
            session.poll_replies(&mut batch, context)
        })
    }

    fn facts(&self) -> Facts {
        locked(&self.0).machine.facts().clone()
    }

    fn hearing(&self) -> Hearing {
        locked(&self.0).machine.hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        let mut session = locked(&self.0);
        session.machine.subscribe(waiter);
        session.write_now();
    }

    fn poll_heard(&mut self, _context: &mut Context<'_>) -> Poll<Heard> {
        locked(&self.0).heard.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<S> {
        let session = self.0.clone();
        poll_fn(move |context| {
            let mut session = locked(&session);
            if !mem::take(&mut session.is_driven) {
                session.drive(context);
            }
            session.wake_batches(context);
            if session.broken.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

fn locked<S>(session: &Mutex<Session<S>>) -> MutexGuard<'_, Session<S>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Socket> Session<S> {
    /// Writes commands, as far as that needs no waiting. The rest is left to the task that waits for the connection.
    fn send(&mut self, commands: &[Command]) -> Batch {
        for command in commands {
            self.machine.send(command);
        }
        self.write_now();
        let (number, count) = (self.next, commands.len());
        self.next = number.wrapping_add(1);
        Batch { number, count, replies: Vec::with_capacity(count) }
    }

    /// Writes what needs no waiting.
    fn write_now(&mut self) {
        let is_left_to_the_driver = self.write() || self.broken.is_some();
        if is_left_to_the_driver && let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Returns whether there is something left to be written.
    fn write(&mut self) -> bool {
        match write(&mut self.machine, &mut self.socket) {
            Ok(is_written) => !is_written,
            Err(why) => {
                self.breaks(&why);
                false
            }
        }
    }

    /// Writes and reads what can be, and makes sure that the task of `context` is woken when there is more. Of a server that
    /// says more than can be read in one go, the rest is left to the next one.
    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(context.waker())) {
            self.driver = Some(context.waker().clone());
        }
        while self.write() && self.can_go_on(S::poll_writable, context) {}
        let mut reads = MAX_READS;
        self.read(&mut reads);
        while reads > 0 && self.can_go_on(S::poll_readable, context) {
            self.read(&mut reads);
        }
        if reads == 0 {
            context.waker().wake_by_ref();
        }
    }

    fn can_go_on(
        &mut self,
        poll: impl FnOnce(&mut S, &mut Context<'_>) -> Poll<io::Result<()>>,
        context: &mut Context<'_>,
    ) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match poll(&mut self.socket, context) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(why)) => {
                self.breaks(&why);
                false
            }
        }
    }

    /// Reads until nothing more is there, or so often.
    fn read(&mut self, reads: &mut usize) {
        while self.broken.is_none() && *reads > 0 {
            *reads = reads.saturating_sub(1);
            match read(&mut self.machine, &mut self.socket) {
                Ok(Reading::Nothing) => return,
                Ok(Reading::All) => return self.take_events(),
                Ok(Reading::Some) => self.take_events(),
                Err(why) => self.breaks(&why),
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Reply(reply) => self.received.push_back(reply),
                Event::Heard(heard) => self.heard.push_back(heard),
                Event::Broken(why) => self.broken = Some(why),
                _ => {}
            }
        }
    }

    /// Takes the replies to a batch when it is its turn: whoever reads may read those of another.
    fn poll_replies(&mut self, batch: &mut Batch, context: &Context<'_>) -> Poll<Result<Vec<Reply>, Unavailable>> {
        if self.turn == batch.number {
            let missing = batch.count.saturating_sub(batch.replies.len()).min(self.received.len());
            batch.replies.extend(self.received.drain(..missing));
            if batch.replies.len() == batch.count {
                self.turn = self.turn.wrapping_add(1);
                return Poll::Ready(Ok(mem::take(&mut batch.replies)));
            }
        } else {
            self.wake_batches(context);
        }
        match &self.broken {
            Some(why) => Poll::Ready(Err(why.clone())),
            None => Poll::Pending,
        }
    }

    /// Makes sure that the batch whose turn it is takes what has just been read for it, or learns that nothing more comes:
    /// nobody else tells it.
    fn wake_batches(&self, context: &Context<'_>) {
        if !self.received.is_empty() || self.broken.is_some() {
            context.waker().wake_by_ref();
        }
    }

    fn breaks(&mut self, why: &io::Error) {
        let why = Unavailable::with_detail(Cause::Disconnected, &plain_words(&why.to_string()));
        self.broken.get_or_insert(why);
    }
}

impl<S> fmt::Debug for NativeConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeConnection").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
