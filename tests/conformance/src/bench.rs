use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::NodeTimeout;

use crate::{Client, Scheduler, TestNode};

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// The numbers of nodes for which everything must hold.
pub(crate) const NODE_COUNTS: [usize; 4] = [1, 3, 4, 5];

/// Within this time a lock that nobody wants any more must be gone from all nodes that answer: long before its TTL is
/// over, on a busy machine too.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(1);

/// In which a call gives up that cannot succeed.
pub(crate) const BUDGET: Duration = Duration::from_millis(300);

/// Such a call has ended by then: much earlier than without a budget, on a busy machine too.
pub(crate) const GIVEN_UP_WITHIN: Duration = Duration::from_secs(3);

/// Long enough for whatever comes by itself: a node that is back is noticed, a key is everywhere.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// Of so many locks each node gets one, however busy the machine is.
const MAX_CATCH_UPS: usize = 4;

/// What a case works with: nodes, clients of them, time and tasks.
pub(crate) struct Bench {
    pub(crate) scheduler: Scheduler,
    start: Start,
}

/// Nodes of whichever type.
type AnyNodes = Vec<Arc<dyn TestNode>>;
/// Starts so many of them.
type Start = Box<dyn Fn(usize, Storage) -> (AnyNodes, Connect)>;

/// What becomes of keys when a node restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Any,
    Durable,
}

/// Makes a handle to nodes that were started, with a node timeout if one is given.
pub(crate) type Connect = Box<dyn Fn(Option<NodeTimeout>) -> Client>;

impl Bench {
    /// Nodes of the type `N`, and the way from a list of them to a handle.
    pub(crate) fn new<N: TestNode>(
        scheduler: Scheduler,
        connect: fn(&[Arc<N>], Option<NodeTimeout>) -> Client,
    ) -> Self {
        let start = move |count, storage| {
            let start = if storage == Storage::Durable { N::start_durable } else { N::start };
            let nodes: Vec<Arc<N>> = (0..count).map(|_| Arc::new(start())).collect();
            let erased = nodes.iter().cloned().map(|node| -> Arc<dyn TestNode> { node }).collect();
            let connect: Connect = Box::new(move |timeout| connect(&nodes, timeout));
            (erased, connect)
        };
        Self { scheduler, start: Box::new(start) }
    }

    /// Starts nodes, and a client of them.
    pub(crate) fn start(&self, count: usize) -> Nodes {
        self.start_with(count, Storage::Any)
    }

    pub(crate) fn start_with(&self, count: usize, storage: Storage) -> Nodes {
        let (all, connect) = (self.start)(count, storage);
        let client = connect(None);
        Nodes { all, connect, client, scheduler: self.scheduler.clone() }
    }
}

impl Deref for Bench {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

/// Independent nodes with a client of them. It dereferences to the nodes.
pub(crate) struct Nodes {
    all: AnyNodes,
    connect: Connect,
    pub(crate) client: Client,
    scheduler: Scheduler,
}

impl Nodes {
    /// Another client of the same nodes, as another process would have it.
    pub(crate) fn rival(&self) -> Client {
        (self.connect)(None)
    }

    /// A client that gives every node much time: for cases about numbers and not about time.
    pub(crate) fn patient_client(&self) -> Client {
        (self.connect)(Some(NodeTimeout::fixed(Duration::from_secs(20))))
    }

    /// How many of the nodes that answer have the key.
    pub(crate) fn keys(&self, name: &str) -> usize {
        self.iter().filter(|node| node.ttl(name).is_some()).count()
    }

    /// Waits until every node has carried out what the client has sent it so far: until then a key that was left behind
    /// may not be there yet.
    pub(crate) async fn catch_up(&self) {
        // A node whose connection comes too late for a lock is not told of that lock any more.
        for _ in 0..MAX_CATCH_UPS {
            let guard = self.client.lock("catch-up", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
            let is_everywhere = || self.keys("catch-up") == self.len();
            let has_caught_up = self.scheduler.wait_until(SOON / 4, is_everywhere).await;
            guard.release().await;
            if has_caught_up {
                return;
            }
        }
        panic!("a node does not get any of {MAX_CATCH_UPS} locks");
    }

    /// Waits until all nodes have the key: also those that were not needed for the quorum.
    pub(crate) async fn wait_until_everywhere(&self, name: &str) {
        let everywhere = || self.keys(name) == self.len();
        assert!(self.scheduler.wait_until(SOON, everywhere).await, "{} of {} keys", self.keys(name), self.len());
    }

    /// Waits until the nodes have let the key go: the drift later than its holder.
    pub(crate) async fn wait_until_expired(&self, name: &str) {
        self.assert_gone_within(SOON, name).await;
    }

    /// Waits, for as long as may be, until no node has the key.
    pub(crate) async fn assert_gone(&self, name: &str) {
        self.assert_gone_within(GONE_WITHIN, name).await;
    }

    pub(crate) async fn assert_gone_within(&self, limit: Duration, name: &str) {
        let gone = self.scheduler.wait_until(limit, || self.keys(name) == 0).await;
        assert!(gone, "{} keys are left after {limit:?}", self.keys(name));
    }
}

impl Deref for Nodes {
    type Target = [Arc<dyn TestNode>];

    fn deref(&self) -> &[Arc<dyn TestNode>] {
        &self.all
    }
}
