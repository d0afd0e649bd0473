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

/// The commands that wait for a node, each with its ticket, in the order in which they must reach it.
///
/// They are kept in the batches in which they will be sent, so that a batch goes out as a whole. Those whose time to be sent
/// is over are forgotten, so that a node that hangs or is away does not fill the memory: their rounds have given it up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    /// The next batch. It is full if there are later ones.
    next: Vec<Command>,
    /// The batches behind it; all but the last are full.
    later: VecDeque<Vec<Command>>,
    /// The tickets of all commands.
    tickets: VecDeque<Ticket>,
    /// No command's time to be sent is over before this moment; `None` without commands.
    in_time_until: Option<Instant>,
    /// The number of commands that were left when they were last looked through.
    kept: usize,
}

impl Outbox {
    /// Puts a command behind the others. It looks through them only when they have doubled.
    pub(super) fn push(&mut self, ticket: Ticket, command: Command, now: Instant) {
        self.append(ticket, command);
        if self.tickets.len() > self.kept.saturating_mul(2).max(MAX_BATCH) {
            self.remove_overdue(now, |_| ());
            self.kept = self.tickets.len();
        }
    }

    /// Moves the next batch into `batch`, and the tickets behind those of what was `sent` before. Commands whose time to be
    /// sent is over go to `overdue` instead.
    pub(super) fn take_batch(
        &mut self,
        batch: &mut Vec<Command>,
        sent: &mut VecDeque<Ticket>,
        now: Instant,
        overdue: impl FnMut(Ticket),
    ) {
        if self.in_time_until.is_some_and(|until| until < now) {
            self.remove_overdue(now, overdue);
        }
        let count = self.next.len();
        if batch.is_empty() {
            // The next one is likely to be as large.
            batch.reserve(count);
            mem::swap(batch, &mut self.next);
        } else {
            batch.append(&mut self.next);
        }
        if let Some(later) = self.later.pop_front() {
            self.next = later;
            sent.extend(self.tickets.drain(..count));
        } else {
            sent.append(&mut self.tickets);
            self.in_time_until = None;
        }
    }

    /// Forgets all commands; yields their tickets.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        mem::take(self).tickets.into_iter()
    }

    /// Puts all commands of another outbox before the own ones.
    pub(super) fn prepend(&mut self, earlier: &mut Self) {
        if !earlier.is_empty() {
            let later = mem::replace(self, mem::take(earlier));
            later.into_pairs().for_each(|(ticket, command)| self.append(ticket, command));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Ticket, &Command)> {
        self.tickets.iter().zip(iter::once(&self.next).chain(&self.later).flatten())
    }

    fn append(&mut self, ticket: Ticket, command: Command) {
        self.in_time_until = Some(self.in_time_until.map_or(command.send_by, |until| until.min(command.send_by)));
        self.tickets.push_back(ticket);
        let last = self.later.back_mut().unwrap_or(&mut self.next);
        if last.len() < MAX_BATCH {
            last.push(command);
        } else {
            self.later.push_back(Vec::from([command]));
        }
    }

    fn remove_overdue(&mut self, now: Instant, mut overdue: impl FnMut(Ticket)) {
        for (ticket, command) in mem::take(self).into_pairs() {
            if command.send_by < now {
                overdue(ticket);
            } else {
                self.append(ticket, command);
            }
        }
    }

    fn into_pairs(self) -> impl Iterator<Item = (Ticket, Command)> {
        self.tickets.into_iter().zip(iter::once(self.next).chain(self.later).flatten())
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
