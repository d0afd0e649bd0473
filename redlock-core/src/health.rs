//! How a handle and its nodes are: what a health report says.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
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

    /// Returns what it is: `redis 7.0.15`.
    fn server(&self) -> String {
        let parts = [self.facts.server(), self.facts.version()];
        let known = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if known.is_empty() { "?".into() } else { known }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or_default().max(4);
        writeln!(f, "{:width$}  round trip  server            state", "node")?;
        for node in &self.nodes {
            let round_trip = node.round_trip.map_or_else(|| "?".into(), in_words);
            let server = node.server();
            writeln!(f, "{:width$}  {round_trip:10}  {server:16}  {}", node.name, State(node))?;
        }
        for node in &self.nodes {
            node.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {}: {warning}", node.name))?;
        }
        self.write_limits(f)?;
        let (voters, all) = (self.voters(), self.nodes.len());
        writeln!(f, "{voters} of {all} nodes vote, {} must agree", self.quorum)?;
        write!(f, "{}", self.locks)
    }
}

impl Health {
    /// Writes each limit once, with the nodes that have it.
    fn write_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = || self.nodes.iter().flat_map(|node| &node.limits);
        for (place, limit) in limits().enumerate() {
            if limits().take(place).any(|earlier| earlier == limit) {
                continue;
            }
            let nodes: Vec<_> = self.nodes.iter().filter(|node| node.limits.contains(limit)).collect();
            f.write_str("note: ")?;
            if nodes.len() > 1 && nodes.len() == self.nodes.len() {
                f.write_str("all nodes")?;
            } else {
                for (place, node) in nodes.iter().enumerate() {
                    write!(f, "{}{}", if place == 0 { "" } else { ", " }, node.name)?;
                }
            }
            writeln!(f, ": {limit}")?;
        }
        Ok(())
    }
}

/// The state of a node, for a person.
struct State<'a>(&'a NodeHealth);

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(node) = self;
        match &node.connection {
            ConnectionState::Connecting => f.write_str("connecting")?,
            ConnectionState::Connected { since } => write!(f, "connected for {}", in_words(*since))?,
            ConnectionState::Down { since, why } => write!(f, "down for {}: {why}", in_words(*since))?,
        }
        if let Some(why) = &node.unsuitable {
            write!(f, ", without a vote: {why}")?;
        } else if let Some(left) = node.quarantine {
            write!(f, ", restarted: without a vote for {}", in_words(left))?;
        }
        Ok(())
    }
}

impl fmt::Display for LockFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            held, waiting, releasing, unsettled, acquired, contended, unavailable, expired, ended, lost, ..
        } = self;
        writeln!(f, "now: {held} held, {waiting} waited for, {releasing} being released, {unsettled} unsettled")?;
        write!(f, "ever: {acquired} acquired, {lost} lost; not acquired: {contended} contended, ")?;
        write!(f, "{unavailable} for want of nodes, {expired} too late, {ended} ended")?;
        if self.fenced > 0 {
            write!(f, "\nfenced: {} acquired, {} of them in two rounds", self.fenced, self.commit_rounds)?;
        }
        Ok(())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameServer { node } => write!(f, "it is the same server as {node}: name each server once"),
            Self::Replica => f.write_str("it is a replica: name its master instead"),
            Self::Evicts { policy } => {
                write!(f, "it throws keys away when its memory is full (maxmemory-policy {policy}): set noeviction")
            }
            Self::Cluster => {
                f.write_str("it is a member of a cluster, of which a failover forgets keys: name independent masters")
            }
            Self::FailsOver => f.write_str(
                "it fails over to a server that may not have its keys, which can cost locks: name independent masters",
            ),
            Self::ClockDiffers { millis } => {
                write!(f, "its clock is {} the others': set clocks by the network", ahead_or_behind(*millis))
            }
            Self::ClockSet { millis, ago } => {
                let (by, direction) = (in_words(length(*millis)), if *millis < 0 { "back" } else { "forward" });
                write!(f, "its clock was set {direction} by {by}, {} ago: let it be slewed instead", in_words(*ago))
            }
            Self::Unchecked => {
                f.write_str("it does not say how it is run, nothing was checked: permit INFO to the user (+info)")
            }
            Self::Hangs { silent_for } => {
                write!(f, "it has not answered for {}: look after the server and the way to it", in_words(*silent_for))
            }
            Self::Refuses { why } => write!(f, "it refused the last lock: {why}"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQueue { why: None } => {
                f.write_str("the connection hears no call-ups, so locks are tried for now and then")
            }
            Self::NoQueue { why: Some(why) } => write!(f, "no wait queue, so locks are tried for now and then: {why}"),
            Self::ReleaseByScript => {
                f.write_str("releases take a script; Redis 8.4 and Valkey 9.0 have a command for them")
            }
        }
    }
}

fn ahead_or_behind(millis: i64) -> String {
    alloc::format!("{} {}", in_words(length(millis)), if millis < 0 { "behind" } else { "ahead of" })
}

const fn length(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

/// Returns a duration for a person: `1.3 ms`, `12 s`, `3 min`, `5 h`.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => alloc::format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        1..120 => alloc::format!("{seconds} s"),
        120..7_200 => alloc::format!("{} min", seconds / 60),
        7_200..172_800 => alloc::format!("{} h", seconds / 3_600),
        _ => alloc::format!("{} days", seconds / 86_400),
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
            "a     0.2 ms      ?                 connected for 1 s",
            "down for 3 min: not reachable (refused)",
            "warning: a: its clock is 2 s behind the others': set clocks by the network",
            "1 of 2 nodes vote, 2 must agree",
            "now: 3 held",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!health().has_quorum() && !health().is_good());
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

/// How the parts are written as data.
#[cfg(feature = "serde")]
mod data {
    use alloc::string::ToString as _;
    use core::time::Duration;

    use serde::Serializer;
    use serde::ser::SerializeMap as _;

    use crate::{Facts, Unavailable};

    pub(super) fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    #[expect(clippy::ref_option, reason = "serde hands over what the field is")]
    pub(super) fn optional_seconds<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&duration.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn text<S: Serializer>(why: &Unavailable, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&why.to_string())
    }

    #[expect(clippy::ref_option, reason = "serde hands over what the field is")]
    pub(super) fn optional_text<S: Serializer>(why: &Option<Unavailable>, serializer: S) -> Result<S::Ok, S::Error> {
        match why {
            Some(why) => serializer.serialize_some(&why.to_string()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn facts<S: Serializer>(facts: &Facts, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("server", &facts.server())?;
        map.serialize_entry("version", &facts.version())?;
        map.serialize_entry("role", &facts.role())?;
        map.serialize_entry("mode", &facts.mode())?;
        map.serialize_entry("run_id", &facts.run_id())?;
        map.serialize_entry("uptime", &facts.uptime().map(|uptime| uptime.as_secs_f64()))?;
        map.serialize_entry("maxmemory_policy", &facts.eviction_policy())?;
        map.serialize_entry("is_durable", &facts.is_durable())?;
        map.end()
    }
}
