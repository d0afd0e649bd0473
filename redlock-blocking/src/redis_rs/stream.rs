use std::io::{self, Read, Write};
use std::time::Duration;

use super::limited::Limited;
use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::Session;

/// What is said to a server and what it says, in the clear or over TLS.
pub(super) struct Stream {
    socket: Socket,
    #[cfg(feature = "tls")]
    session: Option<Session>,
}

impl Stream {
    pub(super) const fn in_the_clear(socket: Socket) -> Self {
        Self {
            socket,
            #[cfg(feature = "tls")]
            session: None,
        }
    }

    #[cfg(feature = "tls")]
    pub(super) const fn over_tls(socket: Socket, session: Session) -> Self {
        Self { socket, session: Some(session) }
    }

    #[cfg(unix)]
    pub(super) const fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub(super) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.socket.set_write_timeout(timeout)
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            return session.write_all(bytes, &mut self.socket);
        }
        self.socket.write_all(bytes)
    }

    /// Reads for a limited time, all reads of the reader together.
    pub(super) fn reader(&mut self, timeout: Duration) -> Reader<'_> {
        Reader {
            socket: Limited::new(&mut self.socket, timeout),
            #[cfg(feature = "tls")]
            session: self.session.as_mut(),
        }
    }
}

/// Made by [`Stream::reader`].
pub(super) struct Reader<'a> {
    socket: Limited<'a>,
    #[cfg(feature = "tls")]
    session: Option<&'a mut Session>,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            return session.read(buffer, &mut self.socket);
        }
        self.socket.read(buffer)
    }
}
