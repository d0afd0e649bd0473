use alloc::sync::Arc;
use core::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::Observer;
use super::words::{acquire_error, cause, extend_error, loss, outcome, verb, verdict};
use crate::observed::{LockEvent, NodeEvent, Observed};

/// Observes locks and nodes for the crate `metrics`: counters, gauges and histograms, with whatever recorder the program has
/// installed. The names, labels and units are stable: they change with a major version only.
///
#[doc = include_str!("metrics.md")]
///
/// The number of values of each label is small: nodes are labelled by their names, and locks are not labelled. Handles that
/// have an observer each are counted together.
///
/// Install the recorder first and hand this to `Builder::observer` then: the descriptions of the metrics go to the recorder
/// in [`Metrics::new`]. Recorders that want buckets find them in [`METRICS`]. The example `metrics` of `redlock-tokio` serves
/// all of it to Prometheus, and the dashboard `redlock-tokio/dashboards/redlock.json` shows it in Grafana.
#[derive(Debug)]
#[non_exhaustive]
pub struct Metrics {}

/// A metric of [`Metrics`], for programs that set something up for each.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The labels.
    pub labels: &'static [&'static str],
    /// The upper bounds of the buckets that suit a histogram; empty for another kind.
    pub buckets: &'static [f64],
    /// The description.
    pub help: &'static str,
}

/// A kind of [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// It counts, and never goes down.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts values by their size.
    Histogram,
}

const ACQUIRE: &str = "redlock_acquire_total";
const ATTEMPTS: &str = "redlock_acquire_attempts";
const WAIT: &str = "redlock_wait_seconds";
const HOLD: &str = "redlock_hold_seconds";
const WAITING: &str = "redlock_waiting";
const HELD: &str = "redlock_held";
const EXTEND: &str = "redlock_extend_total";
const LEFT: &str = "redlock_extend_left_seconds";
const LOST: &str = "redlock_lost_total";
const RELEASE: &str = "redlock_release_total";
const NODE_UP: &str = "redlock_node_up";
const NODE_DOWN: &str = "redlock_node_down_total";
const NODE_WITHOUT_VOTE: &str = "redlock_node_without_vote_total";
const NODE_COMMANDS: &str = "redlock_node_commands_total";
const MISSED: &str = "redlock_missed_events_total";

const NUMBERS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// From the round trip of a node nearby to the longest locks.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 300.0, 3_600.0,
];

/// All metrics of [`Metrics`].
pub const METRICS: &[Metric] = &[
    counter(ACQUIRE, &["result"], "Acquisitions that have come to an end."),
    histogram(ATTEMPTS, &[], NUMBERS, "Attempts of each lock that was acquired."),
    histogram(WAIT, &["result"], SECONDS, "Time from the request of a lock to the end of its acquisition."),
    histogram(HOLD, &[], SECONDS, "Time for which locks were held, until they were released, lost or detached."),
    gauge(WAITING, &[], "Locks that are being acquired."),
    gauge(HELD, &[], "Locks that are held."),
    counter(EXTEND, &["by", "result"], "Extensions that have come to an end."),
    histogram(LEFT, &["by"], SECONDS, "Validity that was left when an extension was confirmed."),
    counter(LOST, &["reason"], "Locks that were lost."),
    counter(RELEASE, &["verdict"], "Releases, by what the nodes said."),
    gauge(NODE_UP, &["node"], "1 while a node is connected, else 0."),
    counter(NODE_DOWN, &["node", "reason"], "How often a node went down, or was down at first."),
    counter(NODE_WITHOUT_VOTE, &["node", "reason"], "How often a node was connected to that has no vote."),
    counter(NODE_COMMANDS, &["node", "verb", "outcome"], "Commands of locks, by what the node made of them."),
    counter(MISSED, &[], "Events that came too fast to be counted: with any, the gauges may be wrong."),
];

impl Metrics {
    /// Creates an observer, and describes all metrics to the recorder that is installed.
    #[must_use]
    pub fn new() -> Self {
        METRICS.iter().for_each(Metric::describe);
        Self {}
    }

    fn lock(event: &LockEvent) {
        match event {
            LockEvent::Requested { .. } => gauge!(WAITING).increment(1),
            LockEvent::Acquired { attempts, waited, .. } => {
                acquisition_ended("acquired", *waited);
                histogram!(ATTEMPTS).record(f64::from(*attempts));
                gauge!(HELD).increment(1);
            }
            LockEvent::NotAcquired { error, waited } => acquisition_ended(acquire_error(error), *waited),
            LockEvent::GivenUp { waited } => acquisition_ended("given_up", *waited),
            LockEvent::Extended { left, by_keep_alive, is_late, .. } => {
                let by = by_whom(*by_keep_alive);
                counter!(EXTEND, "by" => by, "result" => if *is_late { "late" } else { "extended" }).increment(1);
                histogram!(LEFT, "by" => by).record(*left);
            }
            LockEvent::NotExtended { error, by_keep_alive } => {
                counter!(EXTEND, "by" => by_whom(*by_keep_alive), "result" => extend_error(error)).increment(1);
            }
            LockEvent::Lost { loss: how, held_for } => {
                counter!(LOST, "reason" => loss(how)).increment(1);
                hold_ended(*held_for);
            }
            LockEvent::ReleaseBegun { held_for } | LockEvent::Detached { held_for } => hold_ended(*held_for),
            LockEvent::Released { report, .. } => {
                counter!(RELEASE, "verdict" => verdict(report.verdict)).increment(1);
            }
            LockEvent::Settled => {}
        }
    }

    fn node(name: &Arc<str>, event: &NodeEvent) {
        let node = name.clone();
        match event {
            NodeEvent::Connected { .. } => gauge!(NODE_UP, "node" => node).set(1),
            NodeEvent::Disconnected { why } => {
                counter!(NODE_DOWN, "node" => node.clone(), "reason" => cause(why.cause())).increment(1);
                gauge!(NODE_UP, "node" => node).set(0);
            }
            NodeEvent::WithoutVote { why, .. } => {
                counter!(NODE_WITHOUT_VOTE, "node" => node, "reason" => cause(why.cause())).increment(1);
            }
            NodeEvent::Answered { verb: asked, outcome: answer, .. } => {
                let (verb, outcome) = (verb(*asked), outcome(answer));
                counter!(NODE_COMMANDS, "node" => node, "verb" => verb, "outcome" => outcome).increment(1);
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metrics {
    fn observe(&self, observed: &Observed) {
        match observed {
            Observed::Lock { event, .. } => Self::lock(event),
            Observed::Node { name, event, .. } => Self::node(name, event),
            Observed::Missed { count } => counter!(MISSED).increment(*count),
        }
    }
}

impl Metric {
    /// Returns the unit: `seconds`, or nothing for what is counted.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        self.name.ends_with("_seconds").then_some("seconds")
    }

    fn describe(&self) {
        let unit = if self.unit().is_some() { Unit::Seconds } else { Unit::Count };
        match self.kind {
            MetricKind::Counter => describe_counter!(self.name, unit, self.help),
            MetricKind::Gauge => describe_gauge!(self.name, unit, self.help),
            MetricKind::Histogram => describe_histogram!(self.name, unit, self.help),
        }
    }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, labels, buckets: &[], help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, labels, buckets: &[], help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    buckets: &'static [f64],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Histogram, labels, buckets, help }
}

fn acquisition_ended(result: &'static str, waited: Duration) {
    gauge!(WAITING).decrement(1);
    counter!(ACQUIRE, "result" => result).increment(1);
    histogram!(WAIT, "result" => result).record(waited);
}

fn hold_ended(held_for: Duration) {
    gauge!(HELD).decrement(1);
    histogram!(HOLD).record(held_for);
}

const fn by_whom(by_keep_alive: bool) -> &'static str {
    if by_keep_alive { "keep_alive" } else { "holder" }
}
