//! Nodes that live in this process, for first steps and for tests of users' own code.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Cause, Command, Facts, Heard, Instant, Reply, Unavailable, WaiterId, model};

/// A node that behaves like a Redis master for the commands of Redlock, without a server. Clones are the same node, whether
/// they are given to async or to blocking handles.
///
/// It proves nothing about Redis; it lets a program show what it does when nodes fail. Keys expire on the clock of the
/// handle that the node was given to last, which can be [put forward](Self::advance_clock) for this node alone. When
/// all nodes of an async handle live in memory, the runtime may make that a clock that a test moves, as tokio's paused one;
/// a node of such a test is not for handles on another clock.
///
/// ```
/// use redlock_core::shell::MemoryNode; // with an adapter: use redlock_tokio::memory::MemoryNode;
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
#[doc(alias("fake", "mock"))]
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
    subscribers: Vec<Subscriber>,
    /// What is dropped at the next cut, each for the connection that it belongs to.
    until_cut: Vec<(Weak<()>, Box<dyn Send>)>,
}

enum Unanswered {
    Commands(Vec<Command>, Box<dyn FnOnce(Vec<Reply>) + Send>),
    Subscription(Subscriber),
}

/// Who wants to hear that it is called up.
struct Subscriber {
    waiter: WaiterId,
    /// The connection on which it hears, while that is open.
    connection: Weak<()>,
    hear: Box<dyn Fn(Heard) + Send>,
}

impl Subscriber {
    /// Returns whether it is the same one, which has asked again.
    fn replaces(&self, earlier: &Self) -> bool {
        self.waiter == earlier.waiter && self.connection.ptr_eq(&earlier.connection)
    }
}

impl MemoryNode {
    /// Creates a running node without keys. The name stands in errors and reports.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), server: Arc::default() }
    }

    /// Returns the name that stands in errors and reports.
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
                Unanswered::Commands(commands, answer) => answer(server.execute(&commands)),
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
        server.until_cut.clear();
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

    /// Returns how long a key still lives; `None` without the key, [`Duration::MAX`] for one that does not expire.
    #[must_use]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Duration> {
        let mut server = self.server();
        let now = server.now();
        server.model.ttl(key.as_ref(), now)
    }

    /// Returns the names of the keys that are there, in ascending order.
    #[must_use]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let mut server = self.server();
        let now = server.now();
        server.model.keys(now).map(<[u8]>::to_vec).collect()
    }

    /// Sets the clock on which keys expire, and the time since 1970 at which it shows the epoch, for adapters: those of the
    /// handle that the node is given to.
    pub fn set_clock(&self, clock: impl Fn() -> Instant + Send + 'static, epoch: Duration) {
        let mut server = self.server();
        server.model.set_epoch(epoch);
        server.clock = Some(Box::new(clock));
    }

    /// Opens a connection, for adapters: a transport is made of it.
    ///
    /// # Errors
    ///
    /// [`Cause::NotSent`] while the node is [cut off](Self::cut).
    pub fn link(&self) -> Result<MemoryLink, Unavailable> {
        let server = self.server();
        if server.is_cut {
            return Err(Unavailable::with_detail(Cause::NotSent, "cut off"));
        }
        Ok(MemoryLink { node: self.clone(), cuts: server.cuts, is_open: Arc::default() })
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNode").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An open connection to a [`MemoryNode`], for adapters: they make of it what their transports are.
///
/// What it is given to call is called at once or when the node goes on, on whatever thread that happens, while the node is
/// locked: it must not use the node. It is dropped when the connection is cut.
#[derive(Debug)]
pub struct MemoryLink {
    node: MemoryNode,
    /// How many cuts there had been when the connection was made.
    cuts: u64,
    /// Is dropped with it.
    is_open: Arc<()>,
}

impl MemoryLink {
    /// Has the node carry out commands, and hands the replies to `answer`.
    pub fn send(&self, commands: Vec<Command>, answer: impl FnOnce(Vec<Reply>) + Send + 'static) {
        let mut server = self.node.server();
        if server.cuts != self.cuts {
            // Nothing goes over a connection that is cut.
        } else if server.is_stopped {
            server.backlog.push_back(Unanswered::Commands(commands, Box::new(answer)));
        } else {
            answer(server.execute(&commands));
        }
    }

    /// Subscribes: `hear` is told that, and then for what the waiter is called up, as long as this is not dropped.
    pub fn subscribe(&self, waiter: &WaiterId, hear: impl Fn(Heard) + Send + 'static) {
        let connection = Arc::downgrade(&self.is_open);
        let subscriber = Subscriber { waiter: waiter.clone(), connection, hear: Box::new(hear) };
        let mut server = self.node.server();
        if server.cuts != self.cuts {
            // Nothing is heard over a connection that is cut.
        } else if server.is_stopped {
            server.backlog.push_back(Unanswered::Subscription(subscriber));
        } else {
            server.subscribe(subscriber);
        }
    }

    /// Keeps a value until the node is cut off, and drops it then: so its `Drop` tells of the cut. After the end of the
    /// connection it may be dropped at any time.
    pub fn keep_until_cut(&self, value: impl Send + 'static) {
        let mut server = self.node.server();
        if server.cuts == self.cuts {
            server.until_cut.retain(|(connection, _)| connection.strong_count() > 0);
            server.until_cut.push((Arc::downgrade(&self.is_open), Box::new(value)));
        }
    }

    /// Returns what the node says about itself.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        facts.note_info(&format!("server_name:memory\nrole:master\nrun_id:{}\n", self.node.name));
        facts
    }
}

impl Server {
    fn now(&self) -> Instant {
        let now = self.clock.as_ref().map_or_else(crate::system::now, |clock| clock());
        now.saturating_add(self.ahead)
    }

    /// Carries commands out, and calls up whom they let.
    fn execute(&mut self, commands: &[Command]) -> Vec<Reply> {
        let now = self.now();
        self.unsubscribe(|subscriber| subscriber.connection.strong_count() == 0);
        let replies = commands.iter().map(|command| self.model.execute(command, now)).collect();
        while let Some((waiter, resource)) = self.model.poll_call_up() {
            for subscriber in self.subscribers.iter().filter(|subscriber| subscriber.waiter == waiter) {
                (subscriber.hear)(Heard::CalledUp(resource.clone()));
            }
        }
        replies
    }

    fn subscribe(&mut self, subscriber: Subscriber) {
        self.model.subscribe(&subscriber.waiter);
        // Whoever is gone is forgotten with the next commands.
        (subscriber.hear)(Heard::Subscribed);
        self.subscribers.retain(|earlier| !subscriber.replaces(earlier));
        self.subscribers.push(subscriber);
    }

    /// Forgets the subscribers whose connection is gone. A waiter may have subscribed over another one since.
    fn unsubscribe(&mut self, is_gone: impl Fn(&Subscriber) -> bool) {
        let Self { subscribers, model, .. } = self;
        let gone: Vec<_> = subscribers.extract_if(.., |subscriber| is_gone(subscriber)).collect();
        for Subscriber { waiter, .. } in gone {
            if subscribers.iter().all(|subscriber| subscriber.waiter != waiter) {
                model.unsubscribe(&waiter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{Action, Config, Lock, Options, Request, ScriptForm};

    /// The command that takes a lock without waiting for a turn.
    fn acquire(seed: u8) -> Command {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
        Lock::acquire(&config, request, [seed; 32], Instant::EPOCH).poll_command().unwrap()
    }

    #[test]
    fn a_waiter_that_has_subscribed_again_is_called_up_once() {
        let (node, waiter, calls) = (MemoryNode::new("one"), WaiterId::new([7; 16]), Arc::new(AtomicUsize::new(0)));
        let gone = node.link().unwrap();
        gone.subscribe(&waiter, |_| ());
        drop(gone);
        let link = node.link().unwrap();
        for _ in 0..2 {
            let calls = calls.clone();
            link.subscribe(&waiter, move |heard| {
                calls.fetch_add(usize::from(matches!(heard, Heard::CalledUp(_))), Ordering::SeqCst);
            });
        }

        let (held, wanted) = (acquire(1), acquire(2));
        let Action::Acquire { token, ttl, .. } = wanted.action.clone() else { panic!("{wanted:?}") };
        let waits = wanted.with_action(Action::acquire_in_turn("job".into(), token, ttl, waiter), ScriptForm::Source);
        let Action::Acquire { resources, token, .. } = held.action.clone() else { panic!("{held:?}") };
        let released = held.with_action(Action::release(resources, token, held.nodes), ScriptForm::Source);
        link.send([held, waits, released].into(), |replies| assert_eq!(replies.last(), Some(&Reply::CalledUp)));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
