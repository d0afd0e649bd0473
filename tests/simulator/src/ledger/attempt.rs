use core::time::Duration;

use redlock_core::{Action, Command, CommandId, Instant, NodeId, NodeSet, Resource, Token};

use super::Checked;
use crate::invariant::{Invariant, Violation};

/// What became of one attempt's token.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) token: Token,
    /// When it began.
    pub(super) asked_at: Instant,
    /// The longest that a node was told.
    pub(super) ttl: Duration,
    /// The nodes that were sent a SET.
    pub(super) asked: NodeSet,
    pub(super) granted: NodeSet,
    /// Those of them whose grant must not count.
    pub(super) void: NodeSet,
    /// The SETs that were sent to nodes and may have been carried out.
    may_have_done: Vec<(NodeId, CommandId)>,
    /// The node that is asked in turn, if one is.
    pub(super) home: Option<NodeId>,
    /// The resource in whose queue it waits there.
    pub(super) waits_for: Option<Resource>,
    /// The nodes that it was given out for.
    pub(super) given_out: NodeSet,
    /// It was begun because the waiter was called up.
    pub(super) is_called_up: bool,
    /// The home has said that it keeps a place for the waiter.
    pub(super) has_place: bool,
    /// It may not be heard any more whether the waiter is called up.
    pub(super) is_deaf: bool,
    /// The home, where somebody else has the lock or the turn.
    pub(super) refused: NodeSet,
    /// The nodes that are to be told to release it.
    pub(super) released: NodeSet,
    /// Those of them that were sent that.
    pub(super) told: NodeSet,
    /// The nodes that were asked, and could not be sent anything later on: a release may have been refused unseen.
    pub(super) cut_off: NodeSet,
    /// When it was first released.
    pub(super) released_at: Option<Instant>,
    /// The nodes that have confirmed a release.
    pub(super) cleared: NodeSet,
}

impl Attempt {
    pub(super) const fn new(token: Token, ttl: Duration, asked_at: Instant) -> Self {
        let none = NodeSet::EMPTY;
        Self {
            token,
            asked_at,
            ttl,
            asked: none,
            granted: none,
            void: none,
            may_have_done: Vec::new(),
            home: None,
            waits_for: None,
            given_out: none,
            is_called_up: false,
            has_place: false,
            is_deaf: false,
            refused: none,
            released: none,
            told: none,
            cut_off: none,
            released_at: None,
            cleared: none,
        }
    }

    /// Notes that a node is sent a SET.
    pub(super) fn is_sent(&mut self, command: &Command, node: NodeId) {
        self.asked.insert(node);
        self.may_have_done.push((node, command.id));
    }

    /// Notes that a node has certainly not carried a SET out.
    pub(super) fn is_untouched_by(&mut self, command: &Command, node: NodeId) {
        self.may_have_done.retain(|sent| *sent != (node, command.id));
    }

    /// Returns the nodes that were sent it and certainly never had it.
    pub(super) fn untouched(&self) -> NodeSet {
        self.asked.without(self.may_have_done.iter().map(|(node, _)| *node).collect())
    }

    /// Returns whether a command asks nodes that were not asked, in an attempt that has begun with one node.
    pub(super) fn asks_others(&self, command: &Command) -> bool {
        let is_new = command.nodes.without(self.given_out) == command.nodes;
        self.home.is_some() && is_new && matches!(command.action, Action::Acquire { .. })
    }

    /// The others are asked when the home has granted; or together with it, after a call-up.
    pub(super) fn check_home_first(&mut self, others: NodeSet, is_called_up: &mut bool) -> Checked {
        let has_granted = self.home.is_some_and(|home| self.granted.contains(home));
        self.is_called_up = !has_granted;
        self.given_out = self.given_out.union(others);
        if has_granted || core::mem::take(is_called_up) {
            return Ok(());
        }
        Err(Violation::new(Invariant::HomeFirst, "others are asked before the home has granted"))
    }
}
