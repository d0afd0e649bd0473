use std::io::{self, Error, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::socket::Socket;

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
