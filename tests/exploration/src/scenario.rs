use std::time::Duration;

use redlock_core::{Config, Instant, NodeId, NodeTimeout, Options, Request};

/// How many nodes every small world has.
pub(super) const NODES: usize = 3;
/// How many of them must agree.
pub(super) const QUORUM: usize = 2;
/// How many clients every small world has.
pub(super) const CLIENTS: usize = 2;
/// The one resource.
pub(super) const RESOURCE: &str = "r";

/// Time moves in steps of this length. They are so long that each divides the life of a lock where it matters: two
/// are its validity, so that one can pass before the verdict, between the verdict and the hand-over, or before an
/// extension.
pub(super) const TICK: Duration = Duration::from_millis(125);
pub(super) const TTL: Duration = Duration::from_millis(350);
/// What the drift below leaves of the TTL.
pub(super) const VALIDITY: Duration = Duration::from_millis(250);
const DRIFT_FACTOR: f64 = 0.28;

/// A small world: who does what in it, and what may go wrong.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What each client wants. The first one begins at once, the other whenever it likes.
    pub roles: [Role; CLIENTS],
    /// The last tick at which the second client may begin.
    pub last_begin: u8,
    /// How fast the clocks of the nodes run.
    pub node_clock: NodeClock,
    /// How often a connection breaks; which one and when is explored.
    pub cuts: u8,
    /// How often a node crashes, with its data on disk; which one, when and for how long is explored.
    pub crashes: u8,
    /// On how many of the six connections messages may be under way when a tick passes. Such a message may take any
    /// number of ticks, and which connections are the slow ones may change from tick to tick.
    pub slow_links: usize,
    /// After how many ticks a client takes a node's silence for a refusal.
    pub node_timeout: u32,
    /// Whether a client may sleep through a tick: its timers then come late.
    pub late_timers: bool,
    /// Where the counter of each node stands at the beginning, if the locks are fenced.
    pub fences: Option<[u8; 3]>,
}

/// What a client may do beside acquiring the lock, taking it over, and releasing it once it has or had it. All of it is
/// optional: that it does not is explored as well.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// How many attempts it makes.
    pub attempts: u32,
    /// How often it extends the lock.
    pub extensions: u8,
    /// Whether it may stop the acquisition at any step.
    pub cancels: bool,
    /// The ticks of validity that must be left when the lock is handed over.
    pub min_validity: u32,
}

/// How fast the clocks of the nodes run, in comparison with the clients'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeClock {
    /// As fast as the drift allows: the key of a SET is gone at the tick at which the validity ends, if the SET was
    /// carried out at the tick at which it was sent.
    Fast,
    /// Like the clients' clocks.
    Exact,
    /// As slowly as the drift allows.
    Slow,
    /// Faster than the drift allows: outside of what the protocol promises, to see the search find something.
    TooFast,
}

impl Scenario {
    /// A world in which both clients acquire once and release, and nothing breaks.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            roles: [Role::ONCE; CLIENTS],
            last_begin: 2,
            node_clock: NodeClock::Fast,
            cuts: 0,
            crashes: 0,
            slow_links: 1,
            node_timeout: 2,
            late_timers: false,
            fences: None,
        }
    }

    pub(super) fn config(&self) -> Config {
        Config::builder(["a", "b", "c"])
            .drift_factor(DRIFT_FACTOR)
            .node_timeout(NodeTimeout::fixed(TICK.saturating_mul(self.node_timeout)))
            .build()
            .expect("a valid config")
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}

impl Role {
    /// One attempt, and nothing else.
    pub const ONCE: Self = Self { attempts: 1, extensions: 0, cancels: false, min_validity: 0 };

    pub(super) fn min_validity(self) -> Duration {
        TICK.saturating_mul(self.min_validity)
    }

    pub(super) fn request(self, config: &Config, is_fenced: bool) -> Request {
        let options = Options::new().attempts(self.attempts).min_validity(self.min_validity()).fenced(is_fenced);
        Request::new(config, RESOURCE, TTL, options).expect("a valid request")
    }
}

impl NodeClock {
    /// What the clock shows at a tick.
    pub(super) fn at(self, tick: u8) -> Instant {
        let millis = match self {
            Self::Fast => 176,
            Self::Exact => 125,
            Self::Slow => 90,
            Self::TooFast => 351,
        };
        Instant::from_epoch(Duration::from_millis(millis).saturating_mul(tick.into()))
    }
}

/// The clients' clock at a tick.
pub(super) fn instant(tick: u8) -> Instant {
    Instant::from_epoch(TICK.saturating_mul(tick.into()))
}

pub(super) fn node_id(index: usize) -> NodeId {
    NodeId::new(index).expect("a small number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_live_for_whole_ticks_around_the_validity() {
        let ends_after = |clock: NodeClock| (0..10).find(|&tick| clock.at(tick).since_epoch() > TTL);
        assert_eq!(instant(2).since_epoch(), VALIDITY);
        assert_eq!(ends_after(NodeClock::Fast), Some(2));
        assert_eq!(ends_after(NodeClock::Exact), Some(3));
        assert_eq!(ends_after(NodeClock::Slow), Some(4));
        assert_eq!(ends_after(NodeClock::TooFast), Some(1));
    }
}
