use smallvec::SmallVec;

use crate::command::CommandId;
use crate::report::INLINE_NODES;
use crate::{Cause, Config, Instant, NodeId, NodeOutcomes, NodeSet, Outcome, Reply, Unavailable};

/// One question to all nodes, with what each has made of it and the moment from which silence counts as a refusal.
///
/// Votes are kept per node, so that no node can vote twice, and a reply counts only with the id of the command that
/// the node was last asked by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    ballots: SmallVec<[Ballot; INLINE_NODES]>,
    deadline: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ballot {
    id: CommandId,
    outcome: Outcome,
    /// The node was sent the script's text: it cannot ask for it again.
    has_source: bool,
    /// The node has answered this command, or was not sent it: another answer is no vote.
    has_answered: bool,
}

/// What a reply meant to a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It belongs to another command: no vote.
    Stray,
    /// The node's outcome is known now.
    Vote,
    /// The node wants to be sent the script's text.
    WantsSource,
}

impl Round {
    /// Opens a round with the command `id` under way to `nodes`; the others count as never asked.
    pub(crate) fn open(config: &Config, nodes: NodeSet, id: CommandId, deadline: Instant) -> Self {
        let ballot = |node| {
            let outcome = if nodes.contains(node) {
                Outcome::Pending
            } else {
                Outcome::Unavailable(Unavailable::new(Cause::NotSent))
            };
            Ballot { id, outcome, has_source: false, has_answered: !nodes.contains(node) }
        };
        Self { ballots: config.nodes().iter().map(ballot).collect(), deadline }
    }

    /// Takes a node's first reply, also one that comes after the deadline: it is more than silence.
    pub(crate) fn record(&mut self, id: CommandId, node: NodeId, reply: Reply) -> Recorded {
        let ballot = self.ballots.get_mut(node.index());
        let Some(ballot) = ballot.filter(|ballot| ballot.id == id && !ballot.has_answered) else {
            return Recorded::Stray;
        };
        ballot.has_answered = true;
        ballot.outcome = match reply {
            Reply::Done => Outcome::Done,
            Reply::HeldByOther => Outcome::HeldByOther,
            Reply::Missing => Outcome::Missing,
            Reply::Unavailable(unavailable) => Outcome::Unavailable(unavailable),
            Reply::UnknownScript if !ballot.has_source => return Recorded::WantsSource,
            Reply::UnknownScript => Outcome::Unavailable(Unavailable::new(Cause::Unexpected)),
        };
        Recorded::Vote
    }

    /// Notes that the nodes were asked anew by the command `id`.
    pub(crate) fn asked_again(&mut self, nodes: NodeSet, id: CommandId, has_source: bool) {
        for node in nodes.iter() {
            if let Some(ballot) = self.ballots.get_mut(node.index()) {
                ballot.id = id;
                ballot.has_source = has_source;
                ballot.has_answered = false;
            }
        }
    }

    /// Whether a reply with this id would count.
    pub(crate) fn expects(&self, id: CommandId, node: NodeId) -> bool {
        self.ballots.get(node.index()).is_some_and(|ballot| ballot.id == id)
    }

    /// From the deadline on, silence is a refusal.
    pub(crate) fn expire(&mut self, now: Instant) {
        if now >= self.deadline {
            for ballot in &mut self.ballots {
                if ballot.outcome == Outcome::Pending {
                    ballot.outcome = Outcome::NO_ANSWER;
                }
            }
        }
    }

    /// When [`Self::expire`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.is_pending().then_some(self.deadline)
    }

    /// Whether a node that is still in time has not answered.
    pub(crate) fn is_pending(&self) -> bool {
        self.ballots.iter().any(|ballot| ballot.outcome == Outcome::Pending)
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for ballot in &self.ballots {
            let votes = match ballot.outcome {
                Outcome::Pending => &mut tally.pending,
                Outcome::Done => &mut tally.done,
                Outcome::HeldByOther => &mut tally.held_by_other,
                Outcome::Missing => &mut tally.missing,
                Outcome::Unavailable(_) => &mut tally.unavailable,
            };
            *votes = votes.saturating_add(1);
        }
        tally
    }

    /// The nodes that may have carried the command out.
    pub(crate) fn touched(&self, config: &Config) -> NodeSet {
        let nodes = config.nodes().iter().zip(&self.ballots);
        nodes.filter(|(_, ballot)| !ballot.outcome.proves_untouched()).map(|(node, _)| node).collect()
    }

    pub(crate) fn report(&self, config: &Config) -> NodeOutcomes {
        let outcomes = self.ballots.iter().map(|ballot| ballot.outcome.clone()).collect();
        NodeOutcomes { config: config.clone(), outcomes }
    }
}

/// How many nodes have which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) pending: usize,
    pub(crate) done: usize,
    pub(crate) held_by_other: usize,
    pub(crate) missing: usize,
    pub(crate) unavailable: usize,
}

impl Tally {
    /// The nodes that certainly do not have the key with our token.
    pub(crate) const fn gone(self) -> usize {
        self.missing.saturating_add(self.held_by_other)
    }
}
