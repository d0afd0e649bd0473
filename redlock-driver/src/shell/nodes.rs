//! What the node drivers bring and take.

use std::sync::Arc;
use std::task::{Context, Poll};

use redlock_core::{Cause, Command, Facts, Heard, Hearing, NodeId, Reply, Unavailable, WaiterId};

use super::{Over, Shell};
use crate::Runtime;
use crate::carrier::SendAtOnce;

/// What is to be done over the connection of a node.
pub(crate) enum Demand {
    /// It is to be given up for another one.
    Reconnect,
    /// The handle is to subscribe under this name.
    Subscribe(WaiterId),
    /// Commands are to be sent, when those who are about to send something as well have done so.
    Gather,
    /// Commands are to be sent.
    Send,
    Nothing,
}

impl<R: Runtime> Shell<R> {
    /// Waits until a connection to the node is to be opened.
    pub(crate) fn poll_connect(&self, node: NodeId, context: &Context<'_>) -> Poll<Result<(), Over>> {
        self.work(|state, _, _| {
            state.check_over(node, context)?;
            if state.locks.poll_connect(node) { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
    }

    pub(crate) fn connected(&self, node: NodeId, facts: Facts, hears: bool) {
        self.work(|state, now, _| state.locks.handle_connected(node, facts, hears, now));
    }

    /// Returns the name under which the handle is to subscribe at the node, if it is to do so now. Otherwise the driver is
    /// woken when it is.
    pub(crate) fn take_subscription(&self, node: NodeId) -> Option<WaiterId> {
        self.state().locks.poll_subscribe(node, self.runtime.now())
    }

    /// Returns whether the handle is to subscribe at the node.
    pub(crate) fn has_subscription(&self, node: NodeId) -> bool {
        self.state().locks.has_subscription(node)
    }

    pub(crate) fn heard(&self, node: NodeId, heard: Heard) {
        self.work(|state, now, _| state.locks.handle_heard(node, heard, now));
    }

    pub(crate) fn disconnected(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.handle_disconnected(node, why, now));
    }

    pub(crate) fn give_up(&self, node: NodeId, why: &Unavailable) {
        self.work(|state, now, _| state.locks.give_up(node, why, now));
    }

    /// Returns what is to be done over the connection of a node. The driver is woken when there is something else, or at the
    /// end.
    pub(crate) fn demand(&self, node: NodeId, hearing: Hearing, context: &Context<'_>) -> Result<Demand, Over> {
        let mut state = self.state();
        state.check_over(node, context)?;
        if state.locks.poll_connect(node) {
            return Ok(Demand::Reconnect);
        }
        if hearing == Hearing::Shared
            && state.locks.has_subscription(node)
            && let Some(waiter) = state.locks.poll_subscribe(node, self.runtime.now())
        {
            return Ok(Demand::Subscribe(waiter));
        }
        Ok(match state.locks.has_batch(node) {
            true if state.ends_gathering(node) => Demand::Gather,
            true => Demand::Send,
            false => Demand::Nothing,
        })
    }

    /// Takes the commands that wait for a node, for whoever sends them next.
    pub(crate) fn take_batch(&self, node: NodeId) -> Vec<Command> {
        let mut batch = Vec::new();
        self.work(|state, now, _| state.locks.poll_batch(node, &mut batch, now));
        batch
    }

    /// Lets everybody send over the connection, until what is returned is dropped.
    pub(crate) fn register_carrier(&self, node: NodeId, carrier: Arc<dyn SendAtOnce>) -> impl Drop + use<'_, R> {
        self.state().set_carrier(node, Some(carrier));
        Registered { shell: self, node }
    }

    /// Makes sure that a driver that cannot take a batch now is woken at the end all the same.
    pub(crate) fn check_over(&self, node: NodeId, context: &Context<'_>) -> Result<(), Over> {
        self.state().check_over(node, context)
    }

    /// Brings the replies of a node to the oldest batch that it has not answered, of `count` commands.
    pub(crate) fn answered(&self, node: NodeId, count: usize, replies: Vec<Reply>) {
        let mut replies = replies.into_iter();
        let unexpected = || Reply::Unavailable(Unavailable::new(Cause::Unexpected));
        self.work(|state, now, _| {
            for _ in 0..count {
                let reply = replies.next().unwrap_or_else(unexpected);
                state.locks.handle_reply(node, reply, now);
            }
        });
    }

    /// Notes that the oldest batch to a node, of `count` commands, will not be answered.
    pub(crate) fn unanswered(&self, node: NodeId, count: usize, why: &Unavailable) {
        self.work(|state, now, _| state.locks.handle_unanswered(node, count, why, now));
    }
}

/// A connection over which everybody may send.
struct Registered<'a, R: Runtime> {
    shell: &'a Shell<R>,
    node: NodeId,
}

impl<R: Runtime> Drop for Registered<'_, R> {
    fn drop(&mut self) {
        self.shell.state().set_carrier(self.node, None);
    }
}
