//! A connection that cannot be waited for together with others: a thread of its own does that.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Thread;
use std::time::Duration;

use redlock_core::{Cause, Command, Facts, NodeId, Reply, Unavailable, WaiterId};

use super::Shell;
use super::leading::IDLE;
use super::stream::Stream;
use crate::platform::{Interrupt, Platform};
use crate::transport::Connection;

/// For so long a reply is waited for before commands that came meanwhile are sent; it doubles up to [`MAX_PATIENCE`].
const MIN_PATIENCE: Duration = Duration::from_millis(1);
/// For so long a node that does not answer is waited for at once.
const MAX_PATIENCE: Duration = Duration::from_millis(10);

/// What the leader has in the place of the connection: it waits for nothing.
pub(super) struct Threaded {
    facts: Facts,
    platform: Arc<dyn Platform>,
    thread: Thread,
    /// An empty batch is the last one: the thread may end.
    batches: Sender<Vec<Command>>,
    /// Behind an error nothing comes any more.
    replies: Receiver<Result<Reply, Unavailable>>,
}

impl Threaded {
    /// Returns the connection, or what stands for it: then it has a thread of its own until it breaks or nobody needs it.
    pub(super) fn unless_it_has_a_source(
        mut connection: Box<dyn Connection>,
        node: NodeId,
        shell: &Shell,
    ) -> Result<Box<dyn Connection>, Unavailable> {
        if connection.source().is_some() {
            return Ok(connection);
        }
        let (facts, platform, interrupt) = (connection.facts(), shell.platform.clone(), shell.interrupt.clone());
        let ((batches, to_send), (received, replies)) = (mpsc::channel(), mpsc::channel());
        let stream = Stream::new(node, connection);
        let carrier = Carrier { platform: platform.clone(), interrupt, stream, to_send, received };
        let thread = shell.spawn("redlock-node", || carrier.carry())?;
        Ok(Box::new(Self { facts, platform, thread, batches, replies }))
    }

    fn pass(&self, batch: Vec<Command>) {
        // Without the thread, the reason for that is there to be received.
        let _ = self.batches.send(batch);
        self.platform.unpark(&self.thread);
    }
}

impl Connection for Threaded {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.send_all(std::slice::from_ref(command))
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        self.pass(commands.to_vec());
        Ok(())
    }

    fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
        self.replies.try_recv().ok().transpose()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn subscribe(&mut self, _: &WaiterId) -> Result<(), Unavailable> {
        Err(Unavailable::with_detail(Cause::NotSent, "a second connection cannot be waited for"))
    }

    /// No reply is owed: if there is something, it is an error.
    fn check(&mut self) -> Result<(), Unavailable> {
        self.replies.try_recv().map_or(Ok(()), |end| end.map(drop))
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.pass(Vec::new());
    }
}

/// What the thread has.
struct Carrier {
    platform: Arc<dyn Platform>,
    interrupt: Arc<Interrupt>,
    stream: Stream,
    to_send: Receiver<Vec<Command>>,
    received: Sender<Result<Reply, Unavailable>>,
}

impl Carrier {
    /// Sends and receives until the connection breaks or is not needed any more.
    fn carry(mut self) {
        let mut patience = MIN_PATIENCE;
        while self.stream.broken.is_none() {
            match self.to_send.try_recv() {
                Ok(last) if last.is_empty() => return,
                Ok(batch) => self.stream.batch.extend(batch),
                Err(_) if self.stream.batch.is_empty() && self.stream.owed.is_empty() => self.park(),
                Err(_) => patience = self.exchange(patience),
            }
        }
        if let Some(why) = self.stream.broken.take() {
            // It is closed before the next one is opened.
            drop(self.stream);
            let _ = self.received.send(Err(why));
            (self.interrupt)();
        }
    }

    /// Sends what there is, and hands over one reply if it comes in time. Returns for how long to wait for the next one.
    fn exchange(&mut self, patience: Duration) -> Duration {
        self.stream.send();
        let Some(reply) = self.stream.receive(patience) else {
            return patience.saturating_mul(2).min(MAX_PATIENCE);
        };
        let _ = self.received.send(Ok(reply));
        (self.interrupt)();
        MIN_PATIENCE
    }

    fn park(&mut self) {
        let parked_at = self.platform.now();
        self.platform.park(None);
        if self.platform.now().saturating_since(parked_at) > IDLE {
            self.stream.check();
        }
    }
}
