use std::time::Duration;

use redlock_core::{Config, KeepAlive, NodeTimeout, Options, Request};

pub(super) const TTL: Duration = Duration::from_millis(350);
const NODE_TIMEOUT: Duration = Duration::from_millis(100);
/// Longer than any path, so that a connection ends only where it is broken.
pub(super) const SILENCE: Duration = Duration::from_secs(3_600);
/// The longest hold of a lock that is kept alive: the first renewal would let it live for longer.
pub(super) const MAX_HOLD: Duration = Duration::from_millis(400);

/// A small world: how many there are in it, and what may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Scenario {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many users there are, each of which acquires one lock.
    pub users: usize,
    /// Whether all users want the same lock.
    pub one_name: bool,
    /// How often a connection breaks.
    pub breaks: u8,
    /// How often a connection cannot be opened.
    pub failures: u8,
    /// How often a user extends its lock.
    pub extensions: u8,
    /// How often time goes on to the next timer.
    pub jumps: u8,
    /// Whether locks are kept alive, up to a longest hold.
    pub keeps_alive: bool,
    /// Whether nodes may carry out commands of connections that are broken.
    pub late_commands: bool,
    /// Whether the nodes know the scripts from the beginning.
    pub knows_scripts: bool,
}

impl Scenario {
    /// A world of one node and two users with one name, in which a connection breaks once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodes: 1,
            users: 2,
            one_name: true,
            breaks: 1,
            failures: 0,
            extensions: 0,
            jumps: 1,
            keeps_alive: false,
            late_commands: false,
            knows_scripts: true,
        }
    }

    pub(super) fn config(&self) -> Config {
        let names = (0..self.nodes).map(|node| format!("node {node}"));
        let timeout = NodeTimeout::fixed(NODE_TIMEOUT);
        let config = Config::builder(names).node_timeout(timeout).silence_timeout(SILENCE).ping_interval(None);
        config.build().expect("a valid config")
    }

    pub(super) fn request(&self, config: &Config, user: usize) -> Request {
        let name = if self.one_name { 0 } else { user };
        let options = Options::new().attempts(1).keep_alive(self.keeps_alive.then_some(KeepAlive::up_to(MAX_HOLD)));
        Request::new(config, format!("lock {name}"), TTL, options).expect("a valid request")
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}
