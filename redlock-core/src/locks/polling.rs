//! What goes out: connections to open, commands, the keys of ended operations, the next timeout.

use alloc::vec::Vec;

use super::node::Node;
use super::{LockKey, Locks};
use crate::{Command, Instant, NodeId, WaiterId};

/// # What goes out
impl Locks {
    /// Returns a node for which [`poll_connect`](Self::poll_connect) or [`poll_batch`](Self::poll_batch) may have
    /// something new; each such node once. They are best served in this order: a node that calls somebody up comes last, so
    /// that the release has a start on the other nodes before whoever is called up.
    pub fn poll_ready(&mut self) -> Option<NodeId> {
        let node = self.ready.without(self.calling).iter().next().or_else(|| self.ready.iter().next())?;
        self.ready.remove(node);
        self.calling.remove(node);
        Some(node)
    }

    /// Returns whether a connection to the node is to be opened now, in place of the one that there may still be: that one
    /// has been silent for too long, or leads to a replica, and is to be closed first. Answer with
    /// [`handle_connected`](Self::handle_connected) or [`handle_disconnected`](Self::handle_disconnected).
    pub fn poll_connect(&mut self, node: NodeId) -> bool {
        self.nodes.get_mut(node.index()).is_some_and(Node::begin_connecting)
    }

    /// Appends the next commands for a node that is connected, to be sent at once and in order; the node then owes a reply
    /// to each. Those that waited for too long are answered in the node's place instead.
    ///
    /// An empty `batch` gets up to 256 commands. Nothing is appended when there are none.
    pub fn poll_batch(&mut self, node: NodeId, batch: &mut Vec<Command>, now: Instant) {
        let has_overdue = self.nodes.get(node.index()).is_some_and(|state| state.has_overdue(now));
        let most = if has_overdue { self.answer_overdue(node, now) } else { usize::MAX };
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.take_batch(batch, most, now);
        }
        self.deliver(now);
    }

    /// Returns the name under which this handle is to subscribe at a node, if it is to do so now: somebody wants to wait there.
    /// What comes of it goes to [`handle_heard`](Self::handle_heard). It is asked for again after
    /// [`Heard::Deaf`](crate::Heard::Deaf), when nothing is heard for long, and over every new connection.
    pub fn poll_subscribe(&mut self, node: NodeId, now: Instant) -> Option<WaiterId> {
        let is_wanted = self.nodes.get_mut(node.index()).is_some_and(|state| state.begin_subscribing(now));
        self.waiter.clone().filter(|_| is_wanted)
    }

    /// Returns a lock whose operation has ended, or that is not held any more; whoever waits for it should look.
    pub fn poll_finished(&mut self) -> Option<LockKey> {
        self.finished.pop_front()
    }

    /// Returns the moment at which [`handle_timeout`](Self::handle_timeout) has something to do; `None` if it never has.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = Instant::earliest([self.timers.next(), self.inspections.poll_timeout()]);
        let nodes = self.nodes.iter().map(|node| node.poll_timeout(&self.config));
        nodes.fold(own, |earliest, timeout| Instant::earliest([earliest, timeout]))
    }
}

impl Locks {
    /// Answers in the place of a node what it was not sent in time, and forgets what need not be sent after that. Returns how many
    /// commands are left of those that waited; behind them are those that come of the answers.
    fn answer_overdue(&mut self, node: NodeId, now: Instant) -> usize {
        self.tidy(node, now);
        let waited = self.waiting(node);
        self.deliver(now);
        let with_new = self.waiting(node);
        self.tidy(node, now);
        waited.saturating_sub(with_new.saturating_sub(self.waiting(node)))
    }

    fn waiting(&self, node: NodeId) -> usize {
        self.nodes.get(node.index()).map_or(0, Node::waiting)
    }
}
