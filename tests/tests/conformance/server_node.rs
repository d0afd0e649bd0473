//! Real servers, as the nodes of the conformance suite.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use redlock_conformance::{AsyncNode, BlockingNode, TestNode};
use redlock_driver::CurrentRuntime;
use redlock_tests::Server;

use crate::adapter::{Address, AsyncAdapter, BlockingAdapter};

/// A server that is reached by an adapter.
pub(crate) struct ServerNode<A> {
    server: Mutex<Server>,
    adapter: PhantomData<A>,
}

impl<A> ServerNode<A> {
    fn over(server: Server) -> Self {
        Self { server: Mutex::new(server), adapter: PhantomData }
    }

    pub(crate) fn url(&self) -> String {
        self.server().url()
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }
}

impl<A: Send + Sync + 'static> TestNode for ServerNode<A> {
    fn start() -> Self {
        Self::over(Server::start())
    }

    fn start_durable() -> Self {
        Self::over(Server::builder().persistent(true).start())
    }

    fn ttl(&self, name: &str) -> Option<Duration> {
        let millis = self.server().command(&["PTTL", name]).ok()?;
        millis.parse().ok().map(Duration::from_millis)
    }

    fn pause(&self) {
        self.server().pause();
    }

    fn resume(&self) {
        self.server().resume();
    }

    fn kill(&self) {
        self.server().kill();
    }

    fn restart(&self) {
        self.server().restart();
    }

    fn wipe(&self) {
        self.server().command(&["FLUSHALL"]).unwrap();
    }

    fn set_if_absent(&self, name: &str) -> bool {
        self.server().command(&["SET", name, "by-hand", "NX", "PX", "60000"]).unwrap() == "OK"
    }
}

impl<A: AsyncAdapter> AsyncNode for ServerNode<A> {
    type Runtime = A::Runtime;

    fn run(case: impl Future<Output = ()>) {
        A::run(case);
    }

    fn runtime() -> A::Runtime {
        A::Runtime::current().unwrap()
    }

    fn node(&self) -> redlock_driver::Node<A::Runtime> {
        A::node(&Address::Url(self.url())).unwrap()
    }
}

impl<A: BlockingAdapter> BlockingNode for ServerNode<A> {
    fn node(&self) -> redlock_blocking::Node {
        A::node(&Address::Url(self.url())).unwrap()
    }
}
