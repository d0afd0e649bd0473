//! What can be seen of the machine.

use super::node::Node;
use super::{LockKey, Locks};
use crate::{CloseReport, Command, Config, Instant, LockMachine, Loss, NodeId, Unavailable};

/// # Getters
impl Locks {
    /// Returns the settings that all locks share.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a lock as it is.
    #[must_use]
    pub fn lock(&self, key: LockKey) -> Option<&LockMachine> {
        self.entries.get(key.index).filter(|entry| entry.serial == key.serial).map(|entry| &entry.lock)
    }

    /// Returns the end of the validity of a lock that was handed over; see [`LockMachine::deadline`].
    #[must_use]
    pub fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.lock(key)?.deadline()
    }

    /// Looks whether a lock that was handed over is still held, and returns the end of its validity. A timer may be late; `now`
    /// is not.
    ///
    /// # Errors
    ///
    /// How it came to its end; [`Loss::Released`] also if there is no such lock.
    pub fn check(&mut self, key: LockKey, now: Instant) -> Result<Instant, Loss> {
        self.update(key, now, |lock, context| lock.handle_timeout(context, now));
        let entry = self.entry(key).ok_or(Loss::Released)?;
        match (entry.lock.loss(), entry.lock.deadline()) {
            (Some(loss), _) => Err(loss.clone()),
            (None, Some(_)) if entry.is_cut_off => Err(Loss::Closed),
            (None, deadline) => deadline.ok_or(Loss::Released),
        }
    }

    /// Returns whether commands wait that [`poll_batch`](Self::poll_batch) would give.
    #[must_use]
    pub fn has_batch(&self, node: NodeId) -> bool {
        self.nodes.get(node.index()).is_some_and(Node::has_batch)
    }

    /// Returns whether [`poll_subscribe`](Self::poll_subscribe) would give a name.
    #[must_use]
    pub fn has_subscription(&self, node: NodeId) -> bool {
        self.nodes.get(node.index()).is_some_and(Node::wants_subscription)
    }

    /// Returns whether a node is connected, and does not hang as far as is known: one hangs that has owed an answer for 100 ms
    /// and four round trips.
    #[must_use]
    pub fn may_answer(&self, node: NodeId, now: Instant) -> bool {
        self.nodes.get(node.index()).is_some_and(|state| state.may_answer(now))
    }

    /// Returns the commands that wait to be sent to a node, in order, each with its lock.
    pub fn queued(&self, node: NodeId) -> impl Iterator<Item = (LockKey, &Command)> {
        self.nodes.get(node.index()).into_iter().flat_map(Node::queued)
    }

    /// Returns why commands to a node are refused at the moment; `None` while they are sent or wait to be.
    #[must_use]
    pub fn refusal(&self, node: NodeId) -> Option<&Unavailable> {
        self.nodes.get(node.index())?.refusal()
    }

    /// Returns whether [`close`](Self::close) was called.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Returns whether no release waits for a node that is still in time; see [`LockMachine::is_quiet`].
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.counts.releasing == 0
    }

    /// Returns whether there is no lock, owned or to be settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts what [`close`](Self::close) leaves: the locks that are still held, and those that nobody holds and that a
    /// node may still have a key of.
    #[must_use]
    pub fn close_report(&self) -> CloseReport {
        let held = self.entries.iter().filter(|(_, entry)| entry.lock.deadline().is_some()).count();
        CloseReport { unsettled: self.unsettled(), held }
    }

    /// Counts the locks that nobody holds and that a node may still have a key of.
    #[must_use]
    pub const fn unsettled(&self) -> usize {
        self.counts.unsettled
    }

    /// Returns the keys of all locks, in the order of their places.
    pub fn keys(&self) -> impl Iterator<Item = LockKey> {
        self.entries.iter().map(|(index, entry)| entry.key_at(index))
    }
}
