mod connection;
mod queue;

use alloc::vec::Vec;
use core::time::Duration;

pub(super) use self::connection::Due;
use self::connection::{Link, MIN_RECONNECT_DELAY};
use super::LockKey;
use super::outbox::{Outbox, Ticket};
use super::round_trip::RoundTrip;
use super::trust::Trust;
use crate::{Action, Cause, Command, CommandId, Instant, NodeSet, ScriptForm, Unavailable};

/// One node: its connection, the commands that wait for it, and the replies that it owes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    link: Link,
    /// When the link came to be up or down as it is; `None` before the first try to connect has come to an end.
    changed_at: Option<Instant>,
    /// When the connection was last heard of, or was first owed something again.
    heard_at: Instant,
    /// When the server has said something last: of itself, in answer to a command, or by a connection that has ended while it owed
    /// no answer.
    answered_at: Instant,
    /// The connection has left something without an answer.
    left_unanswered: bool,
    /// When the server was last asked for its clock.
    looked_at: Instant,
    reconnect_delay: Duration,
    /// When a connection that was of use broke last.
    broke_at: Option<Instant>,
    /// The commands that were not sent, in the order in which they must reach the node, and the tickets of those that were sent.
    queue: Outbox,
    /// The releases of which the node was told in vain: they wait until it is connected.
    owed: Outbox,
    /// The node is no home until then.
    distrusted_until: Instant,
    round_trip: RoundTrip,
    pub(super) trust: Trust,
    /// Why the queue of the connection was closed, if its node has said it.
    no_queue: Option<Unavailable>,
}

impl Node {
    pub(super) fn new() -> Self {
        Self {
            link: Link::Wanted(None),
            changed_at: None,
            heard_at: Instant::EPOCH,
            answered_at: Instant::EPOCH,
            left_unanswered: false,
            looked_at: Instant::EPOCH,
            reconnect_delay: MIN_RECONNECT_DELAY,
            broke_at: None,
            queue: Outbox::default(),
            owed: Outbox::default(),
            distrusted_until: Instant::EPOCH,
            round_trip: RoundTrip::default(),
            trust: Trust::default(),
            no_queue: None,
        }
    }

    /// Takes a command that is to be sent, or says why it cannot be. A release that is told again waits until it can be.
    ///
    /// One that says for how long the keys are to stay waits for no connection, not even for the first one: that time counts from
    /// when it is sent.
    pub(super) fn push(&mut self, ticket: Ticket, mut command: Command) -> Result<(), Unavailable> {
        if let Some(why) = self.trust.unsuitable().filter(|_| !matches!(command.action, Action::Release { .. })) {
            return Err(why.clone().unsent());
        }
        match self.refusal() {
            Some(_) if command.is_repeated && !command.action.keeps() => self.owed.push(ticket, command),
            Some(why) => return Err(why.clone().unsent()),
            None if command.action.keeps() && !self.is_connected() => return Err(Unavailable::new(Cause::NotSent)),
            None => {
                command.grace = self.round_trip.grace();
                self.queue.push(ticket, command);
            }
        }
        Ok(())
    }

    /// Returns whether a batch can be taken.
    pub(super) fn has_batch(&self) -> bool {
        self.is_connected() && !self.queue.is_empty()
    }

    /// Returns the commands of locks that wait to be sent.
    pub(super) fn queued(&self) -> impl Iterator<Item = (LockKey, &Command)> {
        self.owed.iter().chain(self.queue.iter()).filter_map(|(ticket, command)| match ticket {
            Ticket::Lock { key, .. } => Some((*key, command)),
            Ticket::Inspection(_) | Ticket::Clock { .. } | Ticket::Aside => None,
        })
    }

    /// Returns whether the commands that wait have become many.
    pub(super) fn is_crowded(&self) -> bool {
        self.queue.is_crowded() || self.owed.is_crowded()
    }

    /// Returns whether the time to be sent is over for one of the next commands.
    pub(super) fn has_overdue(&self, now: Instant) -> bool {
        self.is_connected() && self.queue.has_overdue(now)
    }

    /// Forgets the commands that need not be sent any more. Those whose time to be sent is over go to `overdue`.
    pub(super) fn tidy(&mut self, now: Instant, needs: impl Fn(&Ticket) -> bool, mut overdue: impl FnMut(Ticket)) {
        self.owed.tidy(now, &needs, &mut overdue);
        self.queue.tidy(now, &needs, &mut overdue);
    }

    /// Returns how many commands wait to be sent over the connection.
    pub(super) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Moves the next commands into `batch`, at most so many.
    pub(super) fn take_batch(&mut self, batch: &mut Vec<Command>, most: usize, now: Instant) {
        if !self.is_connected() {
            return;
        }
        let owed_nothing = !self.queue.has_under_way();
        self.queue.take_batch(batch, most);
        if owed_nothing && self.queue.has_under_way() {
            self.heard_at = now;
            self.round_trip.begins(now);
        }
    }

    /// Queues a command that belongs to no lock, if the node is connected or about to be, to be sent within a time.
    pub(super) fn push_aside(&mut self, ticket: Ticket, action: Action, within: Duration, now: Instant) {
        if self.refusal().is_none() {
            // Nobody waits for the answer that the script is not known.
            let (id, nodes, form) = (CommandId::NO_LOCK, NodeSet::EMPTY, ScriptForm::Source);
            let send_by = now.saturating_add(within);
            let grace = self.round_trip.grace();
            let command = Command { id, nodes, action, send_by, form, grace, is_repeated: false };
            self.queue.push(ticket, command);
        }
    }

    /// Takes the ticket of the oldest command that is not answered.
    pub(super) fn take_ticket(&mut self) -> Option<Ticket> {
        self.queue.take_ticket()
    }

    /// Forgets the commands that wait to be sent; yields their tickets.
    pub(super) fn forget_waiting(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        self.queue.clear()
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::MAX_BATCH;
    use super::*;
    use crate::observed::Verb;
    use crate::{Config, Lock, Options, Request};

    #[test]
    fn what_waits_for_a_node_that_hangs_is_forgotten_when_its_time_is_over() {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(1), Options::new()).unwrap();
        let mut node = Node::new();
        node.connected(false, &config, Instant::EPOCH);
        for millis in 0..100_000 {
            let now = Instant::from_epoch(Duration::from_millis(millis));
            let command = Lock::acquire(&config, request.clone(), [0; 32], now).poll_command().unwrap();
            let ticket = Ticket::Lock {
                key: LockKey { serial: millis, index: 0 },
                id: command.id,
                is_acquisition: true,
                verb: Verb::Acquire,
            };
            node.push(ticket, command).unwrap();
            if node.is_crowded() {
                node.tidy(now, |_| true, |_| ());
            }
            assert!(node.queue.iter().count() <= 2 * MAX_BATCH);
        }
        node.take_batch(&mut Vec::new(), MAX_BATCH, Instant::EPOCH);
        let keys = core::iter::from_fn(|| node.take_ticket()).map(|ticket| match ticket {
            Ticket::Lock { key, .. } => Some(key),
            Ticket::Inspection(_) | Ticket::Clock { .. } | Ticket::Aside => None,
        });
        assert!(keys.is_sorted(), "the order is kept");
    }
}
