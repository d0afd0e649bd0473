//! Transports that panic where they are asked for something.

use std::collections::VecDeque;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use redlock_blocking::mio::{event::Source, net::UdpSocket};
use redlock_blocking::transport::{Command, Connection, Facts, Heard, Hearing, Reply, Transport};
use redlock_blocking::{Cause, Node, NodeTimeout, Redlock, ReleaseVerdict, Unavailable, now};
use redlock_core::model;

use crate::link::{SOON, TTL};

/// What a connection panics at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Nothing,
    Source,
    Facts,
    Hearing,
    NextHeard,
    /// Its end, which comes at once.
    Drop,
}

struct Way(At);

impl Transport for Way {
    type Connection = Open;

    fn connect(&mut self, _timeout: Duration) -> Result<Open, Unavailable> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (node, owed) = (model::Node::new(), VecDeque::new());
        Ok(Open { panics_at: self.0, node, socket: UdpSocket::from_std(socket), owed })
    }
}

/// A connection that sends itself a datagram for each reply, so that it can be waited for.
struct Open {
    panics_at: At,
    node: model::Node,
    socket: UdpSocket,
    owed: VecDeque<Reply>,
}

impl Open {
    fn asked_for(&self, what: At) {
        assert!(self.panics_at != what, "as it was told to");
    }
}

impl Connection for Open {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        if self.panics_at == At::Drop {
            return Err(Unavailable::new(Cause::Disconnected));
        }
        self.owed.push_back(self.node.execute(command, now()));
        self.socket.send(&[0]).unwrap();
        Ok(())
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        self.asked_for(At::Source);
        Some(&mut self.socket)
    }

    fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
        Ok(self.owed.pop_front())
    }

    fn facts(&self) -> Facts {
        self.asked_for(At::Facts);
        Facts::default()
    }

    fn hearing(&self) -> Hearing {
        self.asked_for(At::Hearing);
        Hearing::Shared
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.asked_for(At::NextHeard);
        None
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.asked_for(At::Drop);
    }
}

#[test]
fn a_transport_that_panics_at_any_question_harms_no_other_node() {
    for at in [At::Source, At::Facts, At::Hearing, At::NextHeard, At::Drop] {
        let nodes = [("one", at), ("two", At::Nothing), ("three", At::Nothing)];
        let nodes = nodes.map(|(name, panics_at)| Node::new(name, Way(panics_at)));
        let redlock = Redlock::builder().nodes(nodes).node_timeout(NodeTimeout::fixed(SOON)).build().unwrap();
        let (done, is_done) = channel();
        // Where nobody could wait for the connections any more, it would not come back.
        thread::spawn(move || {
            let release = |()| redlock.lock("job", TTL).unwrap().release().verdict;
            done.send([(); 3].map(release)).unwrap();
        });
        let verdicts = is_done.recv_timeout(SOON).unwrap_or_else(|error| panic!("{at:?}: {error}"));
        assert_eq!(verdicts, [ReleaseVerdict::Released; 3], "{at:?}");
    }
}
