use std::future::Future;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::time::Duration;

use futures_util::task::noop_waker;
use redlock_core::resp::{Opening, Settings};
use redlock_core::{Config, Hold, Instant, Lock, Options, Request};

use super::super::transport::converse;
use super::*;
use crate::net::Address;

/// A socket that takes everything, and from which comes what a test puts in.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<VecDeque<u8>>>);

impl Scripted {
    fn says(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap();
        if bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { bytes.read(buffer) }
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Scripted {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

fn opened() -> resp::Connection {
    let mut opening = Opening::new(&Settings::new());
    opening.handle_bytes(b"%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n");
    opening.poll().unwrap().unwrap()
}

fn connection(socket: &Scripted) -> NativeConnection<Scripted> {
    NativeConnection::new(socket.clone(), opened())
}

fn set() -> Command {
    let config = Config::builder(["only"]).build().unwrap();
    let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
    Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap()
}

#[test]
fn a_batch_that_is_answered_in_part_leaves_nothing_to_the_next() {
    let socket = Scripted::default();
    let mut connection = connection(&socket);
    let mut first = pin!(connection.send(vec![set(), set()]));
    let mut second = pin!(connection.send(vec![set()]));
    let (waker, held) = (noop_waker(), Reply::HeldByOther(Hold::UNKNOWN));
    let context = &mut Context::from_waker(&waker);

    socket.says(b"+OK\r\n");
    assert!(first.as_mut().poll(context).is_pending());
    assert!(second.as_mut().poll(context).is_pending());
    socket.says(b"_\r\n_\r");
    assert_eq!(first.as_mut().poll(context), Poll::Ready(Ok(vec![Reply::Done, held.clone()])));
    assert!(second.as_mut().poll(context).is_pending());
    socket.says(b"\n");
    assert_eq!(second.as_mut().poll(context), Poll::Ready(Ok(vec![held])));
}

#[test]
fn what_one_batch_has_read_for_another_is_taken_by_that_one() {
    let socket = Scripted::default();
    let mut connection = connection(&socket);
    let mut first = pin!(connection.send(vec![set()]));
    let mut second = pin!(connection.send(vec![set()]));
    let mut closed = pin!(connection.closed());
    let (counter, held) = (Arc::new(Wakes::default()), Reply::HeldByOther(Hold::UNKNOWN));
    let waker = Waker::from(counter.clone());
    let context = &mut Context::from_waker(&waker);

    assert!(first.as_mut().poll(context).is_pending());
    socket.says(b"_\r\n");
    assert!(second.as_mut().poll(context).is_pending());
    assert_eq!(counter.0.load(Ordering::SeqCst), 1, "the first has a reply now");
    assert_eq!(first.as_mut().poll(context), Poll::Ready(Ok(vec![held])));

    assert!(second.as_mut().poll(context).is_pending());
    assert!(closed.as_mut().poll(context).is_pending());
    socket.says(b"+OK\r\n");
    assert!(closed.as_mut().poll(context).is_pending());
    assert_eq!(counter.0.load(Ordering::SeqCst), 2, "the second has a reply now");
    assert_eq!(second.as_mut().poll(context), Poll::Ready(Ok(vec![Reply::Done])));
}

/// Counts how often a task is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A server that never stops talking, and says nothing of interest.
#[derive(Default)]
struct Chatty {
    reads: usize,
}

impl Read for Chatty {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads = self.reads.saturating_add(1);
        assert!(self.reads < 10_000, "nobody else has a turn");
        let pushes = b">1\r\n+x\r\n".iter().cycle();
        buffer.iter_mut().zip(pushes).for_each(|(byte, said)| *byte = *said);
        Ok(buffer.len() & !7)
    }
}

impl Write for Chatty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Chatty {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_server_that_never_stops_talking_leaves_others_their_turns() {
    let mut connection = NativeConnection::new(Chatty::default(), opened());
    let mut closed = pin!(connection.closed());
    let counter = Arc::new(Wakes::default());
    let waker = Waker::from(counter.clone());
    let context = &mut Context::from_waker(&waker);
    assert!(closed.as_mut().poll(context).is_pending());
    assert_eq!(counter.0.load(Ordering::SeqCst), 1, "it goes on later");

    let address = Address::Unix("/nowhere".into());
    let (mut socket, mut opening) = (Chatty::default(), Opening::new(&Settings::new()));
    let mut opened = pin!(converse(&mut socket, &address, &mut opening, Opening::poll));
    assert!(opened.as_mut().poll(context).is_pending());
    assert_eq!(counter.0.load(Ordering::SeqCst), 2, "it goes on later");
}

#[test]
fn a_break_that_is_found_for_no_batch_ends_the_batches() {
    let socket = Scripted::default();
    let mut connection = connection(&socket);
    let mut batch = pin!(connection.send(vec![set()]));
    let mut closed = pin!(connection.closed());
    let counter = Arc::new(Wakes::default());
    let waker = Waker::from(counter.clone());
    let context = &mut Context::from_waker(&waker);

    assert!(batch.as_mut().poll(context).is_pending());
    assert!(closed.as_mut().poll(context).is_pending());
    socket.says(b"HTTP/1.1 400\r\n");
    assert!(closed.as_mut().poll(context).is_ready());
    assert_eq!(counter.0.load(Ordering::SeqCst), 1, "the batch has come to an end");
    assert!(matches!(batch.as_mut().poll(context), Poll::Ready(Err(_))));
}

#[test]
fn what_has_come_before_a_break_is_no_reply_to_what_came_behind() {
    let socket = Scripted::default();
    let mut connection = connection(&socket);
    let mut first = pin!(connection.send(vec![set(), set()]));
    let mut second = pin!(connection.send(vec![set()]));
    let mut closed = pin!(connection.closed());
    let waker = noop_waker();
    let context = &mut Context::from_waker(&waker);
    socket.says(b"+OK\r\nHTTP/1.1 400\r\n");
    assert!(matches!(first.as_mut().poll(context), Poll::Ready(Err(why)) if why.cause() == Cause::Unexpected));
    assert!(matches!(second.as_mut().poll(context), Poll::Ready(Err(_))));
    assert!(closed.as_mut().poll(context).is_ready());
}
