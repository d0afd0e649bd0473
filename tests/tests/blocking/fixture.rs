//! Independent masters with a client of them.

use std::time::Duration;

use redlock_blocking::{NodeTimeout, Redlock};
use redlock_tests::{Server, Servers, wait_until};

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// Within this time a lock that nobody wants any more must be gone from all nodes.
pub(crate) const GONE_WITHIN: Duration = Duration::from_millis(250);

/// Long enough for anything that comes by itself.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// How long a node has to answer when the TTL is [`TTL`].
pub(crate) fn node_timeout() -> Duration {
    NodeTimeout::DEFAULT.of(TTL)
}

pub(crate) struct Fixture {
    pub(crate) servers: Servers,
    pub(crate) redlock: Redlock,
}

impl Fixture {
    pub(crate) fn start(count: usize) -> Self {
        Self::over(Servers::start(count))
    }

    pub(crate) fn over(servers: Servers) -> Self {
        let redlock = connected(client(&servers), &servers);
        Self { servers, redlock }
    }

    /// Another client of the same nodes, as another process would have it.
    pub(crate) fn rival(&self) -> Redlock {
        connected(self.newcomer(), &self.servers)
    }

    /// A rival that has only begun to connect.
    pub(crate) fn newcomer(&self) -> Redlock {
        client(&self.servers)
    }

    /// How many of the servers that answer have the key.
    pub(crate) fn keys(&self, name: &str) -> usize {
        self.servers.iter().filter_map(|server| server.get(name).ok()).flatten().count()
    }

    /// Waits until all servers have the key: also those that were not needed for the quorum.
    pub(crate) fn wait_until_everywhere(&self, name: &str) {
        assert!(wait_until(SOON, || self.keys(name) == self.servers.len()), "{} keys", self.keys(name));
    }

    /// Waits until all servers answer again.
    pub(crate) fn wait_until_awake(&self) {
        let is_awake = |server: &Server| server.command(&["PING"]).is_ok();
        assert!(wait_until(SOON, || self.servers.iter().all(is_awake)));
    }

    /// Waits, for as long as may be, until no server has the key.
    pub(crate) fn assert_gone(&self, name: &str) {
        let left = || self.keys(name);
        assert!(wait_until(GONE_WITHIN, || left() == 0), "{} keys are left after {GONE_WITHIN:?}", left());
    }
}

fn client(servers: &Servers) -> Redlock {
    Redlock::builder().nodes(servers.urls()).build().expect("the URLs of running servers")
}

/// Waits until a client is connected to all servers: what it acquires reaches each of them.
fn connected(redlock: Redlock, servers: &Servers) -> Redlock {
    let is_connected = || redlock.health().voters() == servers.len();
    assert!(wait_until(SOON, is_connected), "{}", redlock.health());
    redlock
}
