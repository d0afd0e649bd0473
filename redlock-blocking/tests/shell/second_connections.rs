//! Second connections, over which a handle only hears.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use redlock_blocking::health::ConnectionState;
use redlock_blocking::mio::{event::Source, net::UdpSocket};
use redlock_blocking::transport::{Command, Connection, Hearing, Reply, Transport};
use redlock_blocking::{Cause, Node, NodeTimeout, Redlock, Unavailable, now};
use redlock_core::model;

use crate::link::{SOON, TTL};

/// The way to a node whose second connection is not opened before it may be, and then refused. Clones are the same.
#[derive(Clone, Default)]
struct Way(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    node: model::Node,
    connects: usize,
    second_may_end: bool,
    is_cut: bool,
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) {
        let (_state, waited) = self.0.1.wait_timeout_while(self.state(), SOON, |state| condition(state)).unwrap();
        assert!(!waited.timed_out(), "it does not come true");
    }
}

impl Transport for Way {
    type Connection = Open;

    fn connect(&mut self, _timeout: Duration) -> Result<Open, Unavailable> {
        self.change(|state| state.connects += 1);
        match self.state().connects {
            2 => {}
            1 => return Ok(Open::new(self, true)),
            _ => return Ok(Open::new(self, false)),
        }
        self.wait_while(|state| !state.second_may_end);
        Err(Unavailable::with_detail(Cause::NotSent, "one is enough"))
    }
}

/// A connection that sends itself a datagram for each reply, so that it can be waited for.
struct Open {
    way: Way,
    socket: UdpSocket,
    owed: VecDeque<Reply>,
    can_be_cut: bool,
}

impl Open {
    fn new(way: &Way, can_be_cut: bool) -> Self {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { way: way.clone(), socket: UdpSocket::from_std(socket), owed: VecDeque::new(), can_be_cut }
    }
}

impl Connection for Open {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        let mut state = self.way.state();
        if state.is_cut && self.can_be_cut {
            return Err(Unavailable::with_detail(Cause::Disconnected, "cut"));
        }
        self.owed.push_back(state.node.execute(command, now()));
        let sent: io::Result<usize> = self.socket.send(&[0]);
        sent.map(|_| ()).map_err(|error| Unavailable::with_detail(Cause::Disconnected, &error.to_string()))
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        Some(&mut self.socket)
    }

    fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
        Ok(self.owed.pop_front())
    }

    fn hearing(&self) -> Hearing {
        Hearing::Apart
    }
}

#[test]
fn a_connection_that_breaks_while_a_second_one_is_being_opened_is_replaced_after_that() {
    let way = Way::default();
    way.state().node.set(b"job", b"theirs", None, now());
    let node = Node::new("only", way.clone());
    let redlock = Redlock::builder().node(node).node_timeout(NodeTimeout::fixed(SOON)).build().unwrap();
    let waiting = thread::spawn({
        let redlock = redlock.clone();
        move || redlock.acquire("job", TTL).wait(SOON).lock()
    });
    way.wait_while(|state| state.connects < 2);
    way.change(|state| state.is_cut = true);
    while matches!(redlock.health().nodes[0].connection, ConnectionState::Connected { .. }) {
        thread::yield_now();
    }
    assert_eq!(way.state().connects, 2, "one after the other");
    way.change(|state| {
        state.node.delete(b"job");
        state.second_may_end = true;
    });
    drop(waiting.join().unwrap().unwrap());
    assert!(way.state().connects > 2, "it may have begun to subscribe again");
}
