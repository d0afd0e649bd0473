//! Commands that wait to be sent to a node.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{iter, mem};

use super::{InspectionKey, LockKey};
use crate::observed::Verb;
use crate::{Command, CommandId, Instant};

/// The largest number of commands that go to a node in one batch: enough to make the cost per command small, few enough
/// that the first replies do not wait for the last command.
pub(super) const MAX_BATCH: usize = 256;

/// The commands that wait for a node, in the order in which they must reach it, and the tickets of all that it has not
/// answered.
///
/// They are kept in the batches in which they will be sent, so that a batch goes out as a whole. Those that need not be sent any
/// more are forgotten, so that a node that hangs, is slow, or is away does not fill the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    /// The next batch. It is full if there are later ones.
    next: Vec<Command>,
    /// The batches behind it; all but the last are full.
    later: VecDeque<Vec<Command>>,
    /// The tickets of the commands that were sent and not answered, the oldest first, and behind them those of the commands
    /// that wait.
    tickets: VecDeque<Ticket>,
    under_way: usize,
    /// No command's time to be sent is over before this moment; `None` without commands.
    in_time_until: Option<Instant>,
    /// The number of commands that were left when they were last looked through.
    kept: usize,
}

impl Outbox {
    /// Puts a command behind the others.
    pub(super) fn push(&mut self, ticket: Ticket, command: Command) {
        self.in_time_until = Some(self.in_time_until.map_or(command.send_by, |until| until.min(command.send_by)));
        self.tickets.push_back(ticket);
        let last = self.later.back_mut().unwrap_or(&mut self.next);
        if last.len() < MAX_BATCH {
            last.push(command);
        } else {
            self.later.push_back(Vec::from([command]));
        }
    }

    /// Returns whether the commands that wait have doubled since they were last looked through.
    pub(super) fn is_crowded(&self) -> bool {
        let waiting = self.waiting();
        waiting > MAX_BATCH && waiting > self.kept.saturating_mul(2)
    }

    /// Returns whether the time to be sent is over for one of the commands that wait.
    pub(super) fn has_overdue(&self, now: Instant) -> bool {
        self.in_time_until.is_some_and(|until| until < now)
    }

    /// Forgets the commands that need not be sent any more. Those whose time to be sent is over go to `overdue`.
    pub(super) fn tidy(&mut self, now: Instant, needs: impl Fn(&Ticket) -> bool, mut overdue: impl FnMut(Ticket)) {
        for (ticket, command) in self.take_waiting() {
            if command.send_by < now {
                overdue(ticket);
            } else if needs(&ticket) {
                self.push(ticket, command);
            }
        }
        self.kept = self.waiting();
    }

    /// Moves the next batch into `batch`, of at most so many commands: it is under way from then on.
    pub(super) fn take_batch(&mut self, batch: &mut Vec<Command>, most: usize) {
        if self.next.is_empty() {
            return;
        }
        let rest = if most < self.next.len() { self.next.split_off(most) } else { Vec::new() };
        self.under_way = self.under_way.saturating_add(self.next.len());
        if batch.is_empty() {
            // The next one is likely to be no larger than this one or the last ones.
            batch.reserve(self.next.len().max(self.next.capacity() / 2));
            mem::swap(batch, &mut self.next);
        } else {
            batch.append(&mut self.next);
        }
        if !rest.is_empty() {
            self.next = rest;
        } else if let Some(later) = self.later.pop_front() {
            self.next = later;
        } else {
            self.in_time_until = None;
        }
    }

    /// Takes the ticket of the oldest command that was sent and not answered.
    pub(super) fn take_ticket(&mut self) -> Option<Ticket> {
        self.under_way = self.under_way.checked_sub(1)?;
        self.tickets.pop_front()
    }

    /// Returns whether a command was sent and not answered.
    pub(super) const fn has_under_way(&self) -> bool {
        self.under_way > 0
    }

    /// Forgets all commands that wait; yields their tickets.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        self.take_waiting().map(|(ticket, _)| ticket)
    }

    /// Puts all commands of another outbox, none of which was sent, before those that wait.
    pub(super) fn prepend(&mut self, earlier: &mut Self) {
        if !earlier.is_empty() {
            let later = self.take_waiting();
            for (ticket, command) in earlier.take_waiting().chain(later) {
                self.push(ticket, command);
            }
        }
    }

    /// Returns whether no command waits.
    pub(super) fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    /// Returns the commands that wait, with their tickets.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Ticket, &Command)> {
        self.tickets.iter().skip(self.under_way).zip(iter::once(&self.next).chain(&self.later).flatten())
    }

    /// Returns how many commands wait.
    pub(super) fn waiting(&self) -> usize {
        self.tickets.len().saturating_sub(self.under_way)
    }

    fn take_waiting(&mut self) -> impl Iterator<Item = (Ticket, Command)> + use<> {
        (self.in_time_until, self.kept) = (None, 0);
        let tickets = self.tickets.split_off(self.under_way);
        let batches = iter::once(mem::take(&mut self.next)).chain(mem::take(&mut self.later));
        tickets.into_iter().zip(batches.flatten())
    }
}

/// A command whose reply is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ticket {
    /// One of a lock.
    Lock {
        key: LockKey,
        id: CommandId,
        /// A grant may count as a vote.
        is_acquisition: bool,
        verb: Verb,
    },
    /// One of an inspection.
    Inspection(InspectionKey),
    /// A look at the clock.
    Clock { asked_at: Instant },
    /// One of which the reply says no more than that the node is there.
    Aside,
}
