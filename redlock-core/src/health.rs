//! How a handle and its nodes are: what a health report says.

#[cfg(feature = "serde")]
mod data;
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{Facts, Unavailable};

/// How a handle and its nodes are at one moment: what [`Locks::health`](crate::Locks::health) says.
///
/// It is made from what the handle knows; nothing is sent. Displayed as a table for a person; with the feature `serde` it is
/// data, in which durations are seconds.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// The nodes, in the order of the configuration.
    pub nodes: Vec<NodeHealth>,
    /// The number of nodes that must agree.
    pub quorum: usize,
    /// The locks of this handle.
    pub locks: LockFigures,
}

/// How one node is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NodeHealth {
    /// Its name.
    pub name: String,
    /// Whether it is connected, and since when.
    pub connection: ConnectionState,
    /// For how long it goes on having no vote because it was started again; see [`RestartGuard`](crate::RestartGuard).
    #[cfg_attr(feature = "serde", serde(serialize_with = "data::optional_seconds"))]
    pub quarantine: Option<Duration>,
    /// Why it has no vote at all, if it has none: nothing is asked of it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "data::optional_text"))]
    pub unsuitable: Option<Unavailable>,
    /// How long it takes to answer, smoothed over the last eight or so measurements; `None` before the first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "data::optional_seconds"))]
    pub round_trip: Option<Duration>,
    /// What its server has said of itself when it was last connected.
    #[cfg_attr(feature = "serde", serde(serialize_with = "data::facts"))]
    pub facts: Facts,
    /// What can cost locks.
    pub warnings: Vec<Warning>,
    /// What works in a slower way than it could.
    pub limits: Vec<Limit>,
}

/// The connection to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case", tag = "state"))]
#[non_exhaustive]
pub enum ConnectionState {
    /// The first connection is being opened, or another after one that was of use.
    Connecting,
    /// There is one.
    #[non_exhaustive]
    Connected {
        /// For how long there has been.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::seconds"))]
        since: Duration,
    },
    /// There is none, and the last try to open one has failed.
    #[non_exhaustive]
    Down {
        /// For how long there has been none.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::seconds"))]
        since: Duration,
        /// Why the last try has failed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::text"))]
        why: Unavailable,
    },
}

/// What is wrong with a node, so that locks can be lost, or have one node less to rely on. Displayed with what is to be done
/// about it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case", tag = "kind"))]
#[non_exhaustive]
pub enum Warning {
    /// It is the same server as another node, which votes for both.
    #[non_exhaustive]
    SameServer {
        /// The name of the other node.
        node: String,
    },
    /// It is a replica.
    Replica,
    /// It throws keys away that have a TTL when its memory is full.
    #[non_exhaustive]
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// It is a member of a cluster.
    Cluster,
    /// Another server takes its place when it fails, which may not have all of its keys: it is named by sentinels, or is a
    /// whole cluster.
    FailsOver,
    /// Its wall clock differs from those of most other nodes by more than a second.
    #[non_exhaustive]
    ClockDiffers {
        /// By how many milliseconds it is ahead; negative if it is behind.
        millis: i64,
    },
    /// Its wall clock was set by more than a second. Keys have expired too early by that, or live for longer.
    #[non_exhaustive]
    ClockSet {
        /// By how many milliseconds it was set forward; negative if back.
        millis: i64,
        /// How long ago that was noticed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::seconds"))]
        ago: Duration,
    },
    /// It does not say how it is run, so nothing of that was checked.
    Unchecked,
    /// It hangs: it is connected, and has owed an answer for more than 100 ms and four round trips.
    #[non_exhaustive]
    Hangs {
        /// For how long nothing was heard of it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::seconds"))]
        silent_for: Duration,
    },
    /// It refused the last lock that it was asked for, for another reason than that somebody else has it.
    #[non_exhaustive]
    Refuses {
        /// Why.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::text"))]
        why: Unavailable,
    },
}

/// What works in a slower way on a node than it could.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case", tag = "kind"))]
#[non_exhaustive]
pub enum Limit {
    /// Nobody can wait in its queues: a lock that somebody else has is tried for now and then.
    #[non_exhaustive]
    NoQueue {
        /// Why; `None` if the connection does not hear anything.
        #[cfg_attr(feature = "serde", serde(serialize_with = "data::optional_text"))]
        why: Option<Unavailable>,
    },
    /// Releases take a script.
    ReleaseByScript,
}

/// What has become of the locks of a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LockFigures {
    /// Those that are held now.
    pub held: usize,
    /// Those that somebody waits for now.
    pub waiting: usize,
    /// Those whose release is under way.
    pub releasing: usize,
    /// Those that nobody holds and that a node may still have a key of; those being released are among them.
    pub unsettled: usize,
    /// Those that were acquired, ever since the handle was made. So are all that follow.
    pub acquired: u64,
    /// Acquisitions that failed because somebody else held the lock.
    pub contended: u64,
    /// Acquisitions that failed because too few nodes answered.
    pub unavailable: u64,
    /// Acquisitions that failed because they took longer than the lock would have been valid.
    pub expired: u64,
    /// Acquisitions that failed in another way: the handle was closed, or a lock to be adopted was gone.
    pub ended: u64,
    /// Locks that were lost while they were held.
    pub lost: u64,
    /// Of those that were acquired, those that are [fenced](crate::Options::fenced) and were not adopted.
    pub fenced: u64,
    /// Of those that are fenced, those for which the nodes had to be asked twice: too few had granted the same number. It
    /// happens when clocks of clients differ by more than the time between two acquisitions, and when several ask at once.
    pub commit_rounds: u64,
}

impl Health {
    /// Returns the number of nodes that would vote now.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.nodes.iter().filter(|node| node.has_vote()).count()
    }

    /// Returns whether a lock can be acquired as far as the nodes are concerned.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        self.voters() >= self.quorum
    }

    /// Returns whether all nodes vote and there is no warning.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.nodes.iter().all(|node| node.has_vote() && node.warnings.is_empty())
    }
}

impl NodeHealth {
    /// Returns whether it would vote now: it is connected, and may vote.
    #[must_use]
    pub const fn has_vote(&self) -> bool {
        let is_connected = matches!(self.connection, ConnectionState::Connected { .. });
        is_connected && self.quarantine.is_none() && self.unsuitable.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    /// A node with this connection.
    fn node(connection: ConnectionState) -> NodeHealth {
        let (facts, round_trip) = (Facts::default(), Some(Duration::from_micros(250)));
        let (name, limits) = ("a".into(), [Limit::NoQueue { why: None }].into());
        let warnings = [Warning::ClockDiffers { millis: -2_500 }].into();
        NodeHealth { name, connection, quarantine: None, unsuitable: None, round_trip, facts, warnings, limits }
    }

    fn health() -> Health {
        let why = Unavailable::with_detail(Cause::NotSent, "refused");
        let up = node(ConnectionState::Connected { since: Duration::from_millis(1_500) });
        let down = node(ConnectionState::Down { since: Duration::from_secs(200), why });
        Health { nodes: [up, down].into(), quorum: 2, locks: LockFigures { held: 3, ..LockFigures::default() } }
    }

    #[test]
    fn a_person_reads_what_is_wrong_and_what_to_do() {
        let text = alloc::format!("{}", health());
        for words in [
            "a     0.2 ms      ?                 connected for 1.5 s",
            "down for 3 min 20 s: not reachable (refused)",
            "warning: a: its clock is 2.5 s behind the others': set clocks by the network",
            "1 of 2 nodes vote, 2 must agree",
            "now: 3 held",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!health().has_quorum() && !health().is_good());
    }

    #[test]
    fn a_quorum_of_voters_is_enough() {
        let with_quorum = |quorum| Health { quorum, ..health() };
        assert_eq!([1, 2].map(|quorum| with_quorum(quorum).has_quorum()), [true, false], "one node votes");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_is_data_in_seconds_and_words() {
        let data = serde_json::to_value(health()).unwrap();
        assert_eq!(data["nodes"][0]["connection"]["state"], "connected");
        assert_eq!(data["nodes"][0]["connection"]["since"], 1.5);
        assert_eq!(data["nodes"][0]["round_trip"], 0.000_25);
        assert_eq!(data["nodes"][0]["warnings"][0]["kind"], "clock_differs");
        assert_eq!(data["nodes"][1]["connection"]["why"], "not reachable (refused)");
        assert_eq!((&data["nodes"][1]["unsuitable"], &data["locks"]["held"]), (&serde_json::Value::Null, &3.into()));
    }
}
