//! The conformance suite for a blocking transport, as a test target with `harness = false` has it.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use redlock_blocking::transport::{Command, Connection, Reply, Transport};
use redlock_blocking::{Node, Unavailable};
use redlock_conformance::{BlockingNode, Suite, TestNode};
use redlock_driver::memory::{MemoryConnection, MemoryNode}; // in the place of your server

pub(crate) struct Mine(MemoryNode);

impl Mine {
    pub(crate) fn transport(&self) -> MyTransport {
        MyTransport(self.0.clone())
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

impl BlockingNode for Mine {
    fn node(&self) -> Node {
        Node::new(self.0.name(), self.transport())
    }
}

/// The transport: it polls the node's own, which is an async one. Yours writes to a socket, and reads from it.
pub(crate) struct MyTransport(MemoryNode);

impl Transport for MyTransport {
    type Connection = MyConnection;

    fn connect(&mut self, _timeout: Duration) -> Result<MyConnection, Unavailable> {
        let connect = redlock_driver::transport::Transport::connect(&mut self.0);
        let open = connect.now_or_never().expect("it takes no time")?;
        Ok(MyConnection { open, owed: VecDeque::new() })
    }
}

pub(crate) struct MyConnection {
    open: MemoryConnection,
    owed: VecDeque<BoxFuture<'static, Result<Vec<Reply>, Unavailable>>>,
}

impl Connection for MyConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        let reply = redlock_driver::transport::Connection::send(&mut self.open, vec![command.clone()]);
        self.owed.push_back(reply.boxed());
        Ok(())
    }

    fn receive(&mut self, _command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let begin = Instant::now();
        while let Some(owed) = self.owed.front_mut() {
            if let Some(replies) = owed.as_mut().now_or_never() {
                self.owed.pop_front();
                return replies.map(|mut replies| replies.pop());
            } else if begin.elapsed() >= timeout {
                break;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        Ok(None)
    }
}

/// Nodes are told apart by their names.
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("node-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn suite(name: &str) -> Suite {
    Suite::of_blocking::<Mine>(name).blocking_transport(Mine::transport)
}

fn main() -> ExitCode {
    redlock_conformance::main([suite("mine")])
}
