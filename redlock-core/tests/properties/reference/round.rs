use std::collections::{BTreeMap, BTreeSet};

use redlock_core::{
    Cause, Command, CommandId, Instant, NodeId, NodeSet, Outcome, ReleaseVerdict, Reply, ScriptForm, Unavailable,
};

use crate::news::Outcomes;

/// What the nodes make of a question. A node's say is its first reply to the last command that it was asked by.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    outcomes: BTreeMap<NodeId, Outcome>,
    unanswered: BTreeMap<NodeId, (CommandId, ScriptForm)>,
    pub(crate) ends_at: Instant,
}

/// What a reply is to a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Stray,
    Outcome(Outcome),
    UnknownScript,
}

/// What becomes of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extended {
    Confirmed,
    Unconfirmed,
    KeysGone,
}

impl Round {
    /// A question to some of the nodes.
    pub(crate) fn new(nodes: usize, asked: NodeSet, ends_at: Instant) -> Self {
        let never_asked = Outcome::Unavailable(Unavailable::new(Cause::NotAsked));
        let outcome = |node| if asked.contains(node) { Outcome::Pending } else { never_asked.clone() };
        let outcomes = NodeSet::first(nodes).iter().map(|node| (node, outcome(node))).collect();
        Self { outcomes, unanswered: BTreeMap::new(), ends_at }
    }

    pub(crate) fn ask(&mut self, command: &Command) {
        let question = (command.id, command.form);
        self.unanswered.extend(command.nodes.iter().map(|node| (node, question)));
    }

    /// Whether the node was last asked by this command and has not answered it.
    pub(crate) fn awaits(&self, id: CommandId, node: NodeId) -> bool {
        self.unanswered.get(&node).is_some_and(|(asked, _)| *asked == id)
    }

    pub(crate) fn answer(&mut self, id: CommandId, node: NodeId, reply: &Reply) -> Heard {
        let Some(&(_, form)) = self.unanswered.get(&node).filter(|(asked, _)| *asked == id) else {
            return Heard::Stray;
        };
        self.unanswered.remove(&node);
        if *reply == Reply::UnknownScript && form == ScriptForm::Digest {
            return Heard::UnknownScript;
        }
        let outcome = outcome(reply);
        self.outcomes.insert(node, outcome.clone());
        Heard::Outcome(outcome)
    }

    pub(crate) fn is_not_asked(&mut self, node: NodeId) {
        self.outcomes.insert(node, Outcome::Unavailable(Unavailable::new(Cause::NotAsked)));
    }

    /// From its end on, silence is an answer.
    pub(crate) fn close(&mut self, now: Instant) {
        for outcome in self.outcomes.values_mut() {
            if now >= self.ends_at && *outcome == Outcome::Pending {
                *outcome = Outcome::Unavailable(Unavailable::new(Cause::NoAnswer));
            }
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.outcomes.values().any(|outcome| *outcome == Outcome::Pending)
    }

    /// The nodes that may have done what they were asked to do.
    pub(crate) fn touched(&self) -> NodeSet {
        let is_touched = |outcome: &Outcome| match outcome {
            Outcome::Unavailable(unavailable) => !is_untouched(unavailable.cause()),
            _ => true,
        };
        self.outcomes.iter().filter(|(_, outcome)| is_touched(outcome)).map(|(&node, _)| node).collect()
    }

    /// The nodes that have answered nothing, and what they were asked by.
    pub(crate) fn owed(&self) -> BTreeMap<NodeId, CommandId> {
        let without_text = self.unanswered.iter().filter(|(_, (_, form))| *form == ScriptForm::Digest);
        without_text.map(|(node, (id, _))| (*node, *id)).collect()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.outcomes.keys().copied()
    }

    pub(crate) fn outcomes(&self) -> Outcomes {
        self.outcomes.values().cloned().collect()
    }
}

/// # Verdicts
impl Round {
    /// Whether a quorum grants.
    pub(crate) fn is_granted(&self) -> Option<bool> {
        self.votes().fixed(|votes| votes.done >= votes.quorum())
    }

    /// Whether the nodes that somebody has to set up anew are too many for a quorum.
    pub(crate) fn is_set_up_wrongly(&self) -> bool {
        let is_wrong = |outcome: &&Outcome| match outcome {
            Outcome::Unavailable(why) => {
                is_forbidden(why.cause()) || matches!(why.cause(), Cause::Cluster | Cause::NoDatabase)
            }
            _ => false,
        };
        let votes = self.votes();
        votes.nodes() - self.outcomes.values().filter(is_wrong).count() < votes.quorum()
    }

    /// Whether the nodes without a say are too many for a quorum, whatever the others say.
    pub(crate) fn is_short_of_nodes(&self) -> bool {
        let votes = self.votes();
        votes.nodes() - votes.unavailable < votes.quorum()
    }

    /// That nodes lacked the key which have `recovered` is no proof: they only did not confirm.
    pub(crate) fn extended(&self, recovered: &BTreeSet<NodeId>) -> Option<Extended> {
        let mut votes = Votes::default();
        for (node, outcome) in &self.outcomes {
            let lacked = matches!(outcome, Outcome::HeldByOther(_) | Outcome::Missing);
            let no_say = Outcome::Unavailable(Unavailable::new(Cause::NoAnswer));
            votes = votes.and(if lacked && recovered.contains(node) { &no_say } else { outcome });
        }
        votes.fixed(|votes| match votes {
            votes if votes.done >= votes.quorum() => Extended::Confirmed,
            votes if votes.nodes() - votes.gone() < votes.quorum() => Extended::KeysGone,
            _ => Extended::Unconfirmed,
        })
    }

    /// Whether the keys of others alone leave no quorum.
    pub(crate) fn is_taken_over(&self) -> bool {
        let votes = self.votes();
        votes.nodes() - votes.held_by_other < votes.quorum()
    }

    pub(crate) fn released(&self) -> Option<ReleaseVerdict> {
        self.votes().fixed(|votes| match votes {
            votes if votes.done >= votes.quorum() => ReleaseVerdict::Released,
            votes if votes.held_by_other >= votes.quorum() => ReleaseVerdict::TakenOver,
            votes if votes.nodes() - votes.gone() < votes.quorum() => ReleaseVerdict::AlreadyExpired,
            _ => ReleaseVerdict::Unconfirmed,
        })
    }

    fn votes(&self) -> Votes {
        self.outcomes.values().fold(Votes::default(), Votes::and)
    }
}

/// How many nodes say what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Votes {
    pending: usize,
    done: usize,
    held_by_other: usize,
    missing: usize,
    unavailable: usize,
}

impl Votes {
    fn and(mut self, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Pending => self.pending += 1,
            Outcome::Done => self.done += 1,
            Outcome::HeldByOther(_) => self.held_by_other += 1,
            Outcome::Missing => self.missing += 1,
            _ => self.unavailable += 1,
        }
        self
    }

    /// A verdict is fixed when the nodes that have not answered cannot change it, whatever they say.
    fn fixed<V: PartialEq>(self, verdict: impl Fn(&Self) -> V) -> Option<V> {
        let endings = self.endings();
        let mut verdicts = endings.iter().map(verdict);
        let first = verdicts.next()?;
        verdicts.all(|other| other == first).then_some(first)
    }

    /// All the ways in which the nodes that have not answered may answer.
    fn endings(self) -> BTreeSet<Self> {
        let undecided = BTreeSet::from([self]);
        (0..self.pending).fold(undecided, |votes, _| votes.into_iter().flat_map(Self::with_one_more).collect())
    }

    /// All the ways in which one node that has not answered may answer.
    fn with_one_more(mut self) -> [Self; 4] {
        self.pending -= 1;
        [
            Self { done: self.done + 1, ..self },
            Self { held_by_other: self.held_by_other + 1, ..self },
            Self { missing: self.missing + 1, ..self },
            Self { unavailable: self.unavailable + 1, ..self },
        ]
    }

    fn nodes(&self) -> usize {
        self.pending + self.done + self.gone() + self.unavailable
    }

    fn quorum(&self) -> usize {
        self.nodes() / 2 + 1
    }

    /// The nodes that say that they do not have the key.
    fn gone(&self) -> usize {
        self.held_by_other + self.missing
    }
}

pub(crate) fn outcome(reply: &Reply) -> Outcome {
    match reply {
        Reply::Done => Outcome::Done,
        Reply::HeldByOther(hold) => Outcome::HeldByOther(hold.clone()),
        Reply::Missing => Outcome::Missing,
        Reply::Unavailable(unavailable) => Outcome::Unavailable(unavailable.clone()),
        _ => Outcome::Unavailable(Unavailable::new(Cause::Unexpected)),
    }
}

/// Whether a node that says this has certainly not done what it was asked to do.
pub(crate) const fn is_untouched(cause: Cause) -> bool {
    matches!(cause, Cause::NotSent | Cause::NoDatabase) || is_forbidden(cause)
}

/// Whether the server does not let the client run the command.
const fn is_forbidden(cause: Cause) -> bool {
    matches!(cause, Cause::NotAuthenticated | Cause::NoPermission | Cause::CrossSlot | Cause::UnknownCommand)
}
