use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::task::{Context, Poll};

use async_io::Async;
use async_std::net::ToSocketAddrs;
use redlock_driver::net::{Network, Socket, set_tcp_options};

use crate::AsyncStd;

/// A connected socket of async-io, the reactor that async-std and smol share, as the driver sees it.
pub struct AsyncStdSocket(Kind);

enum Kind {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

/// Names are looked up in async-std's pool of threads for blocking work.
impl Network for AsyncStd {
    type Socket = AsyncStdSocket;

    fn lookup(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        let host = host.to_owned();
        async move { Ok((host.as_str(), port).to_socket_addrs().await?.collect()) }
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<AsyncStdSocket>> + Send + 'static {
        connect(address)
    }

    #[cfg(unix)]
    fn connect_unix(&self, path: &Path) -> impl Future<Output = io::Result<AsyncStdSocket>> + Send + 'static {
        let path = path.to_owned();
        async move {
            let socket = Async::<UnixStream>::connect(path).await.map_err(full_queue)?;
            Ok(AsyncStdSocket(Kind::Unix(socket)))
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<AsyncStdSocket> {
    let socket = Async::<TcpStream>::connect(address).await?;
    set_tcp_options(&socket)?;
    Ok(AsyncStdSocket(Kind::Tcp(socket)))
}

/// Async-io finds out afterwards that a socket whose server has too many others waiting has not been connected.
#[cfg(unix)]
fn full_queue(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotConnected { io::ErrorKind::WouldBlock.into() } else { error }
}

impl Socket for AsyncStdSocket {
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_readable(context),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.poll_readable(context),
        }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_writable(context),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.poll_writable(context),
        }
    }
}

impl Read for AsyncStdSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Kind::Tcp(socket) => socket.get_ref().read(buffer),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.get_ref().read(buffer),
        }
    }
}

impl Write for AsyncStdSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Kind::Tcp(socket) => socket.get_ref().write(bytes),
            #[cfg(unix)]
            Kind::Unix(socket) => socket.get_ref().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for AsyncStdSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp(socket) => f.debug_tuple("AsyncStdSocket").field(socket.get_ref()).finish(),
            #[cfg(unix)]
            Kind::Unix(socket) => f.debug_tuple("AsyncStdSocket").field(socket.get_ref()).finish(),
        }
    }
}
