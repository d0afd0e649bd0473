//! Nodes that live in this process: for first steps, and for tests of your own code.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures_channel::oneshot;
use futures_util::Stream as _;
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Instant, Reply, Unavailable, WaiterId, model};

use crate::transport::{Connection, Transport};
use crate::{BuildError, IntoNode, Node, Runtime};

/// A node that behaves like a Redis master for the commands of Redlock, without a server. Clones are the same node.
///
/// It proves nothing about Redis; it lets a program show what it does when nodes fail. Keys expire on the clock of the
/// handle that the node was given to last, which can be [put forward](Self::advance_clock) for this node alone. When
/// all nodes of a handle live in memory, the runtime may make that a clock that a test moves, as tokio's paused one.
///
/// ```
/// use redlock_driver::memory::MemoryNode;
///
/// let node = MemoryNode::new("node-1");
/// node.cut();     // connections break, and new ones are refused
/// node.restore();
/// node.stop();    // commands are taken and not answered
/// node.resume();  // now they are
/// node.wipe();    // all keys are gone
/// assert!(node.keys().is_empty());
/// ```
#[derive(Clone)]
pub struct MemoryNode {
    name: Arc<str>,
    server: Arc<Mutex<Server>>,
}

#[derive(Default)]
struct Server {
    model: model::Node,
    /// The clock of the handle that the node was given to; the system's before that.
    clock: Option<Box<dyn Fn() -> Instant + Send>>,
    /// By how much the clock is fast.
    ahead: Duration,
    is_stopped: bool,
    is_cut: bool,
    /// Counts the cuts: a connection made before a cut is of no use after it.
    cuts: u64,
    /// Taken while stopped, and not answered yet.
    backlog: VecDeque<Unanswered>,
    /// Those who want to hear when they are called up, and the connections on which they do.
    subscribers: Vec<Subscriber>,
    /// Those who want to know about the next cut.
    on_cut: Vec<oneshot::Sender<()>>,
}

enum Unanswered {
    Commands(Vec<Command>, oneshot::Sender<Vec<Reply>>),
    Subscription(Subscriber),
}

/// Who wants to hear that it is called up, and the connection on which it does.
type Subscriber = (WaiterId, UnboundedSender<Heard>);

impl MemoryNode {
    /// A running node without keys. The name stands in errors and reports.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), server: Arc::default() }
    }

    /// The name that stands in errors and reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops the node as `SIGSTOP` does: it takes commands and carries them out only when it resumes.
    pub fn stop(&self) {
        self.server().is_stopped = true;
    }

    /// Lets a stopped node go on: what it took meanwhile is carried out and answered, in order.
    pub fn resume(&self) {
        let mut server = self.server();
        server.is_stopped = false;
        while let Some(unanswered) = server.backlog.pop_front() {
            match unanswered {
                // Nobody waits any more if the handle was dropped meanwhile.
                Unanswered::Commands(commands, replies) => drop(replies.send(server.execute(&commands))),
                Unanswered::Subscription(subscriber) => server.subscribe(subscriber),
            }
        }
    }

    /// Cuts the node off: connections break, with whatever was not answered, and new ones are refused. Keys stay.
    pub fn cut(&self) {
        let mut server = self.server();
        server.is_cut = true;
        server.cuts = server.cuts.saturating_add(1);
        server.backlog.clear();
        server.unsubscribe(|_| true);
        server.on_cut.clear();
    }

    /// Lets connections be made again.
    pub fn restore(&self) {
        self.server().is_cut = false;
    }

    /// Deletes all keys, as `FLUSHALL` or a restart without persistence does.
    pub fn wipe(&self) {
        self.server().model.wipe();
    }

    /// Puts the node's clock forward: keys expire that much earlier.
    pub fn advance_clock(&self, by: Duration) {
        let mut server = self.server();
        server.ahead = server.ahead.saturating_add(by);
    }

    /// Sets a key as another client would, with or without a TTL, whatever was there before.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, ttl: Option<Duration>) {
        let mut server = self.server();
        let now = server.now();
        server.model.set(key.as_ref(), value.as_ref(), ttl, now);
    }

    /// For how long a key still lives; `None` without the key, [`Duration::MAX`] for one that does not expire.
    #[must_use]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Duration> {
        let mut server = self.server();
        let now = server.now();
        server.model.ttl(key.as_ref(), now)
    }

    /// The names of the keys that are there, in ascending order.
    #[must_use]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let mut server = self.server();
        let now = server.now();
        server.model.keys(now).map(<[u8]>::to_vec).collect()
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    fn now(&self) -> Instant {
        let now = self.clock.as_ref().map_or_else(redlock_core::system::now, |clock| clock());
        now.saturating_add(self.ahead)
    }

    /// Carries commands out, and calls up whom they let.
    fn execute(&mut self, commands: &[Command]) -> Vec<Reply> {
        let now = self.now();
        self.unsubscribe(UnboundedSender::is_closed);
        let replies = commands.iter().map(|command| self.model.execute(command, now)).collect();
        while let Some((waiter, resource)) = self.model.poll_call_up() {
            for (_, subscriber) in self.subscribers.iter().filter(|(subscriber, _)| *subscriber == waiter) {
                // Whoever is gone does not hear it, as on any connection.
                let _ = subscriber.unbounded_send(Heard::CalledUp(resource.clone()));
            }
        }
        replies
    }

    fn subscribe(&mut self, subscriber: Subscriber) {
        self.model.subscribe(&subscriber.0);
        // Whoever is gone is forgotten with the next commands.
        let _ = subscriber.1.unbounded_send(Heard::Subscribed);
        self.subscribers.push(subscriber);
    }

    /// Forgets the subscribers whose connection is gone.
    fn unsubscribe(&mut self, is_gone: impl Fn(&UnboundedSender<Heard>) -> bool) {
        let Self { subscribers, model, .. } = self;
        for (waiter, _) in subscribers.extract_if(.., |(_, heard)| is_gone(heard)) {
            model.unsubscribe(&waiter);
        }
    }
}

impl fmt::Debug for MemoryNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNode").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<R: Runtime> IntoNode<R> for MemoryNode {
    fn into_node(self) -> Result<Node<R>, BuildError> {
        let server = self.server.clone();
        let set_clock = move |runtime: R| {
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            server.model.set_epoch(runtime.wall_clock().saturating_sub(runtime.now().since_epoch()));
            server.clock = Some(Box::new(move || runtime.now()));
        };
        Ok(Node::new(&*self.name, self.clone()).in_memory(set_clock))
    }
}

impl<R: Runtime> IntoNode<R> for &MemoryNode {
    fn into_node(self) -> Result<Node<R>, BuildError> {
        self.clone().into_node()
    }
}

/// The node is the way to itself, for transports that are built on top of it.
impl Transport for MemoryNode {
    type Connection = MemoryConnection;

    async fn connect(&mut self) -> Result<MemoryConnection, Unavailable> {
        let server = self.server();
        if server.is_cut {
            return Err(Unavailable::with_detail(Cause::NotSent, "cut off"));
        }
        let (sender, heard) = mpsc::unbounded();
        Ok(MemoryConnection { node: self.clone(), cuts: server.cuts, heard, sender })
    }
}

/// A connection to a [`MemoryNode`].
#[derive(Debug)]
pub struct MemoryConnection {
    node: MemoryNode,
    /// How many cuts there had been when the connection was made.
    cuts: u64,
    /// What its user hears, and the way to tell it.
    heard: UnboundedReceiver<Heard>,
    sender: UnboundedSender<Heard>,
}

impl Connection for MemoryConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let (sender, replies) = oneshot::channel();
        let mut server = self.node.server();
        if server.cuts != self.cuts {
            drop(sender);
        } else if server.is_stopped {
            server.backlog.push_back(Unanswered::Commands(batch, sender));
        } else {
            // The receiver is still here.
            let _ = sender.send(server.execute(&batch));
        }
        async { replies.await.map_err(|_| Unavailable::with_detail(Cause::Disconnected, "cut off")) }
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        facts.note_info(&format!("server_name:memory\nrole:master\nrun_id:{}\n", self.node.name));
        facts
    }

    fn hearing(&self) -> Hearing {
        Hearing::Shared
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        let (mut server, subscriber) = (self.node.server(), (waiter.clone(), self.sender.clone()));
        if server.cuts != self.cuts {
            // Nothing is heard over a connection that is cut.
        } else if server.is_stopped {
            server.backlog.push_back(Unanswered::Subscription(subscriber));
        } else {
            server.subscribe(subscriber);
        }
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        match Pin::new(&mut self.heard).poll_next(context) {
            Poll::Ready(Some(heard)) => Poll::Ready(heard),
            _ => Poll::Pending,
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let (sender, cut) = oneshot::channel();
        let mut server = self.node.server();
        if server.cuts == self.cuts {
            server.on_cut.push(sender);
        }
        // The sender is dropped at the cut.
        async { cut.await.unwrap_or_default() }
    }
}
