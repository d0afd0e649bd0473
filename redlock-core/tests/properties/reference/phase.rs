use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use redlock_core::{CommandId, Instant, NodeId, NodeSet, Outcome};

use super::Reference;
use super::round::Round;
use super::undo::Undo;
use crate::news::Lost;

#[derive(Clone, Debug)]
pub(crate) enum Phase {
    Acquiring(Attempt),
    /// The next attempt begins at some moment up to the latest.
    Waiting {
        latest: Instant,
    },
    Won(Attempt),
    Held(Held),
    Lost {
        at: Instant,
        loss: Lost,
        undo: Undo,
    },
    Releasing {
        undo: Undo,
        is_reported: bool,
    },
    Over,
}

#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) round: Round,
    pub(crate) deadline: Instant,
}

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) deadline: Instant,
    pub(crate) longest_ttl: Duration,
    /// The extensions without a verdict, in the order in which they were begun.
    pub(crate) extensions: Vec<Extension>,
    /// The last one that had a verdict.
    pub(crate) last: Option<Extension>,
    /// The attempt that was won. Nobody listens to it any more when an extension has had a verdict.
    pub(crate) attempt: Round,
    /// The nodes that may have the key, as is known when the first extension begins, and those that were given it since.
    pub(crate) touched: NodeSet,
    /// What each node said last of the key.
    pub(crate) keys: BTreeMap<NodeId, Outcome>,
    /// The command by which a node is being given the key anew.
    pub(crate) plants: BTreeMap<NodeId, CommandId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Extension {
    /// How many were begun before it.
    pub(crate) number: usize,
    pub(crate) round: Round,
    pub(crate) ttl: Duration,
    /// The deadline of the lock if it is confirmed and not before the old one.
    pub(crate) deadline: Instant,
    /// The deadline of the lock when it began.
    pub(crate) send_by: Instant,
    /// The nodes that have confirmed one that was begun later.
    pub(crate) recovered: BTreeSet<NodeId>,
}

/// # What one can see of a lock
impl Reference {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Won(attempt) => Some(attempt.deadline),
            Phase::Held(held) => Some(held.deadline),
            Phase::Lost { at, .. } => Some(*at),
            _ => None,
        }
    }

    pub(crate) fn is_held(&self, now: Instant) -> bool {
        matches!(&self.phase, Phase::Held(held) if now.max(self.now) < held.deadline)
    }

    pub(crate) fn held_on(&self) -> NodeSet {
        let Phase::Held(held) = &self.phase else { return NodeSet::EMPTY };
        held.keys.iter().filter(|(_, outcome)| **outcome == Outcome::Done).map(|(&node, _)| node).collect()
    }

    pub(crate) fn is_acquiring(&self) -> bool {
        matches!(self.phase, Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won(_))
    }

    pub(crate) fn loss(&self) -> Option<Lost> {
        match &self.phase {
            Phase::Lost { loss, .. } => Some(loss.clone()),
            _ => None,
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        let phase = match &self.phase {
            Phase::Lost { undo, .. } => undo.is_quiet(self.now),
            Phase::Releasing { undo, is_reported } => *is_reported && undo.is_quiet(self.now),
            _ => true,
        };
        phase && self.undos.iter().all(|undo| undo.is_quiet(self.now))
    }

    pub(crate) fn is_settled(&self) -> bool {
        let phase = match &self.phase {
            Phase::Over => true,
            Phase::Releasing { undo, is_reported } => *is_reported && undo.is_settled(),
            _ => false,
        };
        phase && self.undos.is_empty()
    }

    /// Until when the next attempt must have begun, if the lock waits for it.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { latest } => Some(latest),
            _ => None,
        }
    }

    /// The next timer, but for the one of a random wait.
    pub(crate) fn timer(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Acquiring(attempt) => Some(attempt.round.ends_at),
            Phase::Won(attempt) => Some(attempt.deadline),
            Phase::Held(held) => Some(held.timer()),
            Phase::Lost { undo, .. } | Phase::Releasing { undo, .. } => undo.timer(self.now),
            Phase::Waiting { .. } | Phase::Over => None,
        };
        self.undos.iter().filter_map(|undo| undo.timer(self.now)).chain(phase).min()
    }
}

impl Held {
    pub(crate) fn new(attempt: &Attempt, longest_ttl: Duration) -> Self {
        let (deadline, attempt) = (attempt.deadline, attempt.round.clone());
        let mut held = Self {
            deadline,
            longest_ttl,
            extensions: Vec::new(),
            last: None,
            touched: attempt.touched(),
            attempt,
            keys: BTreeMap::new(),
            plants: BTreeMap::new(),
        };
        let said = held.attempt.outcomes();
        for (node, outcome) in held.attempt.nodes().zip(&said) {
            if *outcome == Outcome::Done {
                held.keys.insert(node, Outcome::Done);
            }
        }
        held
    }

    /// Notes what a node has said of the key, if it has.
    pub(crate) fn note_key(&mut self, node: NodeId, outcome: &Outcome) {
        if matches!(outcome, Outcome::Done | Outcome::HeldByOther(_) | Outcome::Missing) {
            self.keys.insert(node, outcome.clone());
        }
    }

    /// A node that has confirmed an extension has recovered from what it lacked at earlier ones.
    pub(crate) fn note_recovered(&mut self, node: NodeId, confirmed: usize) {
        for earlier in self.heard_mut().filter(|extension| extension.number < confirmed) {
            earlier.recovered.insert(node);
        }
    }

    fn timer(&self) -> Instant {
        let open = self.extensions.iter().filter(|extension| extension.round.is_open());
        open.map(|extension| extension.round.ends_at).min().map_or(self.deadline, |ends_at| ends_at.min(self.deadline))
    }

    /// Those whose replies count: the ones without a verdict, and the last one that had it.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Extension> {
        self.extensions.iter().chain(&self.last)
    }

    pub(crate) fn heard_mut(&mut self) -> impl Iterator<Item = &mut Extension> {
        self.extensions.iter_mut().chain(&mut self.last)
    }
}
