use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

#[cfg(unix)]
use mio::{Interest, Registry, Token, unix::SourceFd};
use redis::io::tcp::{TcpSettings, socket2::SockRef};
use redis::{ConnectionAddr, ConnectionInfo};
#[cfg(unix)]
use rustix::net::RecvFlags;

/// A stream of bytes to a server, of the kinds that servers listen on.
pub(super) struct Socket {
    stream: Stream,
    /// What the system was told last; telling it costs as much as a small read.
    read_timeout: Option<Duration>,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with whatever kind of stream it is.
macro_rules! on_stream {
    ($socket:expr, $stream:ident => $work:expr) => {
        match &$socket.stream {
            Stream::Tcp($stream) => $work,
            #[cfg(unix)]
            Stream::Unix($stream) => $work,
        }
    };
}

impl Socket {
    pub(super) fn connect(info: &ConnectionInfo, timeout: Duration) -> io::Result<Self> {
        let stream = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Stream::Tcp(tcp((host.as_str(), *port), info.tcp_settings(), timeout)?)
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            _ => return Err(ErrorKind::Unsupported.into()),
        };
        Ok(Self { stream, read_timeout: None })
    }

    pub(super) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        on_stream!(self, stream => stream.set_write_timeout(Some(timeout)))
    }

    /// Reads what is there; if there is nothing, waits for at most `timeout`.
    pub(super) fn read_within(&mut self, buffer: &mut [u8], timeout: Duration) -> io::Result<usize> {
        if timeout.is_zero() {
            return self.read_at_once(buffer);
        }
        if self.read_timeout != Some(timeout) {
            on_stream!(self, stream => stream.set_read_timeout(Some(timeout)))?;
            self.read_timeout = Some(timeout);
        }
        on_stream!(self, stream => (&*stream).read(buffer))
    }

    #[cfg(unix)]
    fn descriptor(&self) -> RawFd {
        on_stream!(self, stream => stream.as_raw_fd())
    }

    #[cfg(unix)]
    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = on_stream!(self, stream => rustix::net::recv(stream, buffer, RecvFlags::DONTWAIT))?;
        Ok(read)
    }

    #[cfg(not(unix))]
    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        on_stream!(self, stream => {
            stream.set_nonblocking(true)?;
            let read = (&*stream).read(buffer);
            stream.set_nonblocking(false)?;
            read
        })
    }
}

/// What is ready is read at once, so the socket may wait in writing.
#[cfg(unix)]
impl mio::event::Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.descriptor()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.descriptor()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.descriptor()).deregister(registry)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        on_stream!(self, stream => (&*stream).write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tcp(host: impl ToSocketAddrs, settings: &TcpSettings, timeout: Duration) -> io::Result<TcpStream> {
    let until = Instant::now().checked_add(timeout);
    let mut failure = Error::new(ErrorKind::NotFound, "the host has no address");
    for address in host.to_socket_addrs()? {
        let left = until.map_or(timeout, |until| until.saturating_duration_since(Instant::now()));
        match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
            Ok(stream) => return apply(settings, &stream).map(|()| stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn apply(settings: &TcpSettings, stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(settings.nodelay())?;
    if let Some(keepalive) = settings.keepalive() {
        socket.set_tcp_keepalive(keepalive)?;
    }
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(settings.user_timeout())?;
    Ok(())
}
