//! One lane's way to one node: the connection and the replies that it owes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redlock_core::{Cause, Command, CommandId, Instant, NodeId, Reply, Unavailable};

use crate::Connection;
use crate::lock_key::LockKey;

/// How many replies a connection may owe before nothing more is sent on it. A node that hangs takes commands until the
/// buffers are full, and a command that does not fit must not hold up its caller.
const MAX_OWED: usize = 256;
/// From so many owed replies on, those that have come are taken in before the next command goes out.
const MANY_OWED: usize = 32;

/// A command whose reply has not been read.
struct Ticket {
    key: LockKey,
    command: Command,
}

/// What a node made of a command of a lock.
pub(crate) struct Answer {
    pub(crate) key: LockKey,
    pub(crate) id: CommandId,
    pub(crate) node: NodeId,
    pub(crate) reply: Reply,
}

/// The answers that are to be handed to their locks.
pub(crate) type Answers = VecDeque<Answer>;

/// Attribution stands on one rule: a ticket is at the back of the queue before anything else is sent, and a reply that
/// is read belongs to the ticket at the front. A connection on which that is in doubt is given up with all its tickets.
pub(crate) struct Port {
    node: NodeId,
    link: Link,
    tickets: VecDeque<Ticket>,
    /// Whether the connection has ever answered.
    has_carried: bool,
    /// How often the node let somebody wait in vain since it answered last, on whatever connection.
    misses: Misses,
}

/// Shared by all connections to one node.
pub(crate) type Misses = Arc<AtomicU32>;

enum Link {
    /// The first try to connect is under way; commands wait for it.
    Opening,
    Open(Box<dyn Connection>),
    /// Further tries are made, and commands are refused.
    Down(Unavailable),
}

/// A connection is wanted; whether to pause before the first try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Now,
    /// The last one was of no use at all.
    AfterPause,
}

/// What came of a look at a connection for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Something,
    Nothing,
}

impl Port {
    pub(crate) fn new(node: NodeId, misses: Misses) -> Self {
        Self { node, link: Link::Opening, tickets: VecDeque::new(), has_carried: false, misses }
    }

    /// Sends a command, or answers in the node's place.
    pub(crate) fn send(
        &mut self,
        key: LockKey,
        command: &Command,
        now: Instant,
        answers: &mut Answers,
    ) -> Option<Wanted> {
        let mut wanted = None;
        if self.tickets.len() >= MANY_OWED {
            wanted = self.drain(answers);
        }
        let ticket = Ticket { key, command: command.clone() };
        if command.send_by < now {
            answers.push_back(self.answer(&ticket, not_sent(None)));
        } else if self.tickets.len() >= MAX_OWED {
            let why = Unavailable::with_detail(Cause::NotSent, "too many commands are unanswered");
            answers.push_back(self.answer(&ticket, Reply::Unavailable(why)));
        } else {
            wanted = wanted.or(self.carry(ticket, answers));
        }
        wanted
    }

    fn carry(&mut self, ticket: Ticket, answers: &mut Answers) -> Option<Wanted> {
        match &mut self.link {
            Link::Opening => self.tickets.push_back(ticket),
            Link::Down(why) => {
                let reply = not_sent(Some(why));
                answers.push_back(self.answer(&ticket, reply));
            }
            Link::Open(connection) => {
                let sent = connection.send(&ticket.command);
                self.tickets.push_back(ticket);
                if let Err(why) = sent {
                    return Some(self.break_off(&why, answers));
                }
            }
        }
        None
    }

    /// Reads the next reply, whosever it is.
    pub(crate) fn receive(&mut self, timeout: Duration, answers: &mut Answers) -> (Received, Option<Wanted>) {
        let (Link::Open(connection), Some(ticket)) = (&mut self.link, self.tickets.front()) else {
            return (Received::Nothing, None);
        };
        match connection.receive(&ticket.command, timeout) {
            Ok(None) => {
                self.misses.fetch_add(u32::from(!timeout.is_zero()), Ordering::Relaxed);
                (Received::Nothing, None)
            }
            Ok(Some(reply)) => {
                self.has_carried = true;
                self.misses.store(0, Ordering::Relaxed);
                if let Some(ticket) = self.tickets.pop_front() {
                    answers.push_back(self.answer(&ticket, reply));
                }
                (Received::Something, None)
            }
            Err(why) => (Received::Something, Some(self.break_off(&why, answers))),
        }
    }

    /// Takes in all replies that have come, without waiting.
    pub(crate) fn drain(&mut self, answers: &mut Answers) -> Option<Wanted> {
        loop {
            match self.receive(Duration::ZERO, answers) {
                (Received::Nothing, _) => return None,
                (Received::Something, None) => {}
                (Received::Something, wanted) => return wanted,
            }
        }
    }

    /// Replaces a connection that broke while nothing was sent on it.
    pub(crate) fn check(&mut self, answers: &mut Answers) -> Option<Wanted> {
        let Link::Open(connection) = &mut self.link else { return None };
        if !self.tickets.is_empty() {
            return self.drain(answers);
        }
        let why = connection.check().err()?;
        Some(self.break_off(&why, answers))
    }

    /// Takes a new connection, and sends what has waited for it.
    pub(crate) fn opened(
        &mut self,
        connection: Box<dyn Connection>,
        now: Instant,
        answers: &mut Answers,
    ) -> Option<Wanted> {
        self.link = Link::Open(connection);
        self.has_carried = false;
        let mut wanted = None;
        for ticket in std::mem::take(&mut self.tickets) {
            if ticket.command.send_by < now {
                answers.push_back(self.answer(&ticket, not_sent(None)));
            } else {
                wanted = wanted.or(self.carry(ticket, answers));
            }
        }
        wanted
    }

    /// A try to connect has failed: from now on commands are refused.
    pub(crate) fn refused(&mut self, why: Unavailable, answers: &mut Answers) {
        let tickets = std::mem::take(&mut self.tickets);
        answers.extend(tickets.iter().map(|ticket| self.answer(ticket, not_sent(Some(&why)))));
        self.link = Link::Down(why);
    }

    /// Gives the connection up; its commands may have been carried out or not.
    pub(crate) fn break_off(&mut self, why: &Unavailable, answers: &mut Answers) -> Wanted {
        let tickets = std::mem::take(&mut self.tickets);
        answers.extend(tickets.iter().map(|ticket| self.answer(ticket, Reply::Unavailable(disconnected(why)))));
        if self.has_carried {
            self.link = Link::Opening;
            Wanted::Now
        } else {
            self.link = Link::Down(why.clone());
            Wanted::AfterPause
        }
    }

    /// In this order, the smallest first, nodes are read: one that hangs has let people wait, and owes the most.
    pub(crate) fn health(&self) -> (u32, usize) {
        (self.misses.load(Ordering::Relaxed), self.tickets.len())
    }

    /// Whether a reply to a lock can be read here.
    pub(crate) fn owes(&self, key: LockKey) -> bool {
        self.is_open() && self.tickets.iter().any(|ticket| ticket.key == key)
    }

    /// How many replies can be read here by and by.
    pub(crate) fn owed(&self) -> usize {
        if self.is_open() { self.tickets.len() } else { 0 }
    }

    pub(crate) const fn node(&self) -> NodeId {
        self.node
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    fn answer(&self, ticket: &Ticket, reply: Reply) -> Answer {
        Answer { key: ticket.key, id: ticket.command.id, node: self.node, reply }
    }
}

/// What a command is answered that was not sent because the node cannot be used.
fn not_sent(why: Option<&Unavailable>) -> Reply {
    Reply::Unavailable(match why {
        None => Unavailable::new(Cause::NotSent),
        Some(why) => why.clone().unsent(),
    })
}

/// What a command is answered that was sent, whatever the transport says: it may have been carried out.
fn disconnected(why: &Unavailable) -> Unavailable {
    if why.proves_untouched() { Unavailable::with_detail(Cause::Disconnected, &why.to_string()) } else { why.clone() }
}
