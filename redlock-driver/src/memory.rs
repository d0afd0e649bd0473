//! Nodes that live in this process: for first steps, and for tests of your own code.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures_channel::oneshot;
use futures_util::Stream as _;
use redlock_core::shell::MemoryLink;
pub use redlock_core::shell::MemoryNode;
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use crate::transport::{Connection, Transport};
use crate::{BuildError, IntoNode, Node, Runtime};

impl<R: Runtime> IntoNode<R> for MemoryNode {
    fn into_node(self) -> Result<Node<R>, BuildError> {
        let node = self.clone();
        let set_clock = move |runtime: R| {
            let epoch = runtime.wall_clock().saturating_sub(runtime.now().since_epoch());
            node.set_clock(move || runtime.now(), epoch);
        };
        Ok(Node::new(self.name(), self.clone()).in_memory(set_clock))
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
        let link = self.link()?;
        let (sender, heard) = mpsc::unbounded();
        Ok(MemoryConnection { link, heard, sender })
    }
}

/// A connection to a [`MemoryNode`].
#[derive(Debug)]
pub struct MemoryConnection {
    link: MemoryLink,
    /// What its user hears, and the way to tell it.
    heard: UnboundedReceiver<Heard>,
    sender: UnboundedSender<Heard>,
}

impl Connection for MemoryConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let (sender, replies) = oneshot::channel();
        // Nobody waits any more if the handle was dropped meanwhile.
        self.link.send(batch, |replies| drop(sender.send(replies)));
        async { replies.await.map_err(|_| Unavailable::with_detail(Cause::Disconnected, "cut off")) }
    }

    fn facts(&self) -> Facts {
        self.link.facts()
    }

    fn hearing(&self) -> Hearing {
        Hearing::Shared
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        let sender = self.sender.clone();
        // Whoever is gone does not hear it, as on any connection.
        self.link.subscribe(waiter, move |heard| drop(sender.unbounded_send(heard)));
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        match Pin::new(&mut self.heard).poll_next(context) {
            Poll::Ready(Some(heard)) => Poll::Ready(heard),
            _ => Poll::Pending,
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let (sender, cut) = oneshot::channel::<()>();
        self.link.keep_until_cut(sender);
        // The sender is dropped at the cut.
        async { cut.await.unwrap_or_default() }
    }
}
