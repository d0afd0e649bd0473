//! What the lock says to the nodes, and they to it.

use core::time::Duration;

use redlock_core::{Action, Command, Instant, NodeId, NodeSet, OperationId, Reply, ScriptForm, Token};

use super::attempt::Attempt;
use super::tenure::Extension;
use super::{Checked, Ledger};
use crate::invariant::{Invariant, Violation};
use crate::world::keeps_turn_after;

impl Ledger {
    /// Takes the beginning of an attempt.
    pub(crate) const fn begins_attempt(&mut self, now: Instant) {
        self.began_at = Some(now);
    }

    /// Takes the beginning of an extension.
    pub(crate) fn begins_extension(&mut self, operation: OperationId, ttl: Duration, now: Instant) {
        if let Some(tenure) = &mut self.tenure {
            tenure.extensions.push(Extension::new(Some(operation), ttl, now));
        }
    }

    /// Takes the beginning of an adoption.
    pub(crate) fn begins_adoption(&mut self, token: Token, ttl: Duration, now: Instant) {
        self.adopts = Some(token);
        self.attempts.push(Attempt::new(token, ttl, now));
    }

    /// Takes a command when the lock gives it out, to be sent when there is a connection.
    pub(crate) fn gives_out(&mut self, command: &Command, is_lost: bool, now: Instant) -> Checked {
        match &command.action {
            Action::Acquire { token, ttl, .. } | Action::AcquireInTurn { token, ttl, .. } => {
                self.asks(command, *token, ttl.get(), now)
            }
            Action::Extend { ttl, .. } => self.extends(command, ttl.get(), now),
            Action::Release { token, .. } => self.releases(*token, command.nodes, is_lost, now),
            _ => Ok(()),
        }
    }

    /// Takes a command when it is sent to a node.
    pub(crate) fn sends(&mut self, command: &Command, node: NodeId) -> Checked {
        let token = *command.action.token().expect("it is of a lock");
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == token) else { return Ok(()) };
        match &command.action {
            Action::Acquire { .. } | Action::AcquireInTurn { .. } if attempt.told.contains(node) => {
                return Err(Violation::new(Invariant::NothingAfterRelease, "a SET is sent after the release"));
            }
            Action::Acquire { .. } | Action::AcquireInTurn { .. } => {
                attempt.is_sent(command, node);
            }
            Action::Extend { .. } if attempt.told.contains(node) => {
                return Err(Violation::new(Invariant::NothingAfterRelease, "an extension is sent after the release"));
            }
            Action::Release { .. } => attempt.told.insert(node),
            _ => {}
        }
        Ok(())
    }

    /// Notes that nothing can be sent to a node at the moment.
    pub(crate) fn is_cut_off(&mut self, node: NodeId) {
        let has_asked = |attempt: &&mut Attempt| attempt.asked.union(attempt.granted).contains(node);
        for attempt in self.attempts.iter_mut().filter(has_asked) {
            attempt.cut_off.insert(node);
        }
    }

    fn asks(&mut self, command: &Command, token: Token, ttl: Duration, now: Instant) -> Checked {
        let is_last = self.attempts.last().is_some_and(|last| last.token == token);
        let is_in_turn = matches!(command.action, Action::AcquireInTurn { .. });
        let Some(earlier) = self.attempts.iter_mut().find(|attempt| attempt.token == token) else {
            self.check_released()?;
            let mut attempt = Attempt::new(token, ttl, self.began_at.unwrap_or(now));
            attempt.home = command.nodes.iter().next().filter(|_| is_in_turn);
            attempt.waits_for = command.action.queue().cloned();
            attempt.given_out = command.nodes;
            self.attempts.push(attempt);
            return Ok(());
        };
        if !earlier.released.is_empty() {
            return Err(Violation::new(Invariant::NothingAfterRelease, "a SET follows the release of its token"));
        }
        if is_last && self.tenure.is_none() && earlier.asks_others(command) {
            return earlier.check_home_first(command.nodes, &mut self.is_called_up);
        }
        // A lock that is held gives its keys to a node that has lost them; one that is not sends nothing but the text of
        // the script to a node that does not know it.
        let is_text_for_all_of =
            |nodes: NodeSet| command.form == ScriptForm::Source && command.nodes.without(nodes).is_empty();
        if !is_last || self.tenure.is_none() && !is_text_for_all_of(earlier.untouched()) {
            return Err(Violation::new(Invariant::FreshToken, "a second attempt uses the token of the first"));
        }
        Ok(())
    }

    fn extends(&mut self, command: &Command, ttl: Duration, now: Instant) -> Checked {
        if self.is_adopting() {
            return Ok(());
        }
        let Some(tenure) = self.tenure.as_mut().filter(|_| !self.is_leaving) else {
            return Err(Violation::new(Invariant::NothingAfterRelease, "a lock that is not held is extended"));
        };
        let is_text = command.form == ScriptForm::Source;
        if !is_text && !tenure.extensions.last().is_some_and(|extension| extension.commands.is_empty()) {
            // No user has asked for it.
            tenure.extensions.push(Extension::new(None, ttl, now));
        }
        let extension = match tenure.asked_for_text {
            Some(asked) if is_text => tenure.extension_of(asked),
            _ => tenure.extensions.last_mut().filter(|_| !is_text),
        };
        if let Some(extension) = extension {
            extension.commands.push(command.id);
        }
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ttl = attempt.ttl.max(ttl);
        }
        Ok(())
    }

    fn releases(&mut self, token: Token, nodes: NodeSet, is_lost: bool, now: Instant) -> Checked {
        let is_held = self.tenure.is_some() && self.token() == Some(token);
        if is_held && !self.is_leaving && !is_lost {
            return Err(Violation::new(Invariant::FailedExtensionChangesNothing, "a held lock is released by itself"));
        }
        if self.adopts == Some(token) && self.held_from.is_none() {
            return Err(Violation::new(Invariant::AdoptionChangesNothing, "what was not adopted is released"));
        }
        let attempt = self.attempt_of(token, now);
        attempt.released = attempt.released.union(nodes);
        attempt.released_at.get_or_insert(now);
        Ok(())
    }

    /// Returns the attempt with a token. One that was refused by all nodes was not seen before, and is over.
    fn attempt_of(&mut self, token: Token, now: Instant) -> &mut Attempt {
        let known = self.attempts.iter().position(|attempt| attempt.token == token);
        if known.is_none() {
            self.attempts.insert(0, Attempt::new(token, Duration::ZERO, now));
        }
        &mut self.attempts[known.unwrap_or(0)]
    }

    /// Takes a reply that the lock is given.
    pub(crate) fn is_answered(&mut self, command: &Command, node: NodeId, reply: &Reply) {
        let is_done = matches!(reply, Reply::Done | Reply::Granted(_) | Reply::CalledUp);
        match &command.action {
            Action::Acquire { token, .. } | Action::AcquireInTurn { token, .. } => {
                let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == *token) else { return };
                if is_done {
                    attempt.granted.insert(node);
                } else if proves_untouched(reply) || *reply == Reply::UnknownScript {
                    attempt.is_untouched_by(command, node);
                }
                if let Reply::HeldByOther(hold) = reply
                    && matches!(command.action, Action::AcquireInTurn { .. })
                {
                    attempt.refused.insert(node);
                    // The lock does not wait for an answer that comes when the home is told to release.
                    let is_there = hold.resource.as_ref().is_none_or(|held| attempt.waits_for.as_ref() == Some(held));
                    attempt.has_place = hold.place.is_some() && is_there && !attempt.released.contains(node);
                    if keeps_turn_after(&command.action, reply) {
                        self.kept_turns.extend(command.action.queue().map(|resource| (node, resource.clone())));
                    }
                }
            }
            Action::Extend { .. } if self.is_adopting() => {
                if let Some(attempt) = self.attempts.last_mut().filter(|_| is_done) {
                    attempt.granted.insert(node);
                }
            }
            Action::Extend { .. } => {
                let Some(tenure) = &mut self.tenure else { return };
                if *reply == Reply::UnknownScript {
                    tenure.asked_for_text = Some(command.id);
                } else if let Some(extension) = tenure.extension_of(command.id).filter(|_| is_done) {
                    extension.confirmed.insert(node);
                }
            }
            Action::Release { token, keep, .. }
                if is_done || matches!(reply, Reply::HeldByOther(_) | Reply::Missing) =>
            {
                if keep.is_some() && is_done {
                    self.kept_by.insert(node);
                }
                if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == *token) {
                    attempt.cleared.insert(node);
                }
            }
            _ => {}
        }
    }

    /// Whether the node calls it up may not be heard any more.
    pub(crate) fn place_is_lost(&mut self, node: NodeId) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.home == Some(node)) {
            attempt.is_deaf = true;
        }
    }

    /// The client hears that it is called up.
    pub(crate) const fn hears_call_up(&mut self) {
        self.is_called_up = true;
    }

    /// Notes that a grant of a node must not count: it does not know what it had granted before.
    pub(crate) fn grant_is_void(&mut self, token: Token, node: NodeId) {
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.token == token) {
            attempt.void.insert(node);
        }
    }

    /// Every node that has or may have a token is told to release it.
    pub(super) fn check_released(&self) -> Checked {
        for attempt in self.attempts.iter().filter(|attempt| self.left != Some(attempt.token)) {
            let excused = [attempt.released, attempt.untouched(), attempt.refused, attempt.cut_off];
            let is_excused = |node| excused.iter().any(|nodes| nodes.contains(node));
            let is_adopted = self.adopts.is_some() && self.held_from.is_some();
            let adopted = if is_adopted { attempt.granted } else { NodeSet::EMPTY };
            if let Some(node) = attempt.asked.union(adopted).iter().find(|&node| !is_excused(node)) {
                let what = format!("node {} was sent a SET and no release", node.index());
                return Err(Violation::new(Invariant::NothingLeftBehind, what));
            }
        }
        Ok(())
    }
}

fn proves_untouched(reply: &Reply) -> bool {
    matches!(reply, Reply::Unavailable(unavailable) if unavailable.proves_untouched())
}
