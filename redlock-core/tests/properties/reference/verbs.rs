//! What one can do with a lock, and what can happen to it.

use core::time::Duration;
use std::collections::BTreeSet;

use redlock_core::{
    Cause, CommandId, DEFAULT_MAX_TTL, Instant, NodeId, NodeSet, Outcome, Reply, ScriptForm, Unavailable,
};

use super::Reference;
use super::order::{Order, Word};
use super::phase::{Extension, Held, Phase};
use super::round::{Heard, Round, is_untouched, outcome};
use crate::news::{Failure, Lost};

/// Why a lock is not extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Request,
    NotHeld,
    Lost(Lost),
}

impl Reference {
    /// Does what is due at `now`. A lock that waits for its next attempt goes on at a random moment: the real one says
    /// whether it has.
    pub(crate) fn wake(&mut self, now: Instant, has_gone_on: bool) {
        self.now = self.now.max(now);
        let (now, orders) = (self.now, &mut self.orders);
        self.undos.iter_mut().for_each(|undo| undo.wake(now, orders));
        self.undos.retain(|undo| !undo.is_settled());
        match &mut self.phase {
            Phase::Acquiring(attempt) => {
                attempt.round.close(now);
                self.judge_attempt();
            }
            Phase::Waiting { latest } if now >= *latest || has_gone_on => self.go_on(),
            Phase::Won(attempt) if now >= attempt.deadline => self.fail(Failure::Expired),
            Phase::Held(held) if now >= held.deadline => self.lose(Lost::Expired),
            Phase::Held(held) => {
                held.extensions.iter_mut().for_each(|extension| extension.round.close(now));
                self.judge_extensions();
            }
            Phase::Lost { undo, .. } => undo.wake(now, orders),
            Phase::Releasing { undo, .. } => {
                undo.wake(now, orders);
                self.judge_release();
            }
            Phase::Waiting { .. } | Phase::Won(_) | Phase::Over => {}
        }
    }

    pub(crate) fn hand_over(&mut self) -> bool {
        if let Phase::Won(attempt) = &self.phase {
            if self.now.saturating_add(self.setup.min_validity) < attempt.deadline {
                self.phase = Phase::Held(Held::new(attempt, self.setup.ttl));
            } else {
                self.fail(Failure::Expired);
            }
        }
        self.is_held(self.now)
    }

    /// Whether a TTL may be asked for: the first thing that an extension looks at.
    pub(crate) fn allows(&self, ttl: Duration) -> bool {
        ttl >= Duration::from_millis(1) && ttl <= DEFAULT_MAX_TTL && ttl > self.setup.drift(ttl)
    }

    pub(crate) fn extend(&mut self, ttl: Duration) -> Result<(), Refusal> {
        let (setup, now, nodes, attempt) = (self.setup, self.now, self.all(), self.attempts);
        match &mut self.phase {
            Phase::Held(held) => {
                let (number, send_by) = (self.extensions, held.deadline);
                let round = Round::new(setup.nodes, nodes, now.saturating_add(setup.node_timeout));
                let deadline = setup.deadline(now, ttl);
                let recovered = BTreeSet::new();
                held.extensions.push(Extension { number, round, ttl, deadline, send_by, recovered });
                (self.extensions, self.asker) = (number + 1, number);
                held.longest_ttl = held.longest_ttl.max(ttl);
                self.order(Word::Extend(ttl), attempt, nodes, send_by);
                Ok(())
            }
            Phase::Lost { loss, .. } => Err(Refusal::Lost(loss.clone())),
            _ => Err(Refusal::NotHeld),
        }
    }

    pub(crate) fn release(&mut self) {
        let (nodes, longest_ttl) = match &self.phase {
            Phase::Acquiring(attempt) | Phase::Won(attempt) => (attempt.round.touched(), self.setup.ttl),
            Phase::Held(held) => (held.touched, held.longest_ttl),
            Phase::Lost { undo, .. } => {
                self.phase = Phase::Releasing { undo: undo.clone(), is_reported: false };
                self.judge_release();
                return;
            }
            Phase::Waiting { .. } => {
                self.phase = Phase::Over;
                return;
            }
            Phase::Releasing { .. } | Phase::Over => return,
        };
        let undo = self.undo(nodes, longest_ttl);
        self.phase = Phase::Releasing { undo, is_reported: false };
        self.judge_release();
    }

    pub(crate) fn reply(&mut self, id: CommandId, node: NodeId, reply: &Reply) {
        let is_untouched = matches!(reply, Reply::Unavailable(why) if is_untouched(why.cause()));
        let last = match &mut self.phase {
            Phase::Lost { undo, .. } | Phase::Releasing { undo, .. } => Some(undo),
            _ => None,
        };
        self.undos.iter_mut().chain(last).for_each(|undo| undo.hear_late(id, node, is_untouched));
        self.undos.retain(|undo| !undo.is_settled());
        let (now, orders) = (self.now, &mut self.orders);
        if self.undos.iter_mut().any(|undo| undo.answer(id, node, reply, now, orders)) {
            self.undos.retain(|undo| !undo.is_settled());
            return;
        }
        match &mut self.phase {
            Phase::Acquiring(attempt) | Phase::Won(attempt) => {
                let unfitting = Reply::Unavailable(Unavailable::new(Cause::Unexpected));
                let is_fitting = !matches!(reply, Reply::Missing | Reply::UnknownScript);
                attempt.round.answer(id, node, if is_fitting { reply } else { &unfitting });
                self.judge_attempt();
            }
            Phase::Held(_) => {
                self.hear_of_keys(id, node, reply);
                self.judge_extensions();
            }
            Phase::Lost { undo, .. } => {
                undo.answer(id, node, reply, now, orders);
            }
            Phase::Releasing { undo, .. } => {
                undo.answer(id, node, reply, now, orders);
                self.judge_release();
            }
            Phase::Waiting { .. } | Phase::Over => {}
        }
    }

    fn hear_of_keys(&mut self, id: CommandId, node: NodeId, reply: &Reply) {
        let Phase::Held(held) = &mut self.phase else { return };
        if held.heard().any(|extension| extension.round.awaits(id, node)) {
            self.hear_extension(id, node, reply);
        } else if held.last.is_none() && held.attempt.awaits(id, node) {
            if held.attempt.answer(id, node, reply) == Heard::Outcome(Outcome::Done) {
                held.note_key(node, &Outcome::Done);
            }
            if held.extensions.is_empty() {
                held.touched = held.attempt.touched();
            }
        } else if held.plants.get(&node) == Some(&id) {
            held.plants.remove(&node);
            held.note_key(node, &outcome(reply));
        }
    }

    /// A node without the key is given it anew, which does not count; one without the script is sent its text.
    fn hear_extension(&mut self, id: CommandId, node: NodeId, reply: &Reply) {
        let Phase::Held(held) = &mut self.phase else { return };
        let Some(extension) = held.heard_mut().find(|extension| extension.round.awaits(id, node)) else { return };
        let (ttl, send_by) = (extension.ttl, extension.send_by);
        self.asker = extension.number;
        let heard = extension.round.answer(id, node, reply);
        if let Heard::Outcome(outcome) = &heard {
            held.note_key(node, outcome);
        }
        if heard == Heard::Outcome(Outcome::Done) {
            held.note_recovered(node, self.asker);
        }
        let was_given_since = held.plants.get(&node).is_some_and(|plant| *plant > id);
        let (word, form) = match heard {
            Heard::Outcome(Outcome::Missing) if !was_given_since => {
                held.touched.insert(node);
                (Word::Acquire(ttl), ScriptForm::Digest)
            }
            Heard::UnknownScript => (Word::Extend(ttl), ScriptForm::Source),
            Heard::Outcome(_) | Heard::Stray => return,
        };
        let nodes = NodeSet::from_iter([node]);
        self.orders.push(Order { word, attempt: self.attempts, nodes, form, send_by });
    }

    fn go_on(&mut self) {
        match self.last_failure.clone() {
            Some(failure) if self.now >= self.give_up_at => self.give_up(failure),
            _ => self.begin_attempt(),
        }
    }
}
