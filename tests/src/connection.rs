use std::io::{self, BufReader, Error, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::reply::Reply;

/// Sends one command to whatever server listens on a port of the loopback interface, as [`Server::command`] does.
///
/// # Errors
///
/// As [`Server::command`].
///
/// [`Server::command`]: crate::Server::command
pub fn command_at(port: u16, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
    Ok(Connection::open(port, Duration::from_secs(1))?.exchange(words)?.to_string())
}

/// Sends one command as [`command_at`] does, with the password of the default user.
///
/// # Errors
///
/// As [`command_at`]; a wrong password is one, too.
pub fn command_with_password_at(port: u16, password: &str, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
    let mut connection = Connection::open(port, Duration::from_secs(1))?;
    connection.exchange(&["AUTH", password])?;
    Ok(connection.exchange(words)?.to_string())
}

/// A connection for administration: one command at a time, none of them sent again.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to a port of the loopback interface; no single step of this connection takes longer than `limit`.
    pub(crate) fn open(port: u16, limit: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends one command and waits for its reply.
    pub(crate) fn exchange(&mut self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        self.0.get_mut().write_all(&encode(words))?;
        Reply::read(&mut self.0).map_err(name_timeout)
    }
}

fn encode(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// On Unix a socket's time limit shows as [`ErrorKind::WouldBlock`], the name of something else.
fn name_timeout(error: Error) -> Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}
