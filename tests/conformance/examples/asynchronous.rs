//! The conformance suite for an async transport, as a test target with `harness = false` has it.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use redlock_conformance::{AsyncNode, Suite, TestNode};
use redlock_driver::{Node, memory::MemoryNode}; // in the place of your server
use redlock_tokio::Tokio;

pub(crate) struct Mine(MemoryNode);

impl Mine {
    // Here: `MyTransport::new(self.address())`.
    pub(crate) fn transport(&self) -> MemoryNode {
        self.0.clone()
    }
}

impl TestNode for Mine {
    fn start() -> Self {
        Self(MemoryNode::new(unique_name()))
    }
    fn ttl(&self, name: &str) -> Option<Duration> {
        self.0.ttl(name)
    }
    fn pause(&self) {
        self.0.stop();
    }
    fn resume(&self) {
        self.0.resume();
    }
    fn kill(&self) {
        self.0.cut();
    }
    fn restart(&self) {
        self.0.resume();
        self.0.restore();
    }
    fn wipe(&self) {
        self.0.wipe();
    }
    fn set_if_absent(&self, name: &str) -> bool {
        let is_absent = self.0.ttl(name).is_none();
        if is_absent {
            self.0.set(name, "somebody else's", Some(Duration::from_secs(60)));
        }
        is_absent
    }
}

impl AsyncNode for Mine {
    type Runtime = Tokio;

    fn run(case: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("tokio starts").block_on(case);
    }
    fn runtime() -> Tokio {
        Tokio::new(tokio::runtime::Handle::current())
    }
    fn node(&self) -> Node<Tokio> {
        Node::new(self.0.name(), self.transport())
    }
}

/// Nodes are told apart by their names.
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("node-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn suite(name: &str) -> Suite {
    Suite::of_async::<Mine>(name).async_transport(Mine::transport)
}

fn main() -> ExitCode {
    redlock_conformance::main([suite("mine")])
}
