//! Connecting a socket within a time, to whichever address of a host answers first.

#[cfg(unix)]
mod unix;

use std::io::{self, Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use redlock_core::system::addresses::{HEAD_START, in_turns, no_connection};
use redlock_core::system::set_tcp_options;
use redlock_core::system::url::Address;

use super::lookup::Lookup;
use super::socket::Socket;

/// Connects to an address.
pub(super) fn dial(address: &Address, lookup: &mut Lookup, until: Instant) -> io::Result<Socket> {
    match address {
        Address::Tcp { host, port, .. } => {
            let addresses = match host.parse::<IpAddr>() {
                Ok(address) => vec![SocketAddr::new(address, *port)],
                Err(_) => lookup.addresses(host, *port, until)?,
            };
            Race::new(addresses)?.run(until).map(Socket::Tcp)
        }
        #[cfg(unix)]
        Address::Unix(path) => unix::dial(path, until),
        _ => Err(Error::new(ErrorKind::Unsupported, "there is no way to this kind of address")),
    }
}

/// The addresses of a host, tried side by side.
struct Race {
    poll: Poll,
    untried: std::vec::IntoIter<SocketAddr>,
    attempts: Vec<Option<(SocketAddr, TcpStream)>>,
    failures: Vec<(SocketAddr, Error)>,
}

impl Race {
    fn new(addresses: Vec<SocketAddr>) -> io::Result<Self> {
        let untried = in_turns(addresses).into_iter();
        Ok(Self { poll: Poll::new()?, untried, attempts: Vec::new(), failures: Vec::new() })
    }

    fn run(mut self, until: Instant) -> io::Result<TcpStream> {
        let mut events = Events::with_capacity(16);
        loop {
            let is_trying = self.begin_next()?;
            if !is_trying && self.attempts.iter().all(Option::is_none) {
                return Err(no_connection(&self.failures));
            }
            let left = until.saturating_duration_since(Instant::now());
            let head_start = if is_trying { HEAD_START } else { Duration::MAX };
            self.wait(&mut events, left.min(head_start))?;
            if let Some(socket) = self.winner(&events) {
                return self.take(socket);
            }
            if left.is_zero() {
                return Err(self.timed_out());
            }
        }
    }

    /// Begins with the next address; returns whether there was one.
    fn begin_next(&mut self) -> io::Result<bool> {
        for address in self.untried.by_ref() {
            match TcpStream::connect(address) {
                Ok(mut socket) => {
                    let token = Token(self.attempts.len());
                    self.poll.registry().register(&mut socket, token, Interest::WRITABLE)?;
                    self.attempts.push(Some((address, socket)));
                    return Ok(true);
                }
                Err(error) => self.failures.push((address, error)),
            }
        }
        Ok(false)
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            waited => waited,
        }
    }

    /// Returns the place of an attempt that has come to a good end; those with a bad one are noted and given up.
    fn winner(&mut self, events: &Events) -> Option<usize> {
        for event in events {
            let place = event.token().0;
            let Some(Some((address, socket))) = self.attempts.get(place) else { continue };
            match (socket.take_error(), socket.peer_addr()) {
                (Ok(None), Ok(_)) => return Some(place),
                (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => {}
                (Ok(Some(error)) | Err(error), _) | (_, Err(error)) => {
                    self.failures.push((*address, error));
                    self.attempts[place] = None;
                }
            }
        }
        None
    }

    fn take(&mut self, place: usize) -> io::Result<TcpStream> {
        let attempt = self.attempts.get_mut(place).and_then(Option::take);
        let (_, mut socket) = attempt.ok_or(ErrorKind::NotConnected)?;
        self.poll.registry().deregister(&mut socket)?;
        set_tcp_options(&socket)?;
        Ok(socket)
    }

    fn timed_out(mut self) -> Error {
        let silent = self.attempts.into_iter().flatten();
        let silence = || Error::new(ErrorKind::TimedOut, "no answer within the connect timeout");
        self.failures.extend(silent.map(|(address, _)| (address, silence())));
        no_connection(&self.failures)
    }
}
