use std::io::{self, Error, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
use redlock_core::system::tls::TlsStream;

use super::socket::Socket;

/// How long to wait before bytes are written again that had no room: those of a handshake are few, so it is rare.
const FULL_BUFFER_PAUSE: Duration = Duration::from_millis(1);

/// What is said to a server and what it says, in the clear or over TLS.
pub(super) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    pub(super) const fn is_encrypted(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Returns the socket underneath, to wait for it.
    pub(super) fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.socket_mut(),
        }
    }

    /// Waits until the stream, which said that it would block, can go on.
    pub(super) fn wait(&mut self, is_for_reading: bool, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(ErrorKind::TimedOut, "no answer within the connect timeout"));
        }
        if is_for_reading {
            return self.socket().wait_readable(left);
        }
        std::thread::sleep(FULL_BUFFER_PAUSE.min(left));
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}
