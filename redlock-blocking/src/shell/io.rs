use std::time::Duration;

use mio::Token;
use redlock_core::{Heard, Hearing, Instant, Locks, NodeId, Reply, WaiterId};

use super::stream::Stream;
use crate::platform::Poller;
use crate::transport::Connection;

/// The wait between two looks on a system that does not tell when to look.
const SHORT: Duration = Duration::from_millis(1);

/// All connections that can be waited for at once. Whoever has it leads.
pub(super) struct Io {
    poller: Box<dyn Poller>,
    nodes: usize,
    /// One for each node, and behind them a second one for each, over which the handle only hears. Its place is its token.
    streams: Vec<Option<Stream>>,
    replies: Vec<(NodeId, Reply)>,
    heard: Vec<(NodeId, Heard)>,
    /// When the connections were last looked at.
    pub(super) used_at: Instant,
}

impl Io {
    /// Creates it without connections.
    pub(super) fn new(poller: Box<dyn Poller>, nodes: usize) -> Self {
        let streams = (0..nodes.saturating_mul(2)).map(|_| None).collect();
        Self { poller, nodes, streams, replies: Vec::new(), heard: Vec::new(), used_at: Instant::EPOCH }
    }

    /// Takes a connection. A second one, over which the handle is to subscribe, takes the place of the one that there may be;
    /// without a first one it is closed.
    pub(super) fn take(
        &mut self,
        node: NodeId,
        connection: Box<dyn Connection>,
        hearing: Hearing,
        subscribing: Option<WaiterId>,
    ) {
        let mut place = node.index();
        let mut stream = Stream::new(node, connection);
        if subscribing.is_some() {
            self.close_apart(node);
            if self.stream(node).is_none() {
                return;
            }
            place = self.apart(node);
        }
        (stream.hearing, stream.subscribing) = (hearing, subscribing);
        stream.register(|source| self.poller.register(source, Token(place)));
        self.streams[place] = Some(stream);
    }

    /// Returns the first connection to the node, if there is one.
    pub(super) fn stream(&mut self, node: NodeId) -> Option<&mut Stream> {
        self.streams[node.index()].as_mut()
    }

    /// Closes the connections to the node.
    pub(super) fn close(&mut self, node: NodeId) {
        self.streams[node.index()] = None;
        self.close_apart(node);
    }

    fn close_apart(&mut self, node: NodeId) {
        let place = self.apart(node);
        self.streams[place] = None;
    }

    /// Looks at all connections, whether or not something was told of them: the end of one may have come together with the
    /// last reply that it owed.
    pub(super) fn look_at_all(&mut self, locks: &mut Locks, now: Instant) {
        self.streams().for_each(|stream| stream.is_readable = true);
        self.read(Some(Duration::ZERO));
        self.deliver(locks, self.used_at, now);
    }

    /// Sends the batches, without waiting for anything: those that may call somebody up last, so that a release has a start
    /// on the other nodes before whoever comes to them then.
    pub(super) fn send(&mut self) {
        self.streams().for_each(Stream::subscribe);
        self.streams().filter(|stream| !stream.calls_up()).for_each(Stream::send);
        self.streams().for_each(Stream::send);
    }

    /// Waits until a connection has something to say, somebody interrupts, or the time is over, and reads what has come.
    pub(super) fn read(&mut self, timeout: Option<Duration>) {
        let timeout = if self.streams().any(|stream| stream.is_urgent()) { Some(Duration::ZERO) } else { timeout };
        let Self { poller, streams, .. } = self;
        let ready = &mut |token: Token| {
            if let Some(Some(stream)) = streams.get_mut(token.0) {
                stream.is_readable = true;
            }
        };
        if poller.wait(timeout, ready).is_err() {
            // A system that does not tell which connection is ready is asked for each.
            std::thread::sleep(timeout.unwrap_or(SHORT).min(SHORT));
            self.streams().for_each(|stream| stream.is_readable = true);
        }
        let Self { streams, replies, heard, .. } = self;
        for stream in streams.iter_mut().flatten() {
            let node = stream.node;
            stream.read(|reply| replies.push((node, reply)), |news| heard.push((node, news)));
        }
    }

    /// Hands to the locks what was read, and which connections broke, all of which were watched until `watched_until`.
    pub(super) fn deliver(&mut self, locks: &mut Locks, watched_until: Instant, now: Instant) {
        for (node, reply) in self.replies.drain(..) {
            locks.handle_reply(node, reply, now);
        }
        for (node, heard) in std::mem::take(&mut self.heard) {
            if matches!(heard, Heard::Deaf(_)) {
                self.close_apart(node);
            }
            locks.handle_heard(node, heard, now);
        }
        for place in 0..self.streams.len() {
            let Some(stream) = &mut self.streams[place] else { continue };
            let (node, Some(why)) = (stream.node, stream.broken.take()) else { continue };
            self.streams[place] = None;
            if place == node.index() {
                self.close(node);
                locks.handle_found_disconnected(node, &why, watched_until, now);
            } else {
                locks.handle_heard(node, Heard::Deaf(why), now);
            }
        }
        self.used_at = now;
    }

    /// Returns the number of replies that are owed.
    pub(super) fn owed(&self) -> usize {
        self.streams.iter().flatten().map(|stream| stream.owed.len()).sum()
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut().flatten()
    }

    /// Returns the place of the second connection to the node.
    const fn apart(&self, node: NodeId) -> usize {
        self.nodes.saturating_add(node.index())
    }
}
