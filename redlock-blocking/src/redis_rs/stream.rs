use std::io::{self, Error, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

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

/// Reading for a limited time, however small the pieces in which a reply comes.
pub(super) struct Limited<'a> {
    socket: &'a mut Socket,
    timeout: Duration,
    /// When the first read began; a reply is rarely in need of another.
    began: Option<Instant>,
}

impl<'a> Limited<'a> {
    pub(super) fn new(socket: &'a mut Socket, timeout: Duration) -> Self {
        Self { socket, timeout, began: None }
    }

    /// The first read has all the time, to the nanosecond: telling the system another one costs a call.
    fn left(&mut self) -> Duration {
        let read_before = self.began.map(|began| began.elapsed()).unwrap_or_default();
        self.began.get_or_insert_with(Instant::now);
        self.timeout.saturating_sub(read_before)
    }
}

impl Read for Limited<'_> {
    /// Goes on when a signal interrupts it: the system ends a limited wait even for one that stops the process.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let timeout = self.left();
            match self.socket.read_within(buffer, timeout) {
                Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// What TLS has to say while a reply is read is short: it is written as commands are.
impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
