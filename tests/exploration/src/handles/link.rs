use std::collections::VecDeque;

use redlock_core::{Command, Heard, NodeId, Reply};

use crate::scenario::node_id;

/// What is under way between a handle and a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) commands: VecDeque<Command>,
    pub(super) replies: VecDeque<Reply>,
    /// What the handle is going to hear of its subscription.
    pub(super) heard: VecDeque<Heard>,
    pub(super) is_subscribing: bool,
    /// The handle cannot know that it was called up, or the node not that it leaves.
    pub(super) has_lost_call_up: bool,
}

impl Link {
    pub(super) fn is_quiet(&self) -> bool {
        self.commands.is_empty() && self.replies.is_empty() && self.heard.is_empty() && !self.is_subscribing
    }

    pub(super) fn hears_call_up(&self) -> bool {
        matches!(self.heard.front(), Some(Heard::CalledUp(_)))
    }
}

/// Between which handle and which node something is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) handle: usize,
    pub(super) node: usize,
}

impl Way {
    pub(super) fn node_id(self) -> NodeId {
        node_id(self.node)
    }
}
