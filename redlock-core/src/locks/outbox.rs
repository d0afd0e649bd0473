//! Commands that wait to be sent to a node.

use alloc::collections::VecDeque;
use core::mem;

use super::{InspectionKey, LockKey};
use crate::observed::Verb;
use crate::{Command, CommandId, Instant};

/// A queue of fewer commands is never looked through.
const FEW: usize = 256;

/// The commands that wait for a node, each with its ticket, in the order in which they must reach it.
///
/// Those whose time to be sent is over are forgotten, so that a node that hangs or is away does not fill the memory: their
/// rounds have given it up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    commands: VecDeque<(Ticket, Command)>,
    /// The number of commands that were left when they were last looked through.
    kept: usize,
}

impl Outbox {
    /// Puts a command behind the others. It looks through them only when they have doubled.
    pub(super) fn push(&mut self, ticket: Ticket, command: Command, now: Instant) {
        self.commands.push_back((ticket, command));
        if self.commands.len() > self.kept.saturating_mul(2).max(FEW) {
            self.commands.retain(|(_, command)| command.send_by >= now);
            self.kept = self.commands.len();
        }
    }

    /// Takes the first command.
    pub(super) fn pop(&mut self) -> Option<(Ticket, Command)> {
        self.commands.pop_front()
    }

    /// Puts all commands of another outbox before the own ones.
    pub(super) fn prepend(&mut self, earlier: &mut Self) {
        let later = mem::replace(self, mem::take(earlier));
        self.commands.extend(later.commands);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Ticket, Command)> {
        self.commands.iter()
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
