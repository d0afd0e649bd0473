//! The transport: a plain TCP connection that carries the words of the core.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use redlock_blocking::transport::{Answer, Command, Connection, Probe, Reply, Transport};
use redlock_blocking::{Cause, Unavailable};

/// A longer line is no answer to a lock's command.
const LONGEST_ANSWER: usize = 64 * 1024;
/// A server that takes nothing any more holds up nobody for longer than that.
const WRITE_TIMEOUT: Duration = Duration::from_millis(5);

/// The way to a server without password or TLS.
pub(crate) struct Tcp {
    pub(crate) address: String,
}

impl Transport for Tcp {
    type Connection = TcpConnection;

    fn connect(&mut self, timeout: Duration) -> Result<TcpConnection, Unavailable> {
        let not_sent = |error: io::Error| Unavailable::with_detail(Cause::NotSent, &error.to_string());
        let mut connection = open(&self.address, timeout).map_err(not_sent)?;
        connection.check_releases(timeout).map_err(not_sent)??;
        Ok(connection)
    }
}

fn open(address: &str, timeout: Duration) -> io::Result<TcpConnection> {
    let address = address.to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    Ok(TcpConnection { stream: BufReader::new(stream), answer: Vec::new() })
}

pub(crate) struct TcpConnection {
    stream: BufReader<TcpStream>,
    /// What has come of the next answer: a read may end in the middle of it, and the next one goes on from there.
    answer: Vec<u8>,
}

impl Connection for TcpConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.stream.get_mut().write_all(&encode(command.wire().words())).map_err(|error| broken(&error))
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let Some(answer) = self.within(timeout, Self::next_answer).map_err(|error| broken(&error))? else {
            return Ok(None);
        };
        read_answer(&answer, |answer| Reply::from_wire(command, answer)).map(Some).map_err(|error| broken(&error))
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        match self.within(Duration::ZERO, |this| this.stream.fill_buf().map(<[u8]>::is_empty)) {
            Ok(None) => Ok(()),
            Ok(Some(true)) => Err(broken(&ErrorKind::UnexpectedEof.into())),
            Ok(Some(false)) => Err(Unavailable::with_detail(Cause::Disconnected, "an answer that nobody asked for")),
            Err(error) => Err(broken(&error)),
        }
    }
}

impl TcpConnection {
    /// Makes sure that the server can release what it grants: without that it must not have a vote.
    fn check_releases(&mut self, timeout: Duration) -> io::Result<Result<(), Unavailable>> {
        for probe in Probe::ALL {
            let bytes = encode(probe.words().iter().map(|word| word.as_bytes()));
            self.stream.get_mut().write_all(&bytes)?;
            let answer = self.within(timeout, Self::next_answer)?.ok_or(ErrorKind::TimedOut)?;
            if let Err(refusal) = read_answer(&answer, |answer| probe.check(answer))? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Reads for a limited time; `None` when it is over.
    fn within<T>(&mut self, timeout: Duration, read: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<Option<T>> {
        let at_once = timeout.is_zero();
        self.stream.get_ref().set_nonblocking(at_once)?;
        if !at_once {
            self.stream.get_ref().set_read_timeout(Some(timeout))?;
        }
        let read = read(self);
        self.stream.get_ref().set_nonblocking(false)?;
        match read {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            read => read.map(Some),
        }
    }

    /// Reads a line, and the text after it if the line is the length of one.
    fn next_answer(&mut self) -> io::Result<Vec<u8>> {
        while !is_whole(&self.answer) {
            let room = LONGEST_ANSWER.saturating_sub(self.answer.len());
            let read = (&mut self.stream).take(room as u64).read_until(b'\n', &mut self.answer)?;
            if read == 0 || !self.answer.ends_with(b"\n") {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(std::mem::take(&mut self.answer))
    }
}

/// Returns whether an answer is complete: a line, and the text after it if the line is the length of one.
fn is_whole(answer: &[u8]) -> bool {
    let Some((line, text)) = first_line(answer) else { return false };
    let length = line.strip_prefix('$').and_then(|length| length.parse().ok());
    length.is_none_or(|length: usize| text.len() >= length.saturating_add(2))
}

/// Splits the first line off an answer.
fn first_line(answer: &[u8]) -> Option<(&str, &[u8])> {
    let mut parts = answer.splitn(2, |byte| *byte == b'\n');
    let (line, text) = (parts.next()?.strip_suffix(b"\r")?, parts.next()?);
    Some((std::str::from_utf8(line).ok()?, text))
}

/// The words of a command as Redis reads them: how many, and each with its length.
fn encode<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Reads one answer and leaves its meaning to the core.
fn read_answer<T>(answer: &[u8], read: impl FnOnce(Answer<'_>) -> T) -> io::Result<T> {
    let nonsense = || io::Error::from(ErrorKind::InvalidData);
    let (line, text) = first_line(answer).ok_or_else(nonsense)?;
    let answer = match line.split_at_checked(1).ok_or_else(nonsense)? {
        ("+", "OK") => Answer::Ok,
        ("$", "-1") => Answer::Nil,
        ("$", _) => Answer::Bytes(text.strip_suffix(b"\r\n").ok_or_else(nonsense)?),
        (":", number) => number.parse().map(Answer::Integer).map_err(|_| nonsense())?,
        ("-", error) => Answer::Error(error),
        _ => return Err(nonsense()),
    };
    Ok(read(answer))
}

/// What was sent may have been carried out.
fn broken(error: &io::Error) -> Unavailable {
    Unavailable::with_detail(Cause::Disconnected, &error.to_string())
}
