//! Nodes over sockets of our own, with addresses and the parser of the `redis` crate (redis-rs).
//!
//! Its connection is not used: a reply that it was not given in time, it drops by itself when it comes. Here a late
//! reply matters, because it says whether a release was carried out.

mod limited;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod url;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, Parser, ProtocolVersion, RedisConnectionInfo, RedisError, Value,
};
use redlock_core::system::plain_words;
use redlock_core::{Answer, Cause, Command, Probe, Reply, Unavailable};

use self::socket::Socket;
use self::stream::Stream;
#[cfg(feature = "tls")]
use self::tls::Tls;
#[cfg(feature = "tls")]
pub use self::tls::TlsUrl;
use crate::{BuildError, Connection, IntoNode, Node, Transport};

/// For so long a command may wait for room in the buffers; then the connection is given up. They have room for all
/// that a node may leave unanswered, so it is of use only against a node that takes less than others.
const WRITE_TIMEOUT: Duration = Duration::from_millis(5);

/// A URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
/// `unix:///path?db=0&user=u&pass=p`.
///
/// RESP3 is spoken unless the URL says `protocol=resp2`.
impl IntoNode for &str {
    fn into_node(self) -> Result<Node, BuildError> {
        let client = Client::open(url::read(self)?).map_err(|error| url::unusable(self, error.to_string()))?;
        client.into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode for String {
    fn into_node(self) -> Result<Node, BuildError> {
        self.as_str().into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode for &String {
    fn into_node(self) -> Result<Node, BuildError> {
        self.as_str().into_node()
    }
}

/// A client that was configured elsewhere: address, credentials, protocol and TCP settings are its own. The
/// connections are our own, without a response timeout, because deadlines are Redlock's.
///
/// A client with certificates of its own is refused, because they cannot be read from it; a `TlsUrl` takes them.
impl IntoNode for Client {
    fn into_node(self) -> Result<Node, BuildError> {
        let info = self.get_connection_info();
        let tls = tls(info.addr()).map_err(|reason| BuildError::Node { node: info.addr().to_string(), reason })?;
        Ok(node(info.clone(), tls))
    }
}

#[cfg(feature = "tls")]
fn tls(addr: &ConnectionAddr) -> Result<Option<Tls>, String> {
    match addr {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err("a certificate that is not checked protects nothing: give its authority's with TlsUrl".into())
        }
        ConnectionAddr::TcpTls { tls_params: Some(_), .. } => {
            Err("a client's certificates cannot be read from it: give them with TlsUrl".into())
        }
        ConnectionAddr::TcpTls { host, .. } => Tls::public(host).map(Some),
        _ => Ok(None),
    }
}

#[cfg(not(feature = "tls"))]
type Tls = std::convert::Infallible;

#[cfg(not(feature = "tls"))]
fn tls(addr: &ConnectionAddr) -> Result<Option<Tls>, String> {
    match addr {
        ConnectionAddr::TcpTls { .. } => Err("TLS needs the feature tls of redlock-blocking".into()),
        _ => Ok(None),
    }
}

fn node(info: ConnectionInfo, tls: Option<Tls>) -> Node {
    Node::new(info.addr().to_string(), RedisTransport { info, tls })
}

struct RedisTransport {
    info: ConnectionInfo,
    tls: Option<Tls>,
}

impl Transport for RedisTransport {
    type Connection = RedisConnection;

    fn connect(&mut self, timeout: Duration) -> Result<RedisConnection, Unavailable> {
        let not_sent = |error: io::Error| Unavailable::with_detail(Cause::NotSent, &plain_words(&error.to_string()));
        let begin = Instant::now();
        let left = || timeout.saturating_sub(begin.elapsed()).max(Duration::from_millis(1));
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS reads and writes while it connects"))]
        let mut socket = Socket::connect(&self.info, timeout).map_err(not_sent)?;
        socket.set_write_timeout(timeout).map_err(not_sent)?;
        let stream = match &self.tls {
            None => Stream::in_the_clear(socket),
            #[cfg(feature = "tls")]
            Some(tls) => {
                let session = tls.open(&mut socket, left()).map_err(not_sent)?;
                Stream::over_tls(socket, session)
            }
            #[cfg(not(feature = "tls"))]
            Some(never) => match *never {},
        };
        let mut connection = RedisConnection { stream, parser: Parser::new(), bytes: Vec::new() };
        connection.greet(self.info.redis_settings(), left)?;
        connection.stream.set_write_timeout(WRITE_TIMEOUT).map_err(not_sent)?;
        Ok(connection)
    }
}

/// What is said first: protocol, credentials, database. There is always something, so that a server that does not
/// answer is not taken for one that does.
fn greeting(settings: &RedisConnectionInfo) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let credentials = settings.password().map(|password| (settings.username(), password));
    match (settings.protocol(), credentials) {
        (ProtocolVersion::RESP2, None) => commands.push(vec!["PING".into()]),
        (ProtocolVersion::RESP2, Some((None, password))) => commands.push(vec!["AUTH".into(), password.into()]),
        (ProtocolVersion::RESP2, Some((Some(user), password))) => {
            commands.push(vec!["AUTH".into(), user.into(), password.into()]);
        }
        (_, None) => commands.push(vec!["HELLO".into(), "3".into()]),
        (_, Some((user, password))) => {
            let user = user.unwrap_or("default");
            commands.push(vec!["HELLO".into(), "3".into(), "AUTH".into(), user.into(), password.into()]);
        }
    }
    if settings.db() != 0 {
        commands.push(vec!["SELECT".into(), settings.db().to_string()]);
    }
    commands
}

struct RedisConnection {
    stream: Stream,
    /// Keeps what was read of a reply that is not complete.
    parser: Parser,
    /// A command on its way out; kept for its memory.
    bytes: Vec<u8>,
}

impl RedisConnection {
    fn write<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) -> io::Result<()> {
        self.bytes.clear();
        self.encode(words)?;
        self.stream.write_all(&self.bytes)
    }

    fn encode<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) -> io::Result<()> {
        write!(self.bytes, "*{}\r\n", words.len())?;
        for word in words {
            write!(self.bytes, "${}\r\n", word.len())?;
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// The next reply; `None` if it is not complete within `timeout`.
    fn read(&mut self, timeout: Duration) -> Result<Option<Value>, RedisError> {
        let mut reader = self.stream.reader(timeout);
        loop {
            match self.parser.parse_value(&mut reader) {
                Ok(Value::Push { .. }) => {}
                Ok(value) => return Ok(Some(value)),
                Err(error) if error.is_timeout() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the greeting and the probes in one go, and reads the answers.
    ///
    /// A server that has no room for another client says so before it closes the connection, which may end the writing.
    fn greet(&mut self, settings: &RedisConnectionInfo, left: impl Fn() -> Duration) -> Result<(), Unavailable> {
        let greeting = greeting(settings);
        let written = self.write_greeting(&greeting);
        for _ in &greeting {
            with_answer(&self.read_greeting(left())?, |answer| match answer {
                Answer::Error(text) => Err(Unavailable::from_server_error(text)),
                _ => Ok(()),
            })?;
        }
        written.map_err(|error| failure(&error.into(), Cause::NotSent))?;
        Probe::ALL.iter().try_for_each(|probe| with_answer(&self.read_greeting(left())?, |answer| probe.check(answer)))
    }

    fn write_greeting(&mut self, greeting: &[Vec<String>]) -> io::Result<()> {
        for words in greeting {
            self.write(words.iter().map(String::as_bytes))?;
        }
        Probe::ALL.iter().try_for_each(|probe| self.write(probe.words().iter().map(|word| word.as_bytes())))
    }

    fn read_greeting(&mut self, timeout: Duration) -> Result<Value, Unavailable> {
        let value = self.read(timeout).map_err(|error| failure(&error, Cause::NotSent))?;
        value.ok_or_else(|| Unavailable::with_detail(Cause::NotSent, "no answer within the connect timeout"))
    }
}

impl Connection for RedisConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.write(command.wire().words()).map_err(broken)
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        self.bytes.clear();
        commands.iter().try_for_each(|command| self.encode(command.wire().words())).map_err(broken)?;
        self.stream.write_all(&self.bytes).map_err(broken)
    }

    #[cfg(unix)]
    fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(self.stream.socket())
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let value = self.read(timeout).map_err(broken)?;
        Ok(value.map(|value| with_answer(&value, |answer| Reply::from_wire(command, answer))))
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        match self.read(Duration::ZERO).map_err(broken)? {
            None => Ok(()),
            Some(_) => Err(Unavailable::with_detail(Cause::Disconnected, "an answer that nobody asked for")),
        }
    }
}

/// Gives `read` what the server answered.
fn with_answer<T>(value: &Value, read: impl FnOnce(Answer<'_>) -> T) -> T {
    match value {
        Value::Okay => read(Answer::Ok),
        Value::Nil => read(Answer::Nil),
        Value::Int(number) => read(Answer::Integer(*number)),
        Value::ServerError(error) => {
            read(Answer::Error(&format!("{} {}", error.code(), error.details().unwrap_or_default())))
        }
        _ => read(Answer::Other),
    }
}

/// What was sent may have been carried out.
fn broken(error: impl Into<RedisError>) -> Unavailable {
    failure(&error.into(), Cause::Disconnected)
}

/// Why the node cannot be used: `cause`, unless it speaks something else than Redis does.
fn failure(error: &RedisError, cause: Cause) -> Unavailable {
    match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Unavailable::new(Cause::Unexpected),
        _ => Unavailable::with_detail(cause, &plain_words(&error.to_string())),
    }
}
