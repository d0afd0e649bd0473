use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mio::Token;
use redlock_core::{Cause, Command, Heard, Hearing, Instant, Locks, NodeId, Reply, Unavailable, WaiterId};

use crate::platform::Poller;
use crate::transport::Connection;

/// The largest number of replies that a connection may owe before nothing more is sent on it. A node that hangs takes
/// commands until the buffers are full, and a command that does not fit must not hold up everybody.
pub(super) const MAX_OWED: usize = 256;

/// All connections that can be waited for at once. Whoever has it leads.
pub(super) struct Io {
    poller: Box<dyn Poller>,
    /// One for each node; its place is its token. Those of the second connections come behind.
    streams: Vec<Stream>,
    replies: Vec<(NodeId, Reply)>,
    heard: Vec<(NodeId, Heard)>,
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
    /// The name under which to subscribe over the connection.
    subscribing: Option<WaiterId>,
    apart: Option<Apart>,
}

/// The second connection to a node, over which the handle only hears.
struct Apart {
    connection: Box<dyn Connection>,
    is_readable: bool,
    /// The name under which to subscribe over it.
    subscribing: Option<WaiterId>,
}

impl Io {
    /// Creates it without connections.
    pub(super) fn new(poller: Box<dyn Poller>, nodes: usize) -> Self {
        Self {
            poller,
            streams: (0..nodes).map(|_| Stream::default()).collect(),
            replies: Vec::new(),
            heard: Vec::new(),
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

    /// Takes a second connection, over which the handle is to subscribe, in place of the one that there may be. Without a
    /// first one it is closed.
    pub(super) fn take_apart(
        &mut self,
        node: NodeId,
        mut connection: Box<dyn Connection>,
        waiter: WaiterId,
    ) -> Result<(), Unavailable> {
        let token = Token(self.streams.len().saturating_add(node.index()));
        let Some(stream) = self.streams.get_mut(node.index()) else { return Ok(()) };
        stream.apart = None;
        if stream.connection.is_none() {
            return Ok(());
        }
        let registered = connection.source().map(|source| self.poller.register(source, token));
        if !matches!(registered, Some(Ok(()))) {
            return Err(Unavailable::with_detail(Cause::NotSent, "a second connection cannot be waited for"));
        }
        stream.apart = Some(Apart { connection, is_readable: true, subscribing: Some(waiter) });
        Ok(())
    }

    /// Returns how the handle can hear over the connection to the node.
    pub(super) fn hearing(&self, node: NodeId) -> Hearing {
        let connection = self.streams.get(node.index()).and_then(|stream| stream.connection.as_ref());
        connection.map_or(Hearing::Never, Connection::hearing)
    }

    /// Notes that the handle is to subscribe over the connection to the node.
    pub(super) fn subscribe(&mut self, node: NodeId, waiter: WaiterId) {
        if let Some(stream) = self.streams.get_mut(node.index()) {
            stream.subscribing = Some(waiter);
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
        self.send_subscriptions();
        self.send_those(|stream| !stream.calls_up());
        self.send_those(|_| true);
    }

    fn send_subscriptions(&mut self) {
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let Some(node) = NodeId::new(index) else { continue };
            if let Err(why) = stream.subscribe() {
                stream.connection = None;
                self.broken.push((node, why));
            }
            if let Some(Err(why)) = stream.apart.as_mut().map(Apart::subscribe) {
                stream.apart = None;
                self.heard.push((node, Heard::Deaf(why)));
            }
        }
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
        let has_news = !self.broken.is_empty() || !self.heard.is_empty();
        let timeout = if has_news { Some(Duration::ZERO) } else { timeout };
        let Self { poller, streams, .. } = self;
        let ready = &mut |token: Token| {
            let nodes = streams.len();
            if let Some(stream) = streams.get_mut(token.0) {
                stream.is_readable = true;
            } else if let Some(stream) = streams.get_mut(token.0.saturating_sub(nodes)) {
                stream.apart.iter_mut().for_each(|apart| apart.is_readable = true);
            }
        };
        if poller.wait(timeout, ready).is_err() {
            self.look_everywhere(timeout);
        }
    }

    /// A system that does not tell which connection is ready is asked for each.
    fn look_everywhere(&mut self, timeout: Option<Duration>) {
        std::thread::sleep(timeout.unwrap_or(SHORT).min(SHORT));
        for stream in &mut self.streams {
            stream.is_readable = true;
            stream.apart.iter_mut().for_each(|apart| apart.is_readable = true);
        }
    }

    /// Reads what has come, without waiting.
    pub(super) fn read(&mut self) {
        let Self { streams, replies, heard, broken, .. } = self;
        for (index, stream) in streams.iter_mut().enumerate() {
            let Some(node) = NodeId::new(index) else { continue };
            if stream.is_readable {
                if let Err(why) = stream.read(|reply| replies.push((node, reply))) {
                    broken.push((node, why));
                }
                let connection = stream.connection.as_mut();
                heard.extend(connection.into_iter().flat_map(all_heard).map(|heard| (node, heard)));
            }
            if let Some(Err(why)) = stream.apart.as_mut().map(|apart| apart.read(|news| heard.push((node, news)))) {
                stream.apart = None;
                heard.push((node, Heard::Deaf(why)));
            }
        }
    }

    /// Hands to the locks what was read, and which connections broke.
    pub(super) fn deliver(&mut self, locks: &mut Locks, now: Instant) {
        for (node, reply) in self.replies.drain(..) {
            locks.handle_reply(node, reply, now);
        }
        for (node, heard) in self.heard.drain(..) {
            locks.handle_heard(node, heard, now);
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

    fn subscribe(&mut self) -> Result<(), Unavailable> {
        match (&mut self.connection, self.subscribing.take()) {
            (Some(connection), Some(waiter)) => guarded(|| connection.subscribe(&waiter)),
            _ => Ok(()),
        }
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

impl Apart {
    fn subscribe(&mut self) -> Result<(), Unavailable> {
        let Self { connection, subscribing, .. } = self;
        subscribing.take().map_or(Ok(()), |waiter| guarded(|| connection.subscribe(&waiter)))
    }

    /// Takes what was heard; fails when nothing more will be.
    fn read(&mut self, mut take: impl FnMut(Heard)) -> Result<(), Unavailable> {
        if !std::mem::take(&mut self.is_readable) {
            return Ok(());
        }
        let checked = guarded(|| self.connection.check());
        for heard in all_heard(&mut self.connection) {
            match heard {
                Heard::Deaf(why) => return Err(why),
                heard => take(heard),
            }
        }
        checked
    }
}

fn all_heard(connection: &mut Box<dyn Connection>) -> impl Iterator<Item = Heard> {
    std::iter::from_fn(|| connection.next_heard())
}

/// A transport that panics has lost its place in what it reads: the connection is given up.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| Err(Unavailable::with_detail(Cause::Disconnected, "its transport panicked")))
}
