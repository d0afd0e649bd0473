use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mio::Token;
use redlock_core::{Cause, Command, Instant, Locks, NodeId, Reply, Resource, Unavailable};

use crate::platform::Poller;
use crate::transport::Connection;

/// The largest number of replies that a connection may owe before nothing more is sent on it. A node that hangs takes
/// commands until the buffers are full, and a command that does not fit must not hold up everybody.
pub(super) const MAX_OWED: usize = 256;

/// All connections that can be waited for at once. Whoever has it leads.
pub(super) struct Io {
    poller: Box<dyn Poller>,
    /// One for each node; its place is its token.
    streams: Vec<Stream>,
    replies: Vec<(NodeId, Reply)>,
    called_up: Vec<(NodeId, Resource)>,
    broken: Vec<(NodeId, Unavailable)>,
    /// When the connections were last looked at.
    pub(super) used_at: Instant,
}

#[derive(Default)]
struct Stream {
    connection: Option<Box<dyn Connection>>,
    /// What is to be sent.
    batch: Vec<Command>,
    /// What was sent and not answered, the oldest first.
    owed: VecDeque<Command>,
    is_readable: bool,
}

impl Io {
    /// Creates it without connections.
    pub(super) fn new(poller: Box<dyn Poller>, nodes: usize) -> Self {
        Self {
            poller,
            streams: (0..nodes).map(|_| Stream::default()).collect(),
            replies: Vec::new(),
            called_up: Vec::new(),
            broken: Vec::new(),
            used_at: Instant::EPOCH,
        }
    }

    /// Takes a connection, or gives it back if it cannot be waited for together with others.
    pub(super) fn take(
        &mut self,
        node: NodeId,
        mut connection: Box<dyn Connection>,
    ) -> Result<(), Box<dyn Connection>> {
        let registered = connection.source().map(|source| self.poller.register(source, Token(node.index())));
        match (registered, self.streams.get_mut(node.index())) {
            (Some(Ok(())), Some(stream)) => {
                (stream.connection, stream.is_readable) = (Some(connection), true);
                Ok(())
            }
            _ => Err(connection),
        }
    }

    /// Closes the connection to the node, if there is one.
    pub(super) fn close(&mut self, node: NodeId) {
        if let Some(stream) = self.streams.get_mut(node.index()) {
            *stream = Stream::default();
        }
    }

    /// Returns where commands for the node are to be put, if it takes any now.
    pub(super) fn batch(&mut self, node: NodeId) -> Option<&mut Vec<Command>> {
        let stream = self.streams.get_mut(node.index())?;
        (stream.connection.is_some() && stream.owed.len() < MAX_OWED).then_some(&mut stream.batch)
    }

    /// Sends the batches, without waiting for anything: those that may call somebody up last, so that a release has a start
    /// on the other nodes before whoever comes to them then.
    pub(super) fn send(&mut self) {
        self.send_those(|stream| !stream.calls_up());
        self.send_those(|_| true);
    }

    fn send_those(&mut self, is_due: impl Fn(&Stream) -> bool) {
        let has_batch = |stream: &Stream| !stream.batch.is_empty();
        let streams = self.streams.iter_mut().enumerate();
        for (index, stream) in streams.filter(|(_, stream)| has_batch(stream) && is_due(stream)) {
            if let Err(why) = stream.send()
                && let Some(node) = NodeId::new(index)
            {
                stream.connection = None;
                self.broken.push((node, why));
            }
        }
    }

    /// Waits until a connection has something to say, somebody interrupts, or the time is over.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) {
        let timeout = if self.broken.is_empty() { timeout } else { Some(Duration::ZERO) };
        let Self { poller, streams, .. } = self;
        let ready = &mut |token: Token| {
            if let Some(stream) = streams.get_mut(token.0) {
                stream.is_readable = true;
            }
        };
        if poller.wait(timeout, ready).is_err() {
            self.look_everywhere(timeout);
        }
    }

    /// A system that does not tell which connection is ready is asked for each.
    fn look_everywhere(&mut self, timeout: Option<Duration>) {
        std::thread::sleep(timeout.unwrap_or(SHORT).min(SHORT));
        self.streams.iter_mut().for_each(|stream| stream.is_readable = true);
    }

    /// Reads what has come, without waiting.
    pub(super) fn read(&mut self) {
        let Self { streams, replies, called_up, broken, .. } = self;
        for (index, stream) in streams.iter_mut().enumerate().filter(|(_, stream)| stream.is_readable) {
            let Some(node) = NodeId::new(index) else { continue };
            if let Err(why) = stream.read(|reply| replies.push((node, reply))) {
                broken.push((node, why));
            }
            let connection = stream.connection.as_mut();
            called_up.extend(connection.into_iter().flat_map(call_ups).map(|resource| (node, resource)));
        }
    }

    /// Hands to the locks what was read, and which connections broke.
    pub(super) fn deliver(&mut self, locks: &mut Locks, now: Instant) {
        for (node, reply) in self.replies.drain(..) {
            locks.handle_reply(node, reply, now);
        }
        for (node, resource) in self.called_up.drain(..) {
            locks.handle_called_up(node, &resource, now);
        }
        for (node, why) in self.broken.drain(..) {
            if let Some(stream) = self.streams.get_mut(node.index()) {
                *stream = Stream::default();
            }
            locks.handle_disconnected(node, &why, now);
        }
        self.used_at = now;
    }

    /// Returns the number of replies that are owed.
    pub(super) fn owed(&self) -> usize {
        self.streams.iter().map(|stream| stream.owed.len()).sum()
    }
}

/// The wait between two looks on a system that does not tell when to look.
const SHORT: Duration = Duration::from_millis(1);

impl Stream {
    fn calls_up(&self) -> bool {
        self.batch.iter().any(Command::calls_up)
    }

    fn send(&mut self) -> Result<(), Unavailable> {
        let Self { connection, batch, owed, .. } = self;
        let Some(connection) = connection else { return Ok(()) };
        let sent = guarded(|| connection.send_all(batch));
        owed.extend(batch.drain(..));
        sent
    }

    /// Reads the replies that have come; with none owed, looks whether the connection is still good.
    fn read(&mut self, mut take: impl FnMut(Reply)) -> Result<(), Unavailable> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if self.owed.is_empty() {
            self.is_readable = false;
            return guarded(|| connection.check());
        }
        // What comes when nothing is owed any more makes the connection readable again.
        self.is_readable = false;
        while let Some(command) = self.owed.front() {
            let Some(reply) = guarded(|| connection.receive(command, Duration::ZERO))? else { break };
            self.owed.pop_front();
            take(reply);
        }
        Ok(())
    }
}

fn call_ups(connection: &mut Box<dyn Connection>) -> impl Iterator<Item = Resource> {
    std::iter::from_fn(|| connection.next_call_up())
}

/// A transport that panics has lost its place in what it reads: the connection is given up.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| Err(Unavailable::with_detail(Cause::Disconnected, "its transport panicked")))
}
