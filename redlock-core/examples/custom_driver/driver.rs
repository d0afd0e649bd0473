//! The driver: moves bytes between the machines and sockets, tells the time, and waits.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::{io, iter, thread};

use redlock_core::resp::{Connection, Event, Opening, Settings};
use redlock_core::system::{now, socket};
use redlock_core::{Cause, Config, Hearing, Instant, Locks, NodeId, Unavailable};

/// The time to connect, and then to open the connection.
const OPENING_TIMEOUT: Duration = Duration::from_secs(1);
/// The wait between two looks at the sockets. A runtime waits for the first of them that is ready, or for the timer.
const PAUSE: Duration = Duration::from_millis(1);

/// Many locks over plain TCP connections, on one thread: nothing goes on while nobody [waits](Driver::wait).
pub(crate) struct Driver {
    pub(crate) locks: Locks,
    links: Vec<Option<Link>>,
    opened: Receiver<Opened>,
    connecting: Sender<Opened>,
}

type Link = (TcpStream, Connection);
type Opened = (NodeId, Result<Link, Unavailable>);

impl Driver {
    /// Creates it for nodes that are named by their addresses.
    pub(crate) fn new(config: Config) -> Self {
        let (connecting, opened) = mpsc::channel();
        Self { links: config.nodes().iter().map(|_| None).collect(), locks: Locks::new(config), opened, connecting }
    }

    /// Drives all locks until `look` finds what it is looking for, usually the result of the verb that was called before.
    pub(crate) fn wait<T>(&mut self, mut look: impl FnMut(&mut Locks, Instant) -> Option<T>) -> T {
        loop {
            self.locks.handle_timeout(now());
            let has_read = self.serve_all();
            if let Some(found) = look(&mut self.locks, now()) {
                return found;
            }
            let timer = self.locks.poll_timeout().map_or(PAUSE, |at| at.saturating_since(now()));
            let pause = if has_read { Duration::ZERO } else { timer.min(PAUSE) };
            if let Ok((node, opened)) = self.opened.recv_timeout(pause) {
                self.take(node, opened);
            }
        }
    }

    fn take(&mut self, node: NodeId, opened: Result<Link, Unavailable>) {
        match opened {
            Ok(link) => {
                let hears = link.1.hearing() == Hearing::Shared; // otherwise locks are tried for now and then
                self.locks.handle_connected(node, link.1.facts().clone(), hears, now());
                self.links[node.index()] = Some(link);
            }
            Err(why) => self.locks.handle_disconnected(node, &why.unsent(), now()),
        }
    }

    /// Serves the nodes that have something new, in that order, and then all: any socket may have something.
    fn serve_all(&mut self) -> bool {
        let mut nodes: Vec<NodeId> = iter::from_fn(|| self.locks.poll_ready()).collect();
        nodes.extend(self.locks.config().nodes().iter());
        let read = nodes.into_iter().filter(|&node| self.serve(node)).count();
        while self.locks.poll_finished().is_some() {} // whoever waits for this lock is woken: `wait` looks in any case
        read > 0
    }

    /// Returns whether something came in.
    fn serve(&mut self, node: NodeId) -> bool {
        if self.locks.poll_connect(node) {
            self.links[node.index()] = None;
            let (address, connecting) = (self.locks.config().name(node).to_owned(), self.connecting.clone());
            thread::spawn(move || drop(connecting.send((node, open(&address)))));
        }
        let Some(link) = &mut self.links[node.index()] else { return false };
        exchange(&mut self.locks, node, link).unwrap_or_else(|why| {
            self.links[node.index()] = None;
            self.locks.handle_disconnected(node, &why, now());
            true
        })
    }
}

/// Reads what the server has said, and writes what there is to say. Returns whether something was read.
///
/// It reads first, and all that is there: an end of the connection is noticed before commands go over it.
fn exchange(locks: &mut Locks, node: NodeId, (stream, connection): &mut Link) -> Result<bool, Unavailable> {
    let broken = because(Cause::Disconnected);
    let mut has_read = false;
    while socket::read(connection, stream).map_err(broken)? != socket::Reading::Nothing {
        has_read = true;
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Reply(reply) => locks.handle_reply(node, reply, now()),
                Event::Heard(heard) => locks.handle_heard(node, heard, now()),
                Event::Broken(why) => return Err(why),
                _ => {} // something that nobody asked for
            }
        }
    }
    if let Some(waiter) = locks.poll_subscribe(node, now()) {
        connection.subscribe(&waiter);
    }
    // As long as the socket takes no more, commands stay in `Locks`, which drops them when it is too late for them.
    if socket::write(connection, stream).map_err(broken)? {
        let mut batch = Vec::new();
        locks.poll_batch(node, &mut batch, now());
        for command in &batch {
            connection.send(command);
        }
        socket::write(connection, stream).map_err(broken)?;
    }
    Ok(has_read)
}

fn open(address: &str) -> Result<Link, Unavailable> {
    let not_sent = because(Cause::NotSent);
    let address = address.to_socket_addrs().map_err(not_sent)?.next();
    let address = address.ok_or(Unavailable::with_detail(Cause::NotSent, "the host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, OPENING_TIMEOUT).map_err(not_sent)?;
    stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(not_sent)?;
    let (mut opening, until) = (Opening::new(&Settings::new()), now().saturating_add(OPENING_TIMEOUT));
    while now() < until {
        socket::write(&mut opening, &mut stream).map_err(not_sent)?;
        socket::read(&mut opening, &mut stream).map_err(not_sent)?;
        match opening.poll() {
            Some(opened) => return opened.map(|connection| (stream, connection)),
            None => thread::park_timeout(PAUSE),
        }
    }
    Err(not_sent(io::ErrorKind::TimedOut.into()))
}

fn because(cause: Cause) -> impl Fn(io::Error) -> Unavailable + Copy {
    move |error| Unavailable::with_detail(cause, &error.to_string())
}
