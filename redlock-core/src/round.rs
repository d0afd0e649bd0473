use crate::command::CommandId;
use crate::rare_list::RareList;
use crate::votes::{Tally, Votes};
use crate::{Cause, Config, Instant, NodeId, NodeOutcomes, NodeSet, Outcome, Reply, Unavailable};

/// One question to all nodes, with what each has made of it and the moment from which silence counts as a refusal.
///
/// Votes are kept per node, so that no node can vote twice, and a reply counts only with the id of the command that
/// the node was last asked by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    id: CommandId,
    /// The nodes that were asked again, and by which command.
    asked_again: RareList<(NodeId, CommandId)>,
    /// The nodes whose answer to the last command to them would count: another one is no vote.
    unanswered: NodeSet,
    /// The nodes that were sent the script's text: they cannot ask for it again.
    has_source: NodeSet,
    votes: Votes,
    deadline: Instant,
}

/// The nodes that owe an answer to one command of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owed {
    pub(crate) id: CommandId,
    pub(crate) nodes: NodeSet,
}

impl Owed {
    pub(crate) const NOTHING: Self = Self { id: CommandId::NO_LOCK, nodes: NodeSet::EMPTY };
}

/// The meaning of a reply for a round.
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
        let mut votes = Votes::pending(nodes);
        for node in config.nodes().without(nodes).iter() {
            votes.record(node, Outcome::Unavailable(Unavailable::new(Cause::NotAsked)));
        }
        Self { id, asked_again: RareList::new(), unanswered: nodes, has_source: NodeSet::EMPTY, votes, deadline }
    }

    /// Takes a node's first reply, also one that comes after the deadline: it is more than silence.
    pub(crate) fn record(&mut self, id: CommandId, node: NodeId, reply: Reply) -> Recorded {
        if !self.expects(id, node) || !self.unanswered.contains(node) {
            return Recorded::Stray;
        }
        self.unanswered.remove(node);
        let is_unknown = matches!(reply, Reply::NotOurs | Reply::UnknownScript);
        if is_unknown && !self.has_source.contains(node) {
            return Recorded::WantsSource;
        }
        self.votes.record(node, Outcome::of(reply));
        Recorded::Vote
    }

    /// Puts another outcome in the place of what a node has said.
    pub(crate) fn revoke(&mut self, node: NodeId, outcome: Outcome) {
        self.votes.record(node, outcome);
    }

    /// Notes that nodes whose answer is not there were asked by the command `id` instead of the first one.
    pub(crate) fn asked_by(&mut self, nodes: NodeSet, id: CommandId, deadline: Instant) {
        self.asked_again(nodes, id, false);
        self.deadline = deadline;
    }

    /// Notes that the nodes were asked again by the command `id`.
    pub(crate) fn asked_again(&mut self, nodes: NodeSet, id: CommandId, has_source: bool) {
        self.asked_again.retain(|(node, _)| !nodes.contains(*node));
        for node in nodes.iter() {
            self.asked_again.push((node, id));
            self.unanswered.insert(node);
            if has_source {
                self.has_source.insert(node);
            } else {
                self.has_source.remove(node);
            }
        }
        self.asked_again.sort_unstable_by_key(|(node, _)| *node);
    }

    /// Returns whether a reply with this id would count.
    pub(crate) fn expects(&self, id: CommandId, node: NodeId) -> bool {
        self.asked_last_by(node) == id
    }

    fn asked_last_by(&self, node: NodeId) -> CommandId {
        let again = self.asked_again.iter().find(|(asked, _)| *asked == node);
        again.map_or(self.id, |(_, id)| *id)
    }

    /// Counts silence as a refusal from the deadline on.
    pub(crate) fn expire(&mut self, now: Instant) {
        if now >= self.deadline {
            self.votes.expire();
        }
    }

    /// Returns whether no reply would count any more.
    pub(crate) const fn is_answered(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Returns the first node that owes an answer, with all others that owe one to the same command, unless they have answered
    /// another one.
    pub(crate) fn owed(&self) -> Owed {
        let nodes = self.unanswered.without(self.has_source);
        let first = nodes.iter().next().map(|node| self.asked_last_by(node));
        first.map_or(Owed::NOTHING, |id| Owed {
            id,
            nodes: nodes.iter().filter(|node| self.expects(id, *node)).collect(),
        })
    }

    /// Returns the moment from which silence counts as a refusal.
    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns the moment at which [`Self::expire`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.votes.is_pending().then_some(self.deadline)
    }

    /// Returns whether so many nodes refuse for reasons that waiting cannot cure that no quorum is left.
    pub(crate) fn is_hopeless(&self, config: &Config) -> bool {
        config.votes().is_blocked_by(self.votes.permanently_unavailable())
    }

    pub(crate) const fn tally(&self) -> Tally {
        self.votes.tally()
    }

    /// Returns whether the outcome of one of these nodes is not known, and it is in time.
    pub(crate) const fn awaits(&self, nodes: NodeSet) -> bool {
        self.votes.awaits(nodes)
    }

    /// Returns the nodes that have carried the command out.
    pub(crate) const fn done(&self) -> NodeSet {
        self.votes.done()
    }

    /// Returns the nodes that keep a key for somebody else.
    pub(crate) const fn refused(&self) -> NodeSet {
        self.votes.refused()
    }

    /// Returns the nodes that lacked the keys.
    pub(crate) const fn gone(&self) -> NodeSet {
        self.votes.gone()
    }

    /// Returns the nodes that certainly never carried the command out. One that asked for the script's text was sent the
    /// command: before it was started again it may have carried it out, if whoever sends tries again by itself.
    pub(crate) fn untouched(&self) -> NodeSet {
        self.votes.untouched().without(self.has_source)
    }

    pub(crate) fn report(&self, config: &Config) -> NodeOutcomes {
        NodeOutcomes { config: config.clone(), votes: self.votes.clone() }
    }
}
