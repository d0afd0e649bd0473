use crate::rare_list::RareList;
use crate::{Cause, Hold, NodeId, NodeSet, Outcome, Unavailable};

/// The outcome of a command on each node: a set of nodes for every outcome, so that counting them costs an instruction
/// and remembering them costs no memory, however many nodes there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Votes {
    pending: NodeSet,
    done: NodeSet,
    held_by_other: NodeSet,
    missing: NodeSet,
    unavailable: NodeSet,
    /// What nodes have said, in ascending order of the nodes. Empty as long as all goes well.
    said: RareList<(NodeId, Said)>,
}

/// What a node has said beside its vote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Said {
    HeldByOther(Hold),
    Unavailable(Unavailable),
}

impl Votes {
    /// Creates votes in which none of these nodes has a say yet.
    pub(crate) const fn pending(nodes: NodeSet) -> Self {
        Self {
            pending: nodes,
            done: NodeSet::EMPTY,
            held_by_other: NodeSet::EMPTY,
            missing: NodeSet::EMPTY,
            unavailable: NodeSet::EMPTY,
            said: RareList::new(),
        }
    }

    /// Notes what became of the command on one node, whatever was noted before.
    pub(crate) fn record(&mut self, node: NodeId, outcome: Outcome) {
        let Self { pending, done, held_by_other, missing, unavailable, said } = self;
        for nodes in [pending, done, held_by_other, missing, unavailable] {
            nodes.remove(node);
        }
        said.retain(|(known, _)| *known != node);
        match outcome {
            Outcome::Pending => self.pending.insert(node),
            Outcome::Done => self.done.insert(node),
            Outcome::HeldByOther(hold) => {
                self.held_by_other.insert(node);
                if hold != Hold::UNKNOWN {
                    self.note(node, Said::HeldByOther(hold));
                }
            }
            Outcome::Missing => self.missing.insert(node),
            Outcome::Unavailable(unavailable) => {
                self.unavailable.insert(node);
                self.note(node, Said::Unavailable(unavailable));
            }
        }
    }

    fn note(&mut self, node: NodeId, said: Said) {
        let place = self.said.partition_point(|(known, _)| *known < node);
        self.said.insert(place, (node, said));
    }

    /// Counts silence as a refusal from now on.
    pub(crate) fn expire(&mut self) {
        for node in self.pending.iter() {
            self.record(node, Outcome::Unavailable(Unavailable::new(Cause::NoAnswer)));
        }
    }

    /// Returns the outcome of the command on one node.
    pub(crate) fn outcome(&self, node: NodeId) -> Outcome {
        let said = self.said.iter().find(|(known, _)| *known == node).map(|(_, said)| said);
        match said {
            Some(Said::HeldByOther(hold)) => Outcome::HeldByOther(hold.clone()),
            Some(Said::Unavailable(unavailable)) => Outcome::Unavailable(unavailable.clone()),
            None if self.done.contains(node) => Outcome::Done,
            None if self.held_by_other.contains(node) => Outcome::HeldByOther(Hold::UNKNOWN),
            None if self.missing.contains(node) => Outcome::Missing,
            None => Outcome::Pending,
        }
    }

    /// Returns the nodes that did what they were asked to do.
    pub(crate) const fn done(&self) -> NodeSet {
        self.done
    }

    /// Returns the nodes that keep a key for somebody else.
    pub(crate) const fn refused(&self) -> NodeSet {
        self.held_by_other
    }

    /// Returns the nodes that certainly do not have the key with our token.
    pub(crate) const fn gone(&self) -> NodeSet {
        self.missing.union(self.held_by_other)
    }

    pub(crate) const fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns whether one of these nodes has no say yet.
    pub(crate) const fn awaits(&self, nodes: NodeSet) -> bool {
        self.pending.has_any_of(nodes)
    }

    /// Returns the nodes that certainly never carried the command out.
    pub(crate) fn untouched(&self) -> NodeSet {
        let untouched = self.reasons().filter(|(_, unavailable)| unavailable.proves_untouched());
        untouched.map(|(node, _)| node).collect()
    }

    /// Counts the nodes that refuse for a reason that waiting cannot cure.
    pub(crate) fn permanently_unavailable(&self) -> usize {
        self.reasons().filter(|(_, unavailable)| unavailable.cause().is_permanent()).count()
    }

    fn reasons(&self) -> impl Iterator<Item = (NodeId, &Unavailable)> {
        self.said.iter().filter_map(|(node, said)| match said {
            Said::Unavailable(unavailable) => Some((*node, unavailable)),
            Said::HeldByOther(_) => None,
        })
    }

    pub(crate) const fn tally(&self) -> Tally {
        Tally {
            pending: self.pending.len(),
            done: self.done.len(),
            held_by_other: self.held_by_other.len(),
            missing: self.missing.len(),
            unavailable: self.unavailable.len(),
        }
    }
}

/// The number of nodes with each outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) pending: usize,
    pub(crate) done: usize,
    pub(crate) held_by_other: usize,
    pub(crate) missing: usize,
    pub(crate) unavailable: usize,
}

impl Tally {
    /// Returns the nodes that certainly do not have the key with our token.
    pub(crate) const fn gone(self) -> usize {
        self.missing.saturating_add(self.held_by_other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_the_outcome_that_was_noted_last() {
        let all = NodeSet::first(3);
        let mut votes = Votes::pending(all);
        let refused = || Outcome::Unavailable(Unavailable::new(Cause::Refused));
        let hold = Hold { resource: Some("job".into()), ..Hold::UNKNOWN };
        let outcomes =
            [Outcome::Done, refused(), Outcome::Missing, refused(), Outcome::HeldByOther(hold), Outcome::Pending];
        for outcome in outcomes {
            for node in all.iter() {
                votes.record(node, outcome.clone());
            }
            assert!(all.iter().all(|node| votes.outcome(node) == outcome), "{votes:?}");
            let Tally { pending, done, held_by_other, missing, unavailable } = votes.tally();
            assert_eq!(pending + done + held_by_other + missing + unavailable, 3, "every node has one outcome");
        }
        votes.expire();
        assert_eq!(votes.tally().unavailable, 3);
        assert!(votes.untouched().is_empty(), "a silent node may have carried the command out");
    }
}
