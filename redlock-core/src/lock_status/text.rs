//! What a person reads of a lock on the nodes.

use core::fmt;
use core::time::Duration;

use super::LockStatus;
use super::node::{Holder, KeyStatus, NodeStatus};
use super::quorum::LockState;
use crate::{HumanDuration, Owner};

impl LockStatus {
    /// Returns a text with one line a node: `10.0.0.1:6379: held by another for another 8.2 s, 4 waiting`.
    #[must_use]
    pub const fn by_node(&self) -> impl fmt::Display + use<'_> {
        ByNode(self)
    }

    fn count(&self, matches: impl Fn(&KeyStatus) -> bool) -> usize {
        self.nodes.iter().filter(|node| matches(&node.key)).count()
    }
}

impl fmt::Display for LockStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.nodes.len();
        match self.state {
            LockState::Free => {
                write!(f, "free on {} of {all} nodes", self.count(|key| matches!(key, KeyStatus::Free)))?;
            }
            LockState::Held { by, nodes, remaining } => {
                let by = By(by, self.owner.as_ref());
                write!(f, "held by {by} on {nodes} of {all} nodes {}", Remaining(remaining))?;
            }
            LockState::Split => {
                let keys = self.count(|key| matches!(key, KeyStatus::Held { .. } | KeyStatus::OtherType { .. }));
                write!(f, "held by nobody: there are keys on {keys} of {all} nodes, the same on no quorum")?;
            }
            LockState::OtherType => {
                let keys = self.count(|key| matches!(key, KeyStatus::OtherType { .. }));
                write!(f, "blocked by a key of another type on {keys} of {all} nodes")?;
            }
            LockState::Unknown => {
                let answers = self.count(|key| !matches!(key, KeyStatus::Unavailable(_)));
                write!(f, "unknown: {answers} of {all} nodes have answered, too few to say")?;
            }
        }
        write_waiting(f, self.waiting())
    }
}

/// A status with one line a node.
struct ByNode<'a>(&'a LockStatus);

impl fmt::Display for ByNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (_, name, status)) in self.0.nodes().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{name}: {status}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            KeyStatus::Free => f.write_str("free")?,
            KeyStatus::Held { by, remaining } => {
                write!(f, "held by {} {}", By(*by, self.owner.as_ref()), Remaining(*remaining))?;
            }
            KeyStatus::OtherType { remaining } => write!(f, "a key of another type {}", Remaining(*remaining))?,
            KeyStatus::Unavailable(why) => write!(f, "not available: {why}")?,
        }
        write_waiting(f, self.waiting)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisHandle => "this handle",
            Self::Another => "another",
        })
    }
}

/// A holder with its label, for a person.
struct By<'a>(Holder, Option<&'a Owner>);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(Holder::Another, Some(owner)) => write!(f, "{owner}"),
            Self(Holder::ThisHandle, Some(owner)) => write!(f, "{} ({owner})", Holder::ThisHandle),
            Self(holder, None) => write!(f, "{holder}"),
        }
    }
}

/// The remaining time of a key, for a person: rounded down, so that nobody is told too much.
pub(crate) struct Remaining(pub(crate) Option<Duration>);

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("without an end"),
            Some(left) => write!(f, "for another {:.1}", HumanDuration(left)),
        }
    }
}

fn write_waiting(f: &mut fmt::Formatter<'_>, waiting: Option<u32>) -> fmt::Result {
    match waiting.unwrap_or(0) {
        0 => Ok(()),
        count => write!(f, ", {count} waiting"),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::super::letters::{OURS, status};
    use crate::{Resource, ValueDigest};

    #[test]
    fn a_person_can_read_it() {
        let text =
            |letters, millis: &[Option<u64>], waiting: &[Option<u32>]| status(letters, millis, waiting).to_string();
        let (eight, half) = ([Some(8_299); 5], [Some(512); 5]);
        assert_eq!(
            text("aaaff", &eight, &[Some(0), Some(4)]),
            "held by another on 3 of 5 nodes for another 8.2 s, 4 waiting"
        );
        assert_eq!(text("oo.", &half, &[]), "held by this handle on 2 of 3 nodes for another 512 ms");
        assert_eq!(text("aaa", &[], &[Some(0); 3]), "held by another on 3 of 3 nodes without an end");
        assert_eq!(text("ff.", &[], &[Some(0); 3]), "free on 2 of 3 nodes");
        assert_eq!(text("fff", &[], &[None, Some(2)]), "free on 3 of 3 nodes, 2 waiting");
        assert_eq!(text("abf", &eight, &[]), "held by nobody: there are keys on 2 of 3 nodes, the same on no quorum");
        assert_eq!(text("xxf", &[], &[]), "blocked by a key of another type on 2 of 3 nodes");
        assert_eq!(text("a..", &eight, &[]), "unknown: 1 of 3 nodes have answered, too few to say");
    }

    #[test]
    fn each_node_has_a_line() {
        let status = status("foax.", &[None, Some(8_299), None, Some(20)], &[Some(3), Some(0), None, Some(1)]);
        let expected = "node-0: free, 3 waiting\n\
            node-1: held by this handle for another 8.2 s\n\
            node-2: held by another without an end\n\
            node-3: a key of another type for another 20 ms, 1 waiting\n\
            node-4: not available: no answer in time";
        assert_eq!(status.by_node().to_string(), expected);
        assert_eq!(status.waiting(), Some(3));
        assert_eq!(status.nodes().map(|(node, name, _)| (node.index(), name)).nth(2), Some((2, "node-2")));
        assert_eq!(status.resource(), &Resource::new("job"));
        assert!(!status.is_free() && !status.is_held());
    }

    #[test]
    fn nothing_of_a_value_is_shown() {
        let status = status("oab", &[], &[]);
        let digits = format!("{:x}", ValueDigest::of(OURS).bits());
        for text in [format!("{status:?}"), format!("{status:#?}"), status.to_string(), status.by_node().to_string()] {
            assert!(!text.contains(&digits) && !text.contains("Digest"), "{text}");
        }
    }
}
