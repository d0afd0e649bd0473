use std::future::Future;
use std::sync::Arc;

use redlock_core::NodeTimeout;
use redlock_driver::{Node, Redlock, Runtime};

use crate::bench::Bench;
use crate::{Client, Scheduler, TestNode};

/// A node of yours that is reached by an async transport. See the [crate's front page](crate) for a complete one.
pub trait AsyncNode: TestNode {
    /// The runtime that the transport works on.
    type Runtime: Runtime;

    /// Runs a case on the runtime, until it is over.
    fn run(case: impl Future<Output = ()>);

    /// The runtime, from inside of [`run`](Self::run).
    fn runtime() -> Self::Runtime;

    /// What your users hand to `Builder::node`: your transport with the node's name, or whatever is made into that.
    ///
    /// Several nodes must have several names.
    fn node(&self) -> Node<Self::Runtime>;
}

/// Runs a case with what it works with.
pub(crate) fn run<N: AsyncNode, F: Future<Output = ()>>(case: impl FnOnce(Bench) -> F) {
    N::run(async { case(Bench::new::<N>(Scheduler::on(&N::runtime()), connect)).await });
}

fn connect<N: AsyncNode>(nodes: &[Arc<N>], node_timeout: Option<NodeTimeout>) -> Client {
    let mut builder = Redlock::builder().nodes(nodes.iter().map(|node| node.node()));
    if let Some(timeout) = node_timeout {
        builder = builder.node_timeout(timeout);
    }
    builder.build_on(N::runtime()).unwrap_or_else(|error| panic!("{error}")).into()
}
