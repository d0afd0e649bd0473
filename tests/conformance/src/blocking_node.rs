use std::future::Future;
use std::sync::Arc;

use futures_executor::block_on;
use redlock_blocking::{Node, Redlock};
use redlock_core::NodeTimeout;

use crate::bench::Bench;
use crate::{Client, Need, Scheduler, TestNode};

/// A node of yours that is reached by a blocking transport.
///
/// Cases are run on threads. A complete example:
///
/// ```
#[doc = include_str!("../examples/blocking.rs")]
/// ```
pub trait BlockingNode: TestNode {
    /// What your users hand to `Builder::node`: your transport with the node's name, or whatever is made into that.
    ///
    /// Several nodes must have several names.
    fn node(&self) -> Node;
}

/// Runs a case with what it works with.
pub(crate) fn run<N: BlockingNode, F: Future<Output = ()>>(case: impl FnOnce(Bench) -> F) {
    block_on(case(Bench::new::<N>(Scheduler::of_threads(), connect)));
}

/// What has no meaning on this side.
pub(crate) const fn cannot(need: Need) -> Option<&'static str> {
    match need {
        Need::DroppedCalls => Some("a call that blocks cannot be dropped; an acquisition can be aborted"),
        Need::ManyCalls => Some("every call that waits takes a thread"),
        _ => None,
    }
}

fn connect<N: BlockingNode>(nodes: &[Arc<N>], node_timeout: Option<NodeTimeout>) -> Client {
    let mut builder = Redlock::builder().nodes(nodes.iter().map(|node| node.node()));
    if let Some(timeout) = node_timeout {
        builder = builder.node_timeout(timeout);
    }
    builder.build().unwrap_or_else(|error| panic!("{error}")).into()
}
