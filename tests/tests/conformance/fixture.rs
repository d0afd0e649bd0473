//! Independent masters with a client of them.

use std::time::Duration;

use redlock_driver::NodeTimeout;
use redlock_tests::{Servers, wait_until};

use crate::adapter::{Adapter, Redlock};

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// The numbers of nodes for which everything must hold.
pub(crate) const NODE_COUNTS: [usize; 4] = [1, 3, 4, 5];

/// Within this time a lock that nobody wants any more must be gone from all nodes.
pub(crate) const GONE_WITHIN: Duration = Duration::from_millis(100);

/// By default a node has this time to answer when the TTL is [`TTL`]. What takes less than half of it has not waited
/// for a silent node.
pub(crate) fn half_a_node_timeout() -> Duration {
    NodeTimeout::DEFAULT.of(TTL) / 2
}

pub(crate) struct Fixture<A: Adapter> {
    pub(crate) servers: Servers,
    pub(crate) redlock: Redlock<A>,
}

impl<A: Adapter> Fixture<A> {
    pub(crate) fn start(count: usize) -> Self {
        Self::over(Servers::start(count))
    }

    pub(crate) fn over(servers: Servers) -> Self {
        let redlock = A::redlock(servers.urls());
        Self { servers, redlock }
    }

    /// Another client of the same nodes, as another process would have it.
    pub(crate) fn rival(&self) -> Redlock<A> {
        A::redlock(self.servers.urls())
    }

    /// How many of the servers that answer have the key.
    pub(crate) fn keys(&self, name: &str) -> usize {
        let answers = self.servers.iter().filter_map(|server| server.get(name).ok());
        answers.flatten().count()
    }

    /// Waits until all servers have the key: also those that were not needed for the quorum.
    pub(crate) fn wait_until_everywhere(&self, name: &str) {
        let everywhere = || self.keys(name) == self.servers.len();
        assert!(wait_until(Duration::from_secs(5), everywhere), "{} keys", self.keys(name));
    }

    /// Waits until the servers have let the key go: the drift later than its holder.
    pub(crate) fn wait_until_expired(&self, name: &str) {
        assert!(wait_until(Duration::from_secs(5), || self.keys(name) == 0), "{} keys", self.keys(name));
    }

    /// Waits, for as long as may be, until no server has the key.
    pub(crate) fn assert_gone(&self, name: &str) {
        let left = || self.keys(name);
        assert!(wait_until(GONE_WITHIN, || left() == 0), "{} keys are left after {GONE_WITHIN:?}", left());
    }
}
