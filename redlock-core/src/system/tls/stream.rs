use std::fmt;
use std::io::{BufRead, Error, ErrorKind, Read, Result, Write};

use rustls::ClientConnection;

use super::words::in_words;

/// A TLS stream over a socket that does not block. Made by [`TlsSettings::open`](super::TlsSettings::open).
///
/// Reading and writing return [`WouldBlock`](ErrorKind::WouldBlock) where the socket does. What a write has accepted may
/// still have to be sent: [`flush`](Write::flush) sends it, and while it says `WouldBlock` it is to be called again when
/// the socket is writable.
///
/// A stream that ends is read as one that ends, also where the server did not announce it: replies have a length of their
/// own, so one that is cut off is noticed.
pub struct TlsStream<S> {
    session: ClientConnection,
    socket: S,
}

impl<S> TlsStream<S> {
    pub(super) const fn new(session: ClientConnection, socket: S) -> Self {
        Self { session, socket }
    }

    /// Returns the socket underneath, to wait for it. Whoever reads from it or writes to it breaks the stream.
    pub const fn socket_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Returns whether there is something that the socket has not taken yet: wait until it is writable, then.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Returns whether a read returns something without asking the socket.
    pub fn is_readable(&mut self) -> bool {
        let mut reader = self.session.reader();
        !matches!(reader.fill_buf(), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// Goes on with the handshake as far as possible, and returns when it is complete.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](ErrorKind::WouldBlock) when it is to be called again: as soon as the socket is writable if
    /// [`wants_write`](Self::wants_write), and as soon as it is readable otherwise. Everything else is final: the
    /// server's certificate is not trusted, the server refuses the client's, or the connection broke.
    pub fn handshake(&mut self) -> Result<()> {
        loop {
            self.send()?;
            if !self.session.is_handshaking() {
                return Ok(());
            }
            if self.receive()? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
        }
    }

    /// Sends what is encrypted.
    fn send(&mut self) -> Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads once from the socket, and decrypts what has come.
    fn receive(&mut self) -> Result<usize> {
        let read = loop {
            match self.session.read_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if let Err(error) = self.session.process_new_packets() {
            // The server is told why, if it still listens.
            let _ = self.send();
            return Err(in_words(&error));
        }
        Ok(read)
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive()?,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            };
        }
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    /// Accepts nothing before everything that was accepted earlier is sent.
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.send()?;
        let accepted = self.session.writer().write(bytes)?;
        match self.send() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(accepted),
            sent => sent.map(|()| accepted),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.send()?;
        self.socket.flush()
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}
