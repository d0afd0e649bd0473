use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use redlock_core::resp::{self, Event};
use redlock_core::system::plain_words;
use redlock_core::system::socket::{Reading, read, write};
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use crate::net::Socket;
use crate::transport::Connection;

/// A connection of a [`NativeTransport`](super::NativeTransport).
///
/// Commands are written in the call that sends them, as far as the socket takes them.
pub struct NativeConnection<S>(Arc<Mutex<Session<S>>>);

/// A batch that is under way.
struct Batch {
    number: u64,
    count: usize,
    /// What has come of its replies.
    replies: Vec<Reply>,
}

/// The connection with its socket, shared by whoever sends and whoever waits.
struct Session<S> {
    socket: S,
    machine: resp::Connection,
    /// What has come and was not taken, the oldest first.
    received: VecDeque<Reply>,
    /// What this handle has heard and not taken, the oldest first.
    heard: VecDeque<Heard>,
    /// The number of the batch whose replies come next.
    turn: u64,
    /// The number of the batch that is sent next.
    next: u64,
    broken: Option<Unavailable>,
    /// The task that waits for the connection.
    driver: Option<Waker>,
}

impl<S: Socket> NativeConnection<S> {
    pub(super) fn new(socket: S, machine: resp::Connection) -> Self {
        let (received, heard, broken, driver) = (VecDeque::new(), VecDeque::new(), None, None);
        let session = Session { socket, machine, received, heard, turn: 0, next: 0, broken, driver };
        Self(Arc::new(Mutex::new(session)))
    }
}

impl<S: Socket> Connection for NativeConnection<S> {
    const SENDS_AT_ONCE: bool = true;

    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<S> {
        let session = self.0.clone();
        let mut batch = locked(&session).send(&batch);
        poll_fn(move |context| {
            let mut session = locked(&session);
            session.drive(context);
            session.poll_replies(&mut batch, context)
        })
    }

    fn facts(&self) -> Facts {
        locked(&self.0).machine.facts().clone()
    }

    fn hearing(&self) -> Hearing {
        locked(&self.0).machine.hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        let mut session = locked(&self.0);
        session.machine.subscribe(waiter);
        session.write_now();
    }

    fn poll_heard(&mut self, _context: &mut Context<'_>) -> Poll<Heard> {
        locked(&self.0).heard.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<S> {
        let session = self.0.clone();
        poll_fn(move |context| {
            let mut session = locked(&session);
            session.drive(context);
            session.wake_for_replies(context);
            if session.broken.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

fn locked<S>(session: &Mutex<Session<S>>) -> MutexGuard<'_, Session<S>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Socket> Session<S> {
    /// Writes commands, as far as that needs no waiting. The rest is left to the task that waits for the connection.
    fn send(&mut self, commands: &[Command]) -> Batch {
        for command in commands {
            self.machine.send(command);
        }
        self.write_now();
        let (number, count) = (self.next, commands.len());
        self.next = number.wrapping_add(1);
        Batch { number, count, replies: Vec::with_capacity(count) }
    }

    /// Writes what needs no waiting.
    fn write_now(&mut self) {
        let is_left_to_the_driver = self.write() || self.broken.is_some();
        if is_left_to_the_driver && let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Returns whether there is something left to be written.
    fn write(&mut self) -> bool {
        match write(&mut self.machine, &mut self.socket) {
            Ok(is_written) => !is_written,
            Err(why) => {
                self.breaks(&why);
                false
            }
        }
    }

    /// Writes and reads what can be, and makes sure that the task of `context` is woken when there is more.
    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(context.waker())) {
            self.driver = Some(context.waker().clone());
        }
        while self.write() && self.can_go_on(S::poll_writable, context) {}
        self.read();
        while self.can_go_on(S::poll_readable, context) {
            self.read();
        }
    }

    fn can_go_on(
        &mut self,
        poll: impl FnOnce(&mut S, &mut Context<'_>) -> Poll<io::Result<()>>,
        context: &mut Context<'_>,
    ) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match poll(&mut self.socket, context) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(why)) => {
                self.breaks(&why);
                false
            }
        }
    }

    /// Reads until nothing more is there.
    fn read(&mut self) {
        while self.broken.is_none() {
            match read(&mut self.machine, &mut self.socket) {
                Ok(Reading::Nothing) => return,
                Ok(Reading::All) => return self.take_events(),
                Ok(Reading::Some) => self.take_events(),
                Err(why) => self.breaks(&why),
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Reply(reply) => self.received.push_back(reply),
                Event::Heard(heard) => self.heard.push_back(heard),
                Event::Broken(why) => self.broken = Some(why),
                _ => {}
            }
        }
    }

    /// Takes the replies to a batch when it is its turn: whoever reads may read those of another.
    fn poll_replies(&mut self, batch: &mut Batch, context: &Context<'_>) -> Poll<Result<Vec<Reply>, Unavailable>> {
        if self.turn == batch.number {
            let missing = batch.count.saturating_sub(batch.replies.len()).min(self.received.len());
            batch.replies.extend(self.received.drain(..missing));
            if batch.replies.len() == batch.count {
                self.turn = self.turn.wrapping_add(1);
                return Poll::Ready(Ok(std::mem::take(&mut batch.replies)));
            }
        } else {
            self.wake_for_replies(context);
        }
        match &self.broken {
            Some(why) => Poll::Ready(Err(why.clone())),
            None => Poll::Pending,
        }
    }

    /// Makes sure that the batch whose turn it is takes what has just been read for it: nobody else tells it.
    fn wake_for_replies(&self, context: &Context<'_>) {
        if !self.received.is_empty() {
            context.waker().wake_by_ref();
        }
    }

    fn breaks(&mut self, why: &io::Error) {
        let why = Unavailable::with_detail(Cause::Disconnected, &plain_words(&why.to_string()));
        self.broken.get_or_insert(why);
    }
}

impl<S> fmt::Debug for NativeConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeConnection").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::{Read, Write};
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use futures_util::task::noop_waker;
    use redlock_core::resp::{Opening, Settings};
    use redlock_core::{Config, Hold, Instant, Lock, Options, Request};

    use super::*;

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

    fn connection(socket: &Scripted) -> NativeConnection<Scripted> {
        let mut opening = Opening::new(&Settings::new());
        opening.handle_bytes(b"%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n");
        NativeConnection::new(socket.clone(), opening.poll().unwrap().unwrap())
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
}
