use std::collections::VecDeque;
use std::io::Error;
use std::time::{Duration, Instant};

use redlock_core::resp::{self, Event, Inquiry, Opening, Settings, Statement};
use redlock_core::system::socket::{Reading, Speaker, read, write};
use redlock_core::system::url::Address;
use redlock_core::system::{not_sent, plain_words};
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use super::dial::dial;
use super::lookup::Lookup;
use super::stream::Stream;
use super::tls::{self, TlsSettings};
use crate::transport::{Connection, Transport};

/// Nobody waits for a server for longer than this.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The way to one server over sockets of our own.
pub(super) struct NativeTransport {
    pub(super) address: Address,
    pub(super) tls: Option<TlsSettings>,
    pub(super) settings: Settings,
    pub(super) lookup: Lookup,
}

/// An open connection of it.
pub(super) struct NativeConnection {
    stream: Stream,
    machine: resp::Connection,
    /// What has come and was not taken, the oldest first.
    replies: VecDeque<Reply>,
    /// What this handle has heard and not taken, the oldest first.
    heard: VecDeque<Heard>,
    broken: Option<Unavailable>,
}

impl Transport for NativeTransport {
    type Connection = NativeConnection;

    fn connect(&mut self, timeout: Duration) -> Result<NativeConnection, Unavailable> {
        let until = after(timeout);
        let mut stream = self.open(until)?;
        let machine = self.converse(&mut stream, &mut Opening::new(&self.settings), Opening::poll, until)?;
        let (replies, heard) = (VecDeque::new(), VecDeque::new());
        Ok(NativeConnection { stream, machine, replies, heard, broken: None })
    }
}

impl NativeTransport {
    fn open(&mut self, until: Instant) -> Result<Stream, Unavailable> {
        let socket = dial(&self.address, &mut self.lookup, until).map_err(|why| not_sent(&why))?;
        tls::over(socket, &self.address, self.tls.as_ref(), until).map_err(|why| not_sent(&why))
    }

    /// Asks the server for something else than a lock, over a connection that is closed afterwards.
    pub(super) fn ask(&mut self, mut inquiry: Inquiry, timeout: Duration) -> Result<Statement, Unavailable> {
        let until = after(timeout);
        let mut stream = self.open(until)?;
        self.converse(&mut stream, &mut inquiry, Inquiry::poll, until)
    }

    /// Speaks to the server until a machine has come to its result.
    fn converse<M: Speaker, T>(
        &self,
        stream: &mut Stream,
        machine: &mut M,
        poll: impl Fn(&mut M) -> Option<Result<T, Unavailable>>,
        until: Instant,
    ) -> Result<T, Unavailable> {
        let mut is_answered = false;
        let poll = |machine: &mut M| {
            is_answered = true;
            poll(machine)
        };
        let result = converse(stream, machine, poll, until);
        result.unwrap_or_else(|why| Err(not_sent(&if is_answered { why } else { self.address.unanswered(why) })))
    }
}

/// Speaks to a server until a machine has come to its result.
///
/// A server that has no room for another client says so before it closes the connection, which may end the writing.
fn converse<M: Speaker, T>(
    stream: &mut Stream,
    machine: &mut M,
    mut poll: impl FnMut(&mut M) -> Option<T>,
    until: Instant,
) -> Result<T, Error> {
    loop {
        let written = write(machine, stream);
        match read(machine, stream) {
            Ok(Reading::Nothing) => {}
            Ok(Reading::Some | Reading::All) => match poll(machine) {
                Some(result) => return Ok(result),
                None => continue,
            },
            Err(why) => return Err(written.err().unwrap_or(why)),
        }
        stream.wait(written?, until)?;
    }
}

impl Connection for NativeConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.machine.send(command);
        self.write()
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        for command in commands {
            self.machine.send(command);
        }
        self.write()
    }

    fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(self.stream.socket().source())
    }

    fn receive(&mut self, _command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let until = after(timeout);
        loop {
            if let Some(reply) = self.replies.pop_front() {
                return Ok(Some(reply));
            }
            self.check_broken()?;
            self.write()?;
            if self.read()? {
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.socket().wait_readable(left).map_err(|why| disconnected(&why))?;
        }
    }

    fn facts(&self) -> Facts {
        self.machine.facts().clone()
    }

    fn hearing(&self) -> Hearing {
        self.machine.hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        self.machine.subscribe(waiter);
        self.write()
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        self.write()?;
        while self.read()? {}
        self.check_broken()
    }
}

impl NativeConnection {
    /// Writes what the socket takes. The rest goes out when it says that it has room again.
    fn write(&mut self) -> Result<(), Unavailable> {
        write(&mut self.machine, &mut self.stream).map(drop).map_err(|why| disconnected(&why))
    }

    /// Returns whether something was read.
    fn read(&mut self) -> Result<bool, Unavailable> {
        let reading = read(&mut self.machine, &mut self.stream).map_err(|why| disconnected(&why))?;
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Reply(reply) => self.replies.push_back(reply),
                Event::Heard(heard) => self.heard.push_back(heard),
                Event::Broken(why) => self.broken = Some(why),
                _ => {}
            }
        }
        Ok(reading != Reading::Nothing)
    }

    fn check_broken(&self) -> Result<(), Unavailable> {
        self.broken.clone().map_or(Ok(()), Err)
    }
}

/// Returns the moment at which a time is over that begins now. A clock cannot tell when the longest durations are over.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout.min(LONGEST_TIMEOUT)).unwrap_or(now)
}

/// What was sent may have been carried out.
fn disconnected(why: &Error) -> Unavailable {
    Unavailable::with_detail(Cause::Disconnected, &plain_words(&why.to_string()))
}
