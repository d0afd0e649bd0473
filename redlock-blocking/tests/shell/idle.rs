//! Connections that end while nobody uses them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use redlock_blocking::mio::{event::Source, net::UdpSocket};
use redlock_blocking::transport::{Command, Connection, Reply, Transport};
use redlock_blocking::{Cause, Node, Redlock, Unavailable, now};
use redlock_core::model;

use crate::link::{SOON, TTL};

/// The way to a node that closes its first connection together with its first reply. Clones are the same.
#[derive(Clone, Default)]
struct Way {
    node: Arc<Mutex<model::Node>>,
    connects: Arc<AtomicUsize>,
}

impl Transport for Way {
    type Connection = Open;

    fn connect(&mut self, _timeout: Duration) -> Result<Open, Unavailable> {
        let closes_early = self.connects.fetch_add(1, Ordering::SeqCst) == 0;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (socket, owed) = (UdpSocket::from_std(socket), VecDeque::new());
        Ok(Open { way: self.clone(), socket, owed, closes_early, is_closed: false })
    }
}

/// A connection that sends itself a datagram for each reply, and none for its end.
struct Open {
    way: Way,
    socket: UdpSocket,
    owed: VecDeque<Reply>,
    closes_early: bool,
    is_closed: bool,
}

impl Connection for Open {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.owed.push_back(self.way.node.lock().unwrap().execute(command, now()));
        let sent: io::Result<usize> = self.socket.send(&[0]);
        sent.map(drop).map_err(|error| Unavailable::with_detail(Cause::Disconnected, &error.to_string()))
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        Some(&mut self.socket)
    }

    fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
        let reply = self.owed.pop_front();
        self.is_closed |= reply.is_some() && self.closes_early;
        Ok(reply)
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        if self.is_closed { Err(Unavailable::new(Cause::Disconnected)) } else { Ok(()) }
    }
}

#[test]
fn a_health_report_notices_an_end_that_came_with_the_last_reply() {
    let way = Way::default();
    let node = Node::new("only", way.clone());
    let redlock = Redlock::builder().node(node).ping_interval(None).build().unwrap();
    redlock.try_lock("job", TTL).unwrap().forget();
    let begin = Instant::now();
    while way.connects.load(Ordering::SeqCst) < 2 {
        let health = redlock.health();
        assert!(begin.elapsed() < SOON, "{health}");
        thread::yield_now();
    }
}
