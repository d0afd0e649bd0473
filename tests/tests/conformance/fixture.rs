//! Independent masters with a client of them.

use std::time::Duration;

use redlock_conformance::Client;
use redlock_tests::{Servers, wait_until};

use crate::adapter::Adapter;

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// Within this time a lock that nobody wants any more must be gone from all nodes.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(1);

pub(crate) struct Fixture {
    pub(crate) servers: Servers,
    pub(crate) client: Client,
}

impl Fixture {
    pub(crate) fn start<A: Adapter>(count: usize) -> Self {
        Self::over::<A>(Servers::start(count))
    }

    pub(crate) fn over<A: Adapter>(servers: Servers) -> Self {
        let client = A::client(&servers.urls());
        Self { servers, client }
    }

    /// How many of the servers that answer have the key.
    pub(crate) fn keys(&self, name: &str) -> usize {
        self.servers.iter().filter_map(|server| server.get(name).ok()).flatten().count()
    }

    /// Waits until all servers have the key: also those that were not needed for the quorum.
    pub(crate) fn wait_until_everywhere(&self, name: &str) {
        let everywhere = || self.keys(name) == self.servers.len();
        assert!(wait_until(Duration::from_secs(5), everywhere), "{} keys", self.keys(name));
    }

    /// Waits, for as long as may be, until no server has the key.
    pub(crate) fn assert_gone(&self, name: &str) {
        let left = || self.keys(name);
        assert!(wait_until(GONE_WITHIN, || left() == 0), "{} keys are left after {GONE_WITHIN:?}", left());
    }
}
