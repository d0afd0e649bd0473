use std::net::TcpStream;
use std::time::Duration;

use redlock_core::system::socket::{read as read_from, write};
use redlock_core::{Heard, Hearing, Resource, WaiterId, resp};
use redlock_tests::{Server, wait_until};

/// A connection on which a waiter hears that it is called up.
pub(crate) struct Subscriber {
    socket: TcpStream,
    machine: resp::Connection,
}

impl Subscriber {
    pub(crate) fn start(server: &Server, waiter: &WaiterId) -> Self {
        let socket = TcpStream::connect(server.address()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut opening = resp::Opening::new(&resp::Settings::new());
        let mut socket = socket;
        let machine = wait_for(|| {
            write(&mut opening, &mut socket).unwrap();
            read_from(&mut opening, &mut socket).unwrap();
            opening.poll()
        });
        let mut subscriber = Self { socket, machine: machine.unwrap() };
        assert_eq!(subscriber.machine.hearing(), Hearing::Shared);
        subscriber.machine.subscribe(waiter);
        write(&mut subscriber.machine, &mut subscriber.socket).unwrap();
        assert_eq!(wait_for(|| subscriber.poll()), resp::Event::Heard(Heard::Subscribed));
        subscriber
    }

    pub(crate) fn next_message(&mut self) -> Resource {
        match wait_for(|| self.poll()) {
            resp::Event::Heard(Heard::CalledUp(resource)) => resource,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn has_message(&mut self) -> bool {
        self.poll().is_some()
    }

    fn poll(&mut self) -> Option<resp::Event> {
        read_from(&mut self.machine, &mut self.socket).unwrap();
        self.machine.poll_event()
    }
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut seen = None;
    assert!(wait_until(Duration::from_secs(10), || {
        seen = seen.take().or_else(&mut look);
        seen.is_some()
    }));
    seen.unwrap()
}
