#[cfg(test)]
mod letters;
mod node;
mod quorum;
mod text;

use alloc::vec::Vec;
use core::fmt;

pub use self::node::{Holder, KeyStatus, NodeStatus};
pub use self::quorum::LockState;
use self::quorum::{Reports, judge, owner_of_quorum};
pub(crate) use self::text::Remaining;
use crate::{Config, NodeId, Owner, Resource, ValueDigest};

/// How a lock stands on the nodes, as an [inspection](crate::Locks::inspect) has found it.
///
/// It is a snapshot, and past when it is read: each node has answered at a moment of its own, and whoever holds, releases or
/// takes the lock goes on meanwhile. So it is for people, logs and metrics; whether *you* hold a lock only your guard can
/// tell, and whether you can have it only an acquisition.
///
/// Displayed as a sentence for a person: `held by host-7/billing on 3 of 5 nodes for another 8.2 s, 4 waiting`;
/// [`by_node`](Self::by_node) has a line for each node. No token and no digest of one is shown, or can be taken out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LockStatus {
    config: Config,
    resource: Resource,
    state: LockState,
    owner: Option<Owner>,
    /// One for each node, in the order of the configuration.
    nodes: Vec<NodeStatus>,
}

impl LockStatus {
    /// Judges what the nodes have said; `ours` are the digests of the tokens of this handle.
    pub(crate) fn new(config: &Config, resource: Resource, reports: &Reports, ours: &[ValueDigest]) -> Self {
        let state = judge(config.votes(), reports, ours);
        let owner = owner_of_quorum(config.votes(), reports).cloned();
        let nodes = reports.iter().map(|report| NodeStatus::new(report, ours)).collect();
        Self { config: config.clone(), resource, state, owner, nodes }
    }

    /// Returns the view of the quorum.
    #[must_use]
    pub const fn state(&self) -> LockState {
        self.state
    }

    /// Returns whether a quorum of nodes has no key.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.state == LockState::Free
    }

    /// Returns whether a quorum of nodes has a key with the same value, whosesoever it is.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self.state, LockState::Held { .. })
    }

    /// Returns the label of the holder, if a quorum of nodes has its key and it has a label: what it says of itself, for people.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Returns the number of handles that wait for the lock: the length of the longest queue on any node; `None` if no node
    /// has said it. Those of one handle count once, and those who try now and then do not count.
    #[must_use]
    pub fn waiting(&self) -> Option<u32> {
        self.nodes.iter().filter_map(|node| node.waiting).max()
    }

    /// Returns what was inspected, as it is named on the nodes.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns the nodes with their names, in the order of the configuration.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &str, &NodeStatus)> {
        self.config.nodes().iter().zip(&self.nodes).map(|(node, status)| (node, self.config.name(node), status))
    }
}

impl fmt::Debug for LockStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("LockStatus");
        fields.field("resource", &self.resource).field("state", &self.state).field("owner", &self.owner);
        self.nodes().fold(&mut fields, |fields, (_, name, status)| fields.field(name, status)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::letters::{OURS, report};
    use super::*;

    #[test]
    fn the_label_is_that_of_the_key_that_a_quorum_has() {
        let config = Config::builder(["node-0", "node-1", "node-2"]).build().unwrap();
        let status = |letters: &str, labels: [&str; 3]| {
            let labelled = |(letter, label): (char, &str)| {
                report(letter, Some(8_299), Some(4)).map(|report| report.owned_by(Owner::new(label).ok()))
            };
            let reports: Vec<_> = letters.chars().zip(labels).map(labelled).collect();
            LockStatus::new(&config, "job".into(), &reports, &[ValueDigest::of(OURS)])
        };
        let owner = |letters, labels| status(letters, labels).owner().map(ToString::to_string);
        assert_eq!(owner("baa", ["other", "host-7", "host-7"]).as_deref(), Some("host-7"));
        assert_eq!(owner("aab", ["", "host-7", "other"]).as_deref(), Some("host-7"), "one node has lost it");
        assert_eq!(owner("abf", ["host-7", "other", ""]), None, "nobody holds it");
        assert_eq!(owner("aab", ["", "", "other"]), None);
        let text = status("aab", ["host-7", "host-7", ""]).to_string();
        assert_eq!(text, "held by host-7 on 2 of 3 nodes for another 8.2 s, 4 waiting");
        let ours = status("oob", ["host-7", "", "other"]);
        assert_eq!(ours.to_string(), "held by this handle (host-7) on 2 of 3 nodes for another 8.2 s, 4 waiting");
        let expected = "node-0: held by this handle (host-7) for another 8.2 s, 4 waiting\n\
            node-1: held by this handle for another 8.2 s, 4 waiting\n\
            node-2: held by other for another 8.2 s, 4 waiting";
        assert_eq!(ours.by_node().to_string(), expected);
    }
}
