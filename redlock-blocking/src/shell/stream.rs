use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mio::event::Source;
use redlock_core::{Cause, Command, Heard, Hearing, NodeId, Reply, Unavailable, WaiterId};

use crate::transport::Connection;

/// The largest number of replies that a connection may owe before nothing more is sent on it. A node that hangs takes
/// commands until the buffers are full, and a command that does not fit must not hold up everybody.
const MAX_OWED: usize = 256;

/// An open connection to a node, with what goes over it.
pub(super) struct Stream {
    pub(super) node: NodeId,
    pub(super) connection: Box<dyn Connection>,
    /// How the handle can hear that it is called up.
    pub(super) hearing: Hearing,
    /// The system tells when there is something to read; else it is looked for each time.
    has_source: bool,
    /// What is to be sent.
    pub(super) batch: Vec<Command>,
    /// What was sent and not answered, the oldest first.
    pub(super) owed: VecDeque<Command>,
    /// The name under which to subscribe.
    pub(super) subscribing: Option<WaiterId>,
    pub(super) is_readable: bool,
    /// More has come in than was looked at.
    has_more: bool,
    /// Why the connection broke: it is not used any more.
    pub(super) broken: Option<Unavailable>,
}

impl Stream {
    pub(super) fn new(node: NodeId, connection: Box<dyn Connection>) -> Self {
        let (batch, owed) = Default::default();
        let (hearing, has_source, subscribing, broken) = (Hearing::Never, false, None, None);
        let (is_readable, has_more) = (true, false);
        Self { node, connection, hearing, has_source, batch, owed, subscribing, is_readable, has_more, broken }
    }

    /// Has `register` see to it that the system tells when there is something to read, if the connection can be waited for.
    pub(super) fn register(&mut self, register: impl FnOnce(&mut dyn Source) -> io::Result<()>) {
        let registered = attempt(&mut self.broken, || match self.connection.source() {
            Some(source) => register(source)
                .map(|()| true)
                .map_err(|error| Unavailable::with_detail(Cause::NotSent, &error.to_string())),
            None => Ok(false),
        });
        self.has_source = registered.unwrap_or_default();
    }

    pub(super) fn subscribe(&mut self) {
        if let Some(waiter) = self.subscribing.take() {
            attempt(&mut self.broken, || self.connection.subscribe(&waiter));
        }
    }

    /// Sends the batch, without waiting for anything.
    pub(super) fn send(&mut self) {
        if !self.batch.is_empty() {
            attempt(&mut self.broken, || self.connection.send_all(&self.batch));
            self.owed.extend(self.batch.drain(..));
        }
    }

    /// Receives the reply to the oldest command without one, if it comes in time.
    pub(super) fn receive(&mut self, timeout: Duration) -> Option<Reply> {
        let command = self.owed.front()?;
        let reply = attempt(&mut self.broken, || self.connection.receive(command, timeout))??;
        self.owed.pop_front();
        Some(reply)
    }

    /// Looks whether the connection is still good.
    pub(super) fn check(&mut self) {
        attempt(&mut self.broken, || self.connection.check());
    }

    /// Reads what has come, without waiting; with no reply owed, looks whether the connection is still good.
    pub(super) fn read(&mut self, take_reply: impl FnMut(Reply), take_heard: impl FnMut(Heard)) {
        // Nothing tells of one that has a thread.
        let is_readable = std::mem::take(&mut self.is_readable) || self.has_more;
        if !is_readable && self.has_source {
            return;
        }
        // What comes when nothing is owed any more makes the connection readable again.
        if self.owed.is_empty() {
            self.check();
        }
        std::iter::from_fn(|| self.receive(Duration::ZERO)).for_each(take_reply);
        std::iter::from_fn(|| self.next_heard()).for_each(take_heard);
        self.has_more = attempt(&mut self.broken, || Ok(self.connection.has_more())).unwrap_or_default();
    }

    fn next_heard(&mut self) -> Option<Heard> {
        attempt(&mut self.broken, || Ok(self.connection.next_heard()))?
    }

    /// Returns whether there is something to do about it before anything is waited for.
    pub(super) const fn is_urgent(&self) -> bool {
        self.has_more || self.broken.is_some()
    }

    /// Returns whether it takes no commands now.
    pub(super) fn is_full(&self) -> bool {
        self.owed.len() >= MAX_OWED
    }

    /// Returns whether what is to be sent may call somebody up.
    pub(super) fn calls_up(&self) -> bool {
        self.batch.iter().any(Command::calls_up)
    }
}

/// A transport may panic at the end of a connection, too. This thread has done nothing wrong.
impl Drop for Stream {
    fn drop(&mut self) {
        let connection = std::mem::replace(&mut self.connection, Box::new(Gone));
        let _ = catch_unwind(AssertUnwindSafe(|| drop(connection)));
    }
}

/// Stands for a connection that has been dropped.
struct Gone;

impl Connection for Gone {
    fn send(&mut self, _: &Command) -> Result<(), Unavailable> {
        Err(Unavailable::new(Cause::Disconnected))
    }

    fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
        Err(Unavailable::new(Cause::Disconnected))
    }
}

/// Uses a connection, unless it has broken.
fn attempt<T>(broken: &mut Option<Unavailable>, work: impl FnOnce() -> Result<T, Unavailable>) -> Option<T> {
    if broken.is_some() {
        return None;
    }
    guarded(work).map_err(|why| *broken = Some(why)).ok()
}

/// A transport that panics has lost its place in what it reads: the connection is given up.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| Err(Unavailable::with_detail(Cause::Disconnected, "its transport panicked")))
}
