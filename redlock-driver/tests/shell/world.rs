//! A handle over three nodes, with the clock that they all share.

use std::time::Duration;

use redlock_driver::{Builder, LockGuard, NodeTimeout, Redlock};

use crate::clock::{Clock, settle};
use crate::link::Link;

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// What is left of it after the drift.
pub(crate) const VALIDITY: Duration = Duration::from_millis(9_898);

/// How long a node may be silent when the TTL is [`TTL`].
pub(crate) fn node_timeout() -> Duration {
    NodeTimeout::DEFAULT.of(TTL)
}

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) links: [Link; 3],
    pub(crate) redlock: Redlock<Clock>,
}

impl World {
    /// Three nodes that are connected, and asked nothing so far.
    pub(crate) async fn new() -> Self {
        let world = Self::with(|_| ());
        settle().await;
        world
    }

    /// Three nodes, of which some have faults before the driver connects to them.
    pub(crate) fn with(prepare: impl FnOnce(&[Link; 3])) -> Self {
        let clock = Clock::default();
        let links = [(); 3].map(|()| Link::new(&clock));
        prepare(&links);
        let redlock = builder(&links).build_on(clock.clone()).unwrap();
        Self { clock, links, redlock }
    }

    /// Three nodes that are connected, over connections on which everybody may send.
    pub(crate) async fn at_once() -> Self {
        let clock = Clock::default();
        let links = [(); 3].map(|()| Link::new(&clock));
        let nodes = ["one", "two", "three"].iter().zip(&links).map(|(name, link)| link.node_at_once(name));
        let redlock = Redlock::builder().nodes(nodes).build_on(clock.clone()).unwrap();
        settle().await;
        Self { clock, links, redlock }
    }

    /// Another client of the same nodes, as another process would have it.
    pub(crate) fn rival(&self) -> Redlock<Clock> {
        builder(&self.links).build_on(self.clock.clone()).unwrap()
    }

    /// Takes a lock that is free.
    pub(crate) async fn lock(&self, name: &str) -> LockGuard<Clock> {
        self.clock.run(self.redlock.lock(name, TTL)).await.unwrap()
    }

    /// Asserts that no node has a key, and that each was told to delete what it was told to set.
    pub(crate) fn assert_nothing_is_left(&self) {
        for link in &self.links {
            assert!(link.is_empty());
            link.assert_every_set_was_undone();
        }
    }
}

fn builder(links: &[Link; 3]) -> Builder<Clock> {
    let nodes = ["one", "two", "three"].iter().zip(links).map(|(name, link)| link.node(name));
    Redlock::builder().nodes(nodes)
}
