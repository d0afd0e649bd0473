use std::time::Duration;

use redlock_core::{Config, NodeTimeout, Options, Request, RetryDelay};

/// The name that all users want.
pub(super) const NAME: &str = "job";
/// Longer than all that is looked at, so that no lock is lost.
pub(super) const TTL: Duration = Duration::from_secs(3_600);
/// A node that has not answered for so long hangs, as far as a handle knows.
const NODE_TIMEOUT: Duration = Duration::from_millis(150);
/// Whoever was not called up asks after so long at the latest: so late that nobody is served by chance.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// Nobody gives up because of the time.
const PATIENCE: Duration = Duration::from_secs(3_600_000);
/// Longer than any path, so that a connection ends only where it is broken.
const SILENCE: Duration = Duration::from_secs(36_000_000);

/// A small world: how many there are in it, and what may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scenario {
    /// How many nodes there are.
    pub nodes: usize,
    /// The handle of each user.
    pub users: &'static [usize],
    /// How often each user acquires the lock.
    pub rounds: u8,
    /// Which nodes take their time; the others answer at once.
    pub late: Late,
    /// Whether all handles have subscribed at all nodes from the beginning.
    pub are_subscribed: bool,
    /// How often a call-up is lost.
    pub lost_call_ups: u8,
    /// How often a connection breaks.
    pub breaks: u8,
    /// How often a user does not wait any longer.
    pub give_ups: u8,
    /// How often time goes on to the next timer.
    pub jumps: u8,
}

/// Which nodes take their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    /// All nodes.
    All,
    /// Only the one that keeps the wait queue.
    Home,
    /// All but that one.
    Others,
}

impl Scenario {
    /// A world of one node and two handles with a user each, in which nothing goes wrong but that time may pass.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodes: 1,
            users: &[0, 1],
            rounds: 1,
            late: Late::All,
            are_subscribed: true,
            lost_call_ups: 0,
            breaks: 0,
            give_ups: 0,
            jumps: 1,
        }
    }

    pub(super) fn handles(&self) -> usize {
        self.users.iter().max().map_or(0, |last| last.saturating_add(1))
    }

    pub(super) fn config(&self) -> Config {
        let names = (0..self.nodes).map(|node| format!("node {node}"));
        let timeout = NodeTimeout::fixed(NODE_TIMEOUT);
        let config = Config::builder(names).node_timeout(timeout).silence_timeout(SILENCE).ping_interval(None);
        config.build().expect("a valid config")
    }

    pub(super) fn request(config: &Config, name: &str) -> Request {
        let delay = RetryDelay::new(LONGEST_WAIT, LONGEST_WAIT);
        let options = Options::new().retry_delay(delay).wait(PATIENCE);
        Request::new(config, name, TTL, options).expect("a valid request")
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}
