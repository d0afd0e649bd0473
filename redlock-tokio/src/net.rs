mod lookup;

use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use redlock_driver::net::{Network, Socket, set_tcp_options};
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use {std::path::Path, tokio::net::UnixStream};

use self::lookup::LOOKUPS;
use crate::Tokio;

/// A connected socket of tokio, as the driver sees it.
pub struct TokioSocket(Kind);

enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The futures are to be polled inside of a tokio runtime, as the driver does. Each name is looked up on a
/// thread of its own, by one lookup for all who want it meanwhile.
impl Network for Tokio {
    type Socket = TokioSocket;

    fn lookup(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        LOOKUPS.addresses(host.to_owned(), port)
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<TokioSocket>> + Send + 'static {
        connect(address)
    }

    #[cfg(unix)]
    fn connect_unix(&self, path: &Path) -> impl Future<Output = io::Result<TokioSocket>> + Send + 'static {
        let path = path.to_owned();
        async move { Ok(TokioSocket(Kind::Unix(UnixStream::connect(path).await?))) }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TokioSocket> {
    let socket = TcpStream::connect(address).await?;
    set_tcp_options(&socket)?;
    Ok(TokioSocket(Kind::Tcp(socket)))
}

impl Socket for TokioSocket {
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_read_ready(context),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.poll_read_ready(context),
        }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_write_ready(context),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.poll_write_ready(context),
        }
    }
}

impl Kind {
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(buffer),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_read(buffer),
        }
    }

    /// Does something for which the socket has to be readable. It is taken for readable no longer when that says
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), unless something has come since before it began.
    fn try_readable(&self, io: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.try_io(Interest::READABLE, io),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_io(Interest::READABLE, io),
        }
    }
}

impl Read for TokioSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        let outcome = self.0.try_readable(|| {
            length = self.0.try_read(buffer)?;
            if is_all(length, buffer) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if length == 0 { outcome.map(|()| 0) } else { Ok(length) }
    }
}

/// Returns whether a read has taken all that was there, as far as that can be told. Where the system tells of new bytes
/// only, that need not be found out by another read: tokio is told instead, as it does in its own reads.
fn is_all(read: usize, buffer: &[u8]) -> bool {
    cfg!(any(target_os = "linux", target_os = "android")) && (1..buffer.len()).contains(&read)
}

impl Write for TokioSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Kind::Tcp(socket) => socket.try_write(bytes),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.try_write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TokioSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp(socket) => f.debug_tuple("TokioSocket").field(socket).finish(),
            #[cfg(unix)]
            Kind::Unix(socket) => f.debug_tuple("TokioSocket").field(socket).finish(),
        }
    }
}
