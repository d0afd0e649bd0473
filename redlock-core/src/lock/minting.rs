use alloc::sync::Arc;

use smallvec::SmallVec;

use crate::command::Action;
use crate::fence::{Fence, Fences, Fencing};
use crate::output::Output;
use crate::{CommandId, Instant, NodeId, NodeSet, Outcome, Reply, Request, Token, Ttl};

/// The fences of an attempt: what the nodes have minted, and that a quorum of them keeps the largest.
///
/// The fences are fixed by the first quorum of grants: for each resource the largest that was granted. A node is committed
/// when its counters say the same. With a quorum committed, nobody will be granted as much again: two committed quorums
/// share a node, and there one of the two was granted its fence after the other was committed. So the lock is won by a
/// quorum of committed nodes, not of grants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Minting {
    /// What the nodes are asked to do.
    mint: Arc<Fencing>,
    /// Grants that were not looked at.
    granted: SmallVec<[(NodeId, Fences); 3]>,
    /// The nodes that have set the key, whatever they have said since.
    holders: NodeSet,
    fixed: Option<Fences>,
    committed: NodeSet,
    /// The nodes that have granted more than what is fixed. They cannot be committed: whoever was granted less there may be
    /// committed still.
    ahead: NodeSet,
    /// The nodes that are asked to raise their counters.
    raising: SmallVec<[Raising; 3]>,
    /// From then on those that have not answered do not count.
    ends_at: Option<Instant>,
    /// Fewer than a quorum kept the fences when they were fixed.
    is_second_round: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Raising {
    node: NodeId,
    id: CommandId,
    has_source: bool,
}

impl Minting {
    /// Begins with what is proposed to the nodes.
    pub(super) fn begin(proposal: Fence, retention: Ttl) -> Self {
        Self {
            mint: Fencing::mint(proposal, retention),
            granted: SmallVec::new(),
            holders: NodeSet::EMPTY,
            fixed: None,
            committed: NodeSet::EMPTY,
            ahead: NodeSet::EMPTY,
            raising: SmallVec::new(),
            ends_at: None,
            is_second_round: false,
        }
    }

    /// Returns what the nodes are asked to do.
    pub(super) fn mint(&self) -> Arc<Fencing> {
        self.mint.clone()
    }

    /// Returns the fences, once they are fixed.
    pub(super) const fn fences(&self) -> Option<&Fences> {
        self.fixed.as_ref()
    }

    /// Returns whether fewer than a quorum kept the fences when they were fixed, so that nodes had to be asked again.
    pub(super) const fn is_second_round(&self) -> bool {
        self.is_second_round
    }

    pub(super) const fn committed(&self) -> NodeSet {
        self.committed
    }

    /// Returns the nodes that have set the key, also those that could not be asked to raise their counters.
    pub(super) const fn holders(&self) -> NodeSet {
        self.holders
    }

    /// Returns the nodes that have granted, and cannot be committed.
    pub(super) const fn ahead(&self) -> NodeSet {
        self.ahead
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ends_at.filter(|_| !self.raising.is_empty())
    }

    /// Notes what a node has granted.
    pub(super) fn grant(&mut self, node: NodeId, fences: Fences) {
        self.holders.insert(node);
        self.granted.push((node, fences));
    }

    /// Fixes the fences when a quorum has granted, and has the counters raised of those that have granted less.
    pub(super) fn advance(
        &mut self,
        quorum: usize,
        request: &Request,
        token: Token,
        ends_at: Instant,
        output: &mut Output,
    ) {
        let is_first = self.fixed.is_none();
        if is_first && self.granted.len() >= quorum {
            let largest = self.granted.iter().map(|(_, fences)| fences.clone());
            self.fixed = largest.reduce(|one, other| one.max(&other));
            self.ends_at = Some(ends_at);
        }
        let Some(fixed) = &self.fixed else { return };
        let mut below = NodeSet::EMPTY;
        for (node, fences) in self.granted.drain(..) {
            if fences == *fixed {
                self.committed.insert(node);
            } else if fences.is_within(fixed) {
                below.insert(node);
            } else {
                self.ahead.insert(node);
            }
        }
        self.is_second_round |= is_first && self.committed.len() < quorum;
        if !below.is_empty() {
            let (action, send_by) =
                (raise(request, token, fixed, self.mint.retention()), self.ends_at.unwrap_or(ends_at));
            let id = output.send(below, action, send_by);
            self.raising.extend(below.iter().map(|node| Raising { node, id, has_source: false }));
        }
    }

    /// Returns whether no node is asked to raise its counters.
    pub(super) fn is_answered(&self) -> bool {
        self.raising.is_empty()
    }

    /// Returns whether a reply with this id is one to a node's being asked to raise its counters.
    pub(super) fn expects(&self, id: CommandId, node: NodeId) -> bool {
        self.raising.iter().any(|raising| raising.id == id && raising.node == node)
    }

    /// Takes such a reply. The node is committed, or has the outcome that is returned instead of its grant.
    pub(super) fn handle_reply(
        &mut self,
        request: &Request,
        token: Token,
        node: NodeId,
        reply: Reply,
        output: &mut Output,
    ) -> Option<Outcome> {
        let place = self.raising.iter().position(|raising| raising.node == node)?;
        if reply == Reply::UnknownScript
            && let Some(raising) = self.raising.get_mut(place).filter(|raising| !raising.has_source)
            && let (Some(fixed), Some(ends_at)) = (&self.fixed, self.ends_at)
        {
            raising.has_source = true;
            let only = NodeSet::from_iter([node]);
            raising.id = output.send_source(only, raise(request, token, fixed, self.mint.retention()), ends_at);
            return None;
        }
        self.raising.swap_remove(place);
        match Outcome::of(reply) {
            Outcome::Done => {
                self.committed.insert(node);
                None
            }
            other => Some(other),
        }
    }

    /// Returns the nodes whose time to raise their counters is over.
    pub(super) fn expire(&mut self, now: Instant) -> NodeSet {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return NodeSet::EMPTY;
        }
        self.raising.drain(..).map(|raising| raising.node).collect()
    }
}

fn raise(request: &Request, token: Token, fences: &Fences, retention: Ttl) -> Action {
    Action::raise(request.resources.clone(), token, Fencing::raise(fences.clone(), retention))
}
