//! Nodes that live in this process: for first steps, and for tests of your own code.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redlock_core::shell::MemoryLink;
pub use redlock_core::shell::MemoryNode;
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use crate::platform::Interrupt;
use crate::transport::{Connection, Transport};
use crate::{BuildError, IntoNode, Node};

impl IntoNode for MemoryNode {
    fn into_node(self) -> Result<Node, BuildError> {
        Ok(Node::new(self.name(), self.clone()).in_memory(self))
    }
}

impl IntoNode for &MemoryNode {
    fn into_node(self) -> Result<Node, BuildError> {
        self.clone().into_node()
    }
}

/// The node is the way to itself, for transports that are built on top of it.
impl Transport for MemoryNode {
    type Connection = MemoryConnection;

    fn connect(&mut self, _timeout: Duration) -> Result<MemoryConnection, Unavailable> {
        MemoryConnection::open(self, None)
    }
}

/// A connection to a [`MemoryNode`].
pub struct MemoryConnection {
    link: MemoryLink,
    inbox: Arc<Inbox>,
}

impl MemoryConnection {
    /// Opens one that interrupts the leader when there is something to receive, if that is given.
    pub(crate) fn open(node: &MemoryNode, interrupt: Option<Arc<Interrupt>>) -> Result<Self, Unavailable> {
        let link = node.link()?;
        let inbox = Arc::new(Inbox { news: Mutex::default(), has_news: Condvar::new(), interrupt });
        link.keep_until_cut(Cut(Arc::downgrade(&inbox)));
        Ok(Self { link, inbox })
    }
}

impl Connection for MemoryConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.send_all(std::slice::from_ref(command))
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        // The leader may not have had the connection yet when it was interrupted.
        self.check()?;
        let inbox = self.inbox.clone();
        self.link.send(commands.to_vec(), move |replies| inbox.put(|news| news.replies.extend(replies)));
        Ok(())
    }

    fn receive(&mut self, _command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let is_waiting = |news: &mut News| news.replies.is_empty() && !news.is_cut;
        let waited = self.inbox.has_news.wait_timeout_while(self.inbox.news(), timeout, is_waiting);
        let (mut news, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let reply = news.replies.pop_front();
        if reply.is_none() { news.check().map(|()| None) } else { Ok(reply) }
    }

    fn facts(&self) -> Facts {
        self.link.facts()
    }

    fn hearing(&self) -> Hearing {
        Hearing::Shared
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        let inbox = self.inbox.clone();
        self.link.subscribe(waiter, move |heard| inbox.put(|news| news.heard.push_back(heard)));
        Ok(())
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.inbox.news().heard.pop_front()
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        self.inbox.news().check()
    }
}

impl fmt::Debug for MemoryConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConnection").field("link", &self.link).finish_non_exhaustive()
    }
}

/// What has come over a connection and was not received yet.
struct Inbox {
    news: Mutex<News>,
    has_news: Condvar,
    interrupt: Option<Arc<Interrupt>>,
}

#[derive(Default)]
struct News {
    replies: VecDeque<Reply>,
    heard: VecDeque<Heard>,
    is_cut: bool,
}

impl Inbox {
    fn put(&self, put: impl FnOnce(&mut News)) {
        put(&mut self.news());
        self.has_news.notify_all();
        if let Some(interrupt) = &self.interrupt {
            interrupt();
        }
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    fn check(&self) -> Result<(), Unavailable> {
        if self.is_cut { Err(Unavailable::with_detail(Cause::Disconnected, "cut off")) } else { Ok(()) }
    }
}

/// Tells of the cut when it is dropped.
struct Cut(Weak<Inbox>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(inbox) = self.0.upgrade() {
            inbox.put(|news| news.is_cut = true);
        }
    }
}
