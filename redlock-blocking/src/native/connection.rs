use std::collections::VecDeque;
use std::io::Error;
use std::time::{Duration, Instant};

use redlock_core::resp::{self, Event, Inquiry, Opening, Settings, Statement};
use redlock_core::system::socket::{MAX_READS, Reading, Speaker, read, write};
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
    /// The last read may have left something in the socket.
    has_more: bool,
    broken: Option<Unavailable>,
}

impl Transport for NativeTransport {
    type Connection = NativeConnection;

    fn connect(&mut self, timeout: Duration) -> Result<NativeConnection, Unavailable> {
        let until = after(timeout);
        let mut stream = self.open(until)?;
        let machine = self.converse(&mut stream, &mut Opening::new(&self.settings), Opening::poll, until)?;
        let (replies, heard) = (VecDeque::new(), VecDeque::new());
        Ok(NativeConnection { stream, machine, replies, heard, has_more: false, broken: None })
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
                // A server that never stops talking is given no more time than others.
                None if Instant::now() < until => continue,
                None => {}
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
        for _ in 0..MAX_READS {
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
        Ok(self.replies.pop_front())
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
        for _ in 0..MAX_READS {
            if !self.read()? {
                break;
            }
        }
        self.check_broken()
    }

    fn has_more(&self) -> bool {
        self.has_more
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
        self.has_more = match reading {
            Reading::Nothing => false,
            // It is all of a record.
            Reading::All => self.stream.is_encrypted(),
            Reading::Some => true,
        };
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use redlock_core::{Config, Lock, Options, Request};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn set() -> Command {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", SOON, Options::new()).unwrap();
        Lock::acquire(&config, request, [7; 32], redlock_core::Instant::EPOCH).poll_command().unwrap()
    }

    #[test]
    fn what_was_left_behind_the_last_reply_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let greeted = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n").unwrap();
            stream
        });
        let address = Address::Tcp { host: "127.0.0.1".into(), port, tls: false };
        let (settings, lookup) = (Settings::new(), Lookup::default());
        let mut connection = NativeTransport { address, tls: None, settings, lookup }.connect(SOON).unwrap();
        let mut stream = greeted.join().unwrap();

        let set = set();
        connection.send(&set).unwrap();
        stream.write_all(b"+OK\r\n").unwrap();
        stream.write_all(&b">1\r\n+x\r\n".repeat(8 * 1024)).unwrap();
        assert_eq!(connection.receive(&set, SOON).unwrap(), Some(Reply::Done));
        assert!(connection.has_more());
        while connection.has_more() {
            connection.check().unwrap();
        }
        assert_eq!(connection.receive(&set, Duration::ZERO), Ok(None));
    }
}
