//! Nodes inside the process, as the authors of transports have them in the examples of the suite.

#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../conformance/examples/asynchronous.rs"]
pub(crate) mod asynchronous;
#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../conformance/examples/blocking.rs"]
pub(crate) mod blocking;

use std::time::Duration;

use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{IntoNode as _, Node};
use redlock_conformance::{BlockingNode, Suite, TestNode};

/// A node in memory as `redlock-blocking` itself takes it.
struct Blocking(asynchronous::Mine);

pub(crate) fn blocking_suite(name: &str) -> Suite {
    Suite::of_blocking::<Blocking>(name).blocking_transport(Blocking::transport)
}

impl Blocking {
    fn transport(&self) -> MemoryNode {
        self.0.transport()
    }
}

impl BlockingNode for Blocking {
    fn node(&self) -> Node {
        self.transport().into_node().unwrap()
    }
}

impl TestNode for Blocking {
    fn start() -> Self {
        Self(TestNode::start())
    }

    fn ttl(&self, name: &str) -> Option<Duration> {
        self.0.ttl(name)
    }

    fn pause(&self) {
        self.0.pause();
    }

    fn resume(&self) {
        self.0.resume();
    }

    fn kill(&self) {
        self.0.kill();
    }

    fn restart(&self) {
        self.0.restart();
    }

    fn wipe(&self) {
        self.0.wipe();
    }

    fn set_if_absent(&self, name: &str) -> bool {
        self.0.set_if_absent(name)
    }
}
