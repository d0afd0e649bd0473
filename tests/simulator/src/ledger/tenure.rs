use core::time::Duration;

use redlock_core::{CommandId, Instant, NodeSet, OperationId};

use super::Checked;
use crate::invariant::{Invariant, Violation};

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) deadline: Instant,
    /// The end of the longest hold.
    pub(super) ends_at: Option<Instant>,
    /// The extensions without a result.
    pub(super) extensions: Vec<Extension>,
    /// The command for which a node has asked last for the text of the script.
    pub(super) asked_for_text: Option<CommandId>,
}

#[derive(Debug)]
pub(super) struct Extension {
    /// None if it was begun in the background, to keep the lock alive.
    pub(super) operation: Option<OperationId>,
    /// Its commands: the first, and those with the text of the script.
    pub(super) commands: Vec<CommandId>,
    pub(super) asked_at: Instant,
    pub(super) ttl: Duration,
    pub(super) confirmed: NodeSet,
}

impl Tenure {
    pub(super) fn extension_of(&mut self, command: CommandId) -> Option<&mut Extension> {
        self.extensions.iter_mut().find(|extension| extension.commands.contains(&command))
    }

    /// Returns a deadline that is not beyond the longest hold.
    pub(super) fn capped(&self, deadline: Instant) -> Instant {
        self.ends_at.map_or(deadline, |ends_at| deadline.min(ends_at))
    }

    pub(super) fn check_longest_hold(&self, deadline: Instant) -> Checked {
        if self.capped(deadline) == deadline {
            return Ok(());
        }
        let what = format!("it is valid until {deadline:?}, and may be held until {:?}", self.ends_at);
        Err(Violation::new(Invariant::LongestHold, what))
    }

    /// Takes out an extension that has a result.
    pub(super) fn end(&mut self, operation: OperationId) -> Option<Extension> {
        let place = self.extensions.iter().position(|extension| extension.operation == Some(operation))?;
        Some(self.extensions.remove(place))
    }
}

impl Extension {
    pub(super) const fn new(operation: Option<OperationId>, ttl: Duration, now: Instant) -> Self {
        Self { operation, commands: Vec::new(), asked_at: now, ttl, confirmed: NodeSet::EMPTY }
    }
}
