//! How a health report reads for a person.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{ConnectionState, Health, Limit, LockFigures, NodeHealth, Warning};
use crate::HumanDuration;

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

impl NodeHealth {
    /// Returns what it is: `redis 7.0.15`.
    fn server(&self) -> String {
        let parts = [self.facts.server(), self.facts.version()];
        let known = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if known.is_empty() { "?".into() } else { known }
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

/// Returns a duration that was measured: `1.3 ms`, `12.5 s`, `5 h 12 min`.
fn in_words(duration: Duration) -> String {
    alloc::format!("{:.1}", HumanDuration(duration))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{Cause, Facts, Unavailable};

    fn node(name: &str, limits: impl Into<Vec<Limit>>) -> NodeHealth {
        let mut facts = Facts::default();
        facts.note_info("redis_version:7.0.15");
        let connection = ConnectionState::Connected { since: Duration::from_secs(5) };
        let (name, warnings, limits) = (name.into(), Vec::new(), limits.into());
        NodeHealth { name, connection, quarantine: None, unsuitable: None, round_trip: None, facts, warnings, limits }
    }

    fn health(nodes: impl Into<Vec<NodeHealth>>) -> Health {
        Health { nodes: nodes.into(), quorum: 2, locks: LockFigures::default() }
    }

    #[test]
    fn each_node_has_a_line_with_its_state() {
        let unsuitable = Unavailable::with_detail(Cause::Refused, "no");
        let names = ["connecting", "b", "c", "d"];
        let [connecting, mut restarted, mut refused, both] = names.map(|name| node(name, []));
        restarted.quarantine = Some(Duration::from_secs(90));
        refused.unsuitable = Some(unsuitable.clone());
        let unknown = Facts::default();
        let connecting = NodeHealth { connection: ConnectionState::Connecting, facts: unknown, ..connecting };
        let both = NodeHealth { quarantine: restarted.quarantine, unsuitable: refused.unsuitable.clone(), ..both };
        let text = health([connecting, restarted, refused, both]).to_string();
        let lines: Vec<_> = text.lines().take(5).map(str::to_string).collect();
        assert_eq!(
            lines,
            [
                "node        round trip  server            state".to_string(),
                "connecting  ?           ?                 connecting".to_string(),
                "b           ?           redis 7.0.15      connected for 5 s, restarted: without a vote for 90 s"
                    .to_string(),
                alloc::format!(
                    "c           ?           redis 7.0.15      connected for 5 s, without a vote: {unsuitable}"
                ),
                alloc::format!(
                    "d           ?           redis 7.0.15      connected for 5 s, without a vote: {unsuitable}"
                ),
            ]
        );
    }

    #[test]
    fn a_limit_is_noted_once_with_the_nodes_that_have_it() {
        let (queue, script) = (Limit::NoQueue { why: None }, Limit::ReleaseByScript);
        let notes = |limits: &[&[&Limit]]| -> Vec<String> {
            let names = ["a", "b", "c"].iter().zip(limits);
            let nodes = names.map(|(name, limits)| node(name, limits.iter().copied().cloned().collect::<Vec<_>>()));
            let text = health(nodes.collect::<Vec<_>>()).to_string();
            text.lines().filter_map(|line| line.strip_prefix("note: ")).map(Into::into).collect()
        };
        let note = |nodes: &str, limit: &Limit| alloc::format!("{nodes}: {limit}");
        assert_eq!(notes(&[&[&queue], &[&script, &queue], &[]]), [note("a, b", &queue), note("b", &script)]);
        assert_eq!(notes(&[&[&queue], &[&queue], &[&queue]]), [note("all nodes", &queue)]);
        assert_eq!(notes(&[&[&queue]]), [note("a", &queue)], "the only one is named");
        assert_eq!(notes(&[&[], &[]]), [""; 0]);
    }

    #[test]
    fn fences_are_counted_where_there_are_any() {
        let none = LockFigures::default();
        assert!(!none.to_string().contains("fenced"));
        let fenced = LockFigures { fenced: 2, commit_rounds: 1, ..none };
        assert!(fenced.to_string().ends_with("\nfenced: 2 acquired, 1 of them in two rounds"));
    }

    #[test]
    fn clocks_are_ahead_or_behind_and_set_forward_or_back() {
        let ago = Duration::from_secs(60);
        let rows = [
            (Warning::ClockDiffers { millis: 1_500 }, "its clock is 1.5 s ahead of the others': "),
            (Warning::ClockDiffers { millis: -1_500 }, "its clock is 1.5 s behind the others': "),
            (Warning::ClockSet { millis: 2_000, ago }, "its clock was set forward by 2 s, 60 s ago: "),
            (Warning::ClockSet { millis: -2_000, ago }, "its clock was set back by 2 s, 60 s ago: "),
        ];
        for (warning, expected) in rows {
            assert!(warning.to_string().starts_with(expected), "{warning}");
        }
    }
}
