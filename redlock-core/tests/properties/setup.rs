//! What a lock is asked for, and over which nodes.

use core::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use redlock_core::{Config, Instant, NodeTimeout, Options, Request};

/// The settings of one case, readable by the reference model: it does its arithmetic itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) nodes: usize,
    pub(crate) drift_percent: u32,
    pub(crate) node_timeout: Duration,
    pub(crate) ttl: Duration,
    pub(crate) wait: Duration,
    pub(crate) attempts: Option<u32>,
    pub(crate) min_validity: Duration,
}

impl Setup {
    /// The caps of the waits between attempts: they double from the first to the last.
    pub(crate) const RETRY_CAPS: [Duration; 4] =
        [Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(80), Duration::from_millis(100)];

    pub(crate) fn config(&self) -> Config {
        Config::builder((0..self.nodes).map(|node| format!("node-{node}")))
            .drift_factor(f64::from(self.drift_percent) / 100.0)
            .node_timeout(NodeTimeout::fixed(self.node_timeout))
            .build()
            .unwrap()
    }

    pub(crate) fn request(&self) -> Request {
        let [first, .., last] = Self::RETRY_CAPS;
        let options = Options::new()
            .wait(self.wait)
            .min_validity(self.min_validity)
            .retry_delay(redlock_core::RetryDelay::new(first, last));
        let options = self.attempts.map_or(options, |attempts| options.attempts(attempts));
        Request::new(&self.config(), "job", self.ttl, options).unwrap()
    }

    pub(crate) fn drift(&self, ttl: Duration) -> Duration {
        ttl * self.drift_percent / 100 + Duration::from_millis(2)
    }

    /// Until when a TTL that was asked for at `sent_at` is good.
    pub(crate) fn deadline(&self, sent_at: Instant, ttl: Duration) -> Instant {
        sent_at.saturating_add(ttl.saturating_sub(self.drift(ttl)))
    }
}

fn millis(range: core::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    (
        prop_oneof![4 => Just(3), 1 => Just(5), 2 => 1..=5_usize],
        select(&[1, 0, 5, 10][..]),
        millis(1..=100),
        prop_oneof![millis(50..=1_000), millis(50..=100)],
        prop_oneof![3 => millis(500..=3_000), 1 => millis(0..=500)],
        proptest::option::weighted(0.3, 1..=3_u32),
        select(&[0, 0, 50, 80][..]),
    )
        .prop_map(|(nodes, drift_percent, node_timeout, ttl, wait, attempts, min_validity_percent)| Setup {
            nodes,
            drift_percent,
            node_timeout,
            ttl,
            wait,
            attempts,
            min_validity: ttl * min_validity_percent / 100,
        })
}
