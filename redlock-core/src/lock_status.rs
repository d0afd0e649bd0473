use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::quorum::Quorum;
use crate::{Config, KeyReport, KeyState, NodeId, Owner, Resource, Unavailable, ValueDigest};

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

/// The view of the quorum: how a lock stands when all nodes are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockState {
    /// A quorum of nodes has no key: nobody holds the lock.
    Free,
    /// A quorum of nodes has a key with the same value.
    #[non_exhaustive]
    Held {
        /// Whose value it is.
        by: Holder,
        /// The number of nodes that have it.
        nodes: usize,
        /// How long a quorum goes on having it unless the holder does something: the shortest remaining TTL of the quorum
        /// that has it for longest. `None` if that has no end. The holder's own validity ends earlier, by the drift.
        remaining: Option<Duration>,
    },
    /// Some nodes have keys, but no value is on a quorum, and none can be, whatever the nodes say that have not answered:
    /// nobody holds the lock. Clients that try at the same moment leave that behind for a while, and so does a holder whose
    /// nodes lost its keys.
    Split,
    /// A quorum of nodes has a key of another type under the name. Nobody can take the lock before it is gone.
    OtherType,
    /// Too few nodes have answered to say.
    Unknown,
}

/// The holder of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Holder {
    /// This handle: a lock that it held when the inspection began or ended has the key's value.
    ThisHandle,
    /// Somebody else: another handle, of this process or another, or another program. Also an attempt of this handle that
    /// is not decided, and a lock that it is giving back.
    Another,
}

/// What an inspection has found on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NodeStatus {
    /// The key of the lock.
    pub key: KeyStatus,
    /// The label of the holder of the key, if it has one.
    pub owner: Option<Owner>,
    /// The number of handles that stand in the node's wait queue; `None` where that is not known, because the node has not
    /// answered, or does not let the user look. Normally only one node has a queue for a lock, its
    /// [home](crate::Config::home). A handle that has died stands there until its turn comes.
    pub waiting: Option<u32>,
}

/// The key of a lock on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyStatus {
    /// There is no key.
    Free,
    /// There is a key.
    #[non_exhaustive]
    Held {
        /// Whose it is.
        by: Holder,
        /// How long it goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
    /// There is a key that is no string: it belongs to a program that works in another way.
    #[non_exhaustive]
    OtherType {
        /// How long it goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
    /// The node has not said anything.
    Unavailable(Unavailable),
}

/// The answers of all nodes, in the order of the configuration.
pub(crate) type Reports = [Result<KeyReport, Unavailable>];

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

impl fmt::Debug for LockStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("LockStatus");
        fields.field("resource", &self.resource).field("state", &self.state).field("owner", &self.owner);
        self.nodes().fold(&mut fields, |fields, (_, name, status)| fields.field(name, status)).finish_non_exhaustive()
    }
}

impl NodeStatus {
    fn new(report: &Result<KeyReport, Unavailable>, ours: &[ValueDigest]) -> Self {
        let key = match report {
            Ok(report) => match report.state {
                KeyState::Free => KeyStatus::Free,
                KeyState::Held { digest, remaining } => KeyStatus::Held { by: Holder::of(digest, ours), remaining },
                KeyState::OtherType { remaining } => KeyStatus::OtherType { remaining },
            },
            Err(why) => KeyStatus::Unavailable(why.clone()),
        };
        let report = report.as_ref().ok();
        let owner = report.and_then(|report| report.owner.clone());
        Self { key, owner, waiting: report.and_then(|report| report.waiting) }
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

impl Holder {
    fn of(digest: ValueDigest, ours: &[ValueDigest]) -> Self {
        if ours.contains(&digest) { Self::ThisHandle } else { Self::Another }
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
            Some(left) if left < Duration::from_secs(1) => write!(f, "for another {} ms", left.as_millis()),
            Some(left) => write!(f, "for another {}.{} s", left.as_secs(), left.subsec_millis() / 100),
        }
    }
}

fn write_waiting(f: &mut fmt::Formatter<'_>, waiting: Option<u32>) -> fmt::Result {
    match waiting.unwrap_or(0) {
        0 => Ok(()),
        count => write!(f, ", {count} waiting"),
    }
}

/// Decides what the nodes say together. A node that has not answered may have any key, or none.
fn judge(quorum: Quorum, reports: &Reports, ours: &[ValueDigest]) -> LockState {
    let states = || reports.iter().flatten().map(|report| report.state);
    let count = |matches: fn(&KeyState) -> bool| states().filter(matches).count();
    let silent = reports.iter().filter(|report| report.is_err()).count();
    let other_type = count(|state| matches!(state, KeyState::OtherType { .. }));
    let mut most = 0_usize;
    for digest in states().filter_map(digest_of) {
        let of_digest = |state: &KeyState| digest_of(*state) == Some(digest);
        let nodes = states().filter(of_digest).count();
        if nodes >= quorum.size() {
            let remaining = remaining_of_quorum(quorum, states().filter(of_digest));
            return LockState::Held { by: Holder::of(digest, ours), nodes, remaining };
        }
        most = most.max(nodes);
    }
    if count(|state| *state == KeyState::Free) >= quorum.size() {
        LockState::Free
    } else if other_type >= quorum.size() {
        LockState::OtherType
    } else if most.saturating_add(other_type) > 0 && most.saturating_add(silent) < quorum.size() {
        LockState::Split
    } else {
        LockState::Unknown
    }
}

/// Returns the label of the holder whose key a quorum has.
fn owner_of_quorum(quorum: Quorum, reports: &Reports) -> Option<&Owner> {
    let known = || reports.iter().flatten();
    let count = |digest| known().filter(|report| digest_of(report.state) == Some(digest)).count();
    let is_of_quorum =
        |report: &&KeyReport| digest_of(report.state).is_some_and(|digest| count(digest) >= quorum.size());
    known().filter(is_of_quorum).find_map(|report| report.owner.as_ref())
}

const fn digest_of(state: KeyState) -> Option<ValueDigest> {
    match state {
        KeyState::Held { digest, .. } => Some(digest),
        KeyState::Free | KeyState::OtherType { .. } => None,
    }
}

/// Returns how long a quorum of these keys lives: the shortest of as many as a quorum has, the longest first.
fn remaining_of_quorum(quorum: Quorum, keys: impl Iterator<Item = KeyState>) -> Option<Duration> {
    let mut ends: Vec<Duration> = keys
        .filter_map(|key| match key {
            KeyState::Held { remaining, .. } => Some(remaining.unwrap_or(Duration::MAX)),
            KeyState::Free | KeyState::OtherType { .. } => None,
        })
        .collect();
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.get(quorum.size().saturating_sub(1)).copied().filter(|left| *left != Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;
    use alloc::string::ToString;

    const OURS: &[u8] = b"o";

    /// The report of a node for a letter of the table, with a TTL and a number of waiters.
    fn report(letter: char, millis: Option<u64>, waiting: Option<u32>) -> Result<KeyReport, Unavailable> {
        let remaining = millis.map(Duration::from_millis);
        let state = match letter {
            '.' => return Err(Unavailable::new(Cause::NoAnswer)),
            'f' => KeyState::Free,
            'x' => KeyState::OtherType { remaining },
            value => KeyState::Held { digest: ValueDigest::of(&[u8::try_from(value).unwrap()]), remaining },
        };
        Ok(KeyReport::new(state, waiting))
    }

    fn status(letters: &str, millis: &[Option<u64>], waiting: &[Option<u32>]) -> LockStatus {
        let config = Config::builder(letters.char_indices().map(|(place, _)| format!("node-{place}"))).build().unwrap();
        let at = |place: usize| (millis.get(place).copied().flatten(), waiting.get(place).copied().flatten());
        let report = |(place, letter)| report(letter, at(place).0, at(place).1);
        let reports: Vec<_> = letters.chars().enumerate().map(report).collect();
        LockStatus::new(&config, "job".into(), &reports, &[ValueDigest::of(OURS), ValueDigest::of(b"older")])
    }

    fn word(state: LockState) -> &'static str {
        match state {
            LockState::Free => "free",
            LockState::Held { by: Holder::ThisHandle, .. } => "ours",
            LockState::Held { by: Holder::Another, .. } => "another",
            LockState::Split => "split",
            LockState::OtherType => "other-type",
            LockState::Unknown => "unknown",
        }
    }

    #[test]
    fn verdicts_follow_the_table() {
        let rows = include_str!("../testdata/status.txt").lines();
        let mut count = 0;
        for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
            let (letters, expected) = row.split_once(' ').unwrap();
            assert_eq!(word(status(letters, &[], &[]).state()), expected, "{letters}");
            let reversed: std::string::String = letters.chars().rev().collect();
            assert_eq!(word(status(&reversed, &[], &[]).state()), expected, "{reversed}");
            count += 1;
        }
        assert!(count >= 90, "the table was read: {count} rows");
    }

    /// Whatever the silent nodes have: a lock that is held is not said to be free, split or of another type, and one that is
    /// not is not said to be held.
    #[test]
    fn a_verdict_stands_whatever_the_silent_nodes_have() {
        let letters = ['f', 'a', 'b', 'x', '.'];
        for nodes in 1..=5_u32 {
            for case in 0..5_usize.pow(nodes) {
                let known: Vec<char> = (0..nodes).map(|place| letters[case / 5_usize.pow(place) % 5]).collect();
                let verdict = judge_letters(&known);
                for other in ['f', 'a', 'b', 'c', 'x'] {
                    let all = known.iter().map(|letter| if *letter == '.' { other } else { *letter });
                    let truth = judge_letters(&all.collect::<Vec<_>>());
                    let stands = match verdict {
                        LockState::Unknown => true,
                        LockState::Split => !matches!(truth, LockState::Held { .. } | LockState::Unknown),
                        _ => word(verdict) == word(truth),
                    };
                    assert!(stands, "{known:?} is {verdict:?}, with {other} it is {truth:?}");
                }
            }
        }
    }

    fn judge_letters(letters: &[char]) -> LockState {
        let reports: Vec<_> = letters.iter().map(|letter| report(*letter, None, None)).collect();
        judge(Quorum::of(letters.len()), &reports, &[])
    }

    #[test]
    fn the_remaining_time_is_that_of_the_quorum_that_lasts_for_longest() {
        let remaining = |letters, millis: &[Option<u64>]| match status(letters, millis, &[]).state() {
            LockState::Held { nodes, remaining, .. } => (nodes, remaining.map(|left| left.as_millis())),
            other => panic!("{other:?}"),
        };
        assert_eq!(remaining("a", &[Some(700)]), (1, Some(700)));
        assert_eq!(remaining("aaa", &[Some(1), Some(900), Some(800)]), (3, Some(800)));
        assert_eq!(remaining("afa", &[Some(100), None, Some(900)]), (2, Some(100)));
        assert_eq!(remaining("baaa", &[Some(9_999), Some(5), Some(4), Some(6)]), (3, Some(4)));
        assert_eq!(remaining("aaaaa", &[Some(1), Some(2), Some(3), Some(4), Some(5)]), (5, Some(3)));
        assert_eq!(remaining("aaa", &[None, Some(1), None]), (3, None), "two have no end");
        assert_eq!(remaining("aaa", &[None, Some(1), Some(2)]), (3, Some(2)), "one has no end");
    }

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

    #[test]
    fn nothing_of_a_value_is_shown() {
        let status = status("oab", &[], &[]);
        let digits = format!("{:x}", ValueDigest::of(OURS).bits());
        for text in [format!("{status:?}"), format!("{status:#?}"), status.to_string(), status.by_node().to_string()] {
            assert!(!text.contains(&digits) && !text.contains("Digest"), "{text}");
        }
    }
}
