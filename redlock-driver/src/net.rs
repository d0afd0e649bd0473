//! Sockets to nodes: what a runtime has to offer, and how a connection is opened with it.
//!
//! To lock things in a service, take the adapter of your runtime (`redlock-tokio`, `redlock-async-std`). Come here to put
//! a runtime of your own under the connections: implement [`Socket`] and [`Network`]. [`open`] does the rest, the same
//! way on every runtime:
//!
//! 1. The name of the host is looked up, every time: a server may have moved.
//! 2. All addresses are tried side by side, IPv6 and IPv4 in turns, each with a head start of [`HEAD_START`] before the
//!    next one ([RFC 8305]). The first that connects is used and the others are closed.
//! 3. TLS is spoken where the address asks for it.
//!
//! [RFC 8305]: https://www.rfc-editor.org/rfc/rfc8305

use std::future::{Future, ready};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

#[cfg(not(feature = "net-tls"))]
mod no_tls;
mod open;
mod race;
mod stream;
#[cfg(feature = "net-tls")]
mod tls;

pub use redlock_core::system::addresses::{FULL_QUEUE_PAUSE, HEAD_START};
#[cfg(feature = "net-tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "net-tls")))]
pub use redlock_core::system::tls::{TlsBuilder, TlsError, TlsStream, rustls};
pub use redlock_core::system::url::{Address, DEFAULT_PORT, NodeUrl, UrlError};
pub use redlock_core::system::{KEEPALIVE, TCP_USER_TIMEOUT, set_tcp_options};

#[cfg(not(feature = "net-tls"))]
pub use self::no_tls::TlsSettings;
pub use self::open::open;
pub(crate) use self::open::open_noting;
pub use self::stream::Stream;
use crate::Runtime;
#[cfg(feature = "net-tls")]
pub use redlock_core::system::tls::TlsSettings;

/// A connected stream that does not block.
///
/// `read`, `write` and `flush` never wait: they return [`WouldBlock`](io::ErrorKind::WouldBlock) when there is nothing to
/// read, or no room to write. After that, and only then, the matching `poll_` method is to be asked: it may wait for an
/// event that is yet to come.
///
/// What `write` has accepted may still have to be sent, by `flush`.
pub trait Socket: Read + Write + Send + 'static {
    /// Returns when a read is worth another try, also because the connection has ended. It may be wrong about that.
    ///
    /// Only the latest caller is woken.
    ///
    /// # Errors
    ///
    /// The runtime is gone, or the connection broke.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Returns when a write, or a flush, is worth another try, also because the connection has ended. It may be wrong
    /// about that.
    ///
    /// Only the latest caller is woken.
    ///
    /// # Errors
    ///
    /// The runtime is gone, or the connection broke.
    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A runtime with sockets. Dropping any of its futures gives up what it was about.
///
/// The futures apply no time limit, no retry and no policy of their own.
pub trait Network: Runtime {
    /// A connected socket, of any family.
    type Socket: Socket;

    /// Looks up the addresses of a host, the preferred one first.
    ///
    /// A name server may be silent for long. A lookup that was dropped must not hold up the next one, so a resolver that
    /// blocks has to run on threads of its own, which the end of a program does not wait for.
    ///
    /// # Errors
    ///
    /// What the resolver says.
    fn lookup(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static;

    /// Connects to a TCP port, and sets the [options](set_tcp_options) of the socket.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Socket>> + Send + 'static;

    /// Connects to a Unix socket.
    ///
    /// Provided: there are none.
    ///
    /// # Errors
    ///
    /// What the operating system says: [`WouldBlock`](io::ErrorKind::WouldBlock) when too many others wait for the
    /// server, which is then tried again.
    fn connect_unix(&self, path: &Path) -> impl Future<Output = io::Result<Self::Socket>> + Send + 'static {
        let _ = path;
        ready(Err(io::Error::new(io::ErrorKind::Unsupported, "this runtime has no Unix sockets")))
    }
}
