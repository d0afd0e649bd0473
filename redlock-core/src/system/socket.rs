//! Carries bytes between a [machine](crate::resp) and a socket that does not block.

use std::io::{self, ErrorKind, Read, Write};

use crate::resp::{Connection, Inquiry, Opening};

/// What a machine that speaks over a socket has in common, open or on the way there.
pub trait Speaker {
    /// Returns the bytes that are to be written next.
    fn unwritten(&self) -> &[u8];
    /// Notes that the first `len` of the unwritten bytes were written.
    fn handle_written(&mut self, len: usize);
    /// Returns room for the bytes that are read next.
    fn read_buffer(&mut self) -> &mut [u8];
    /// Takes the first `len` bytes of the room, which were filled.
    fn handle_read(&mut self, len: usize);
}

/// What a [`read`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a read finds nothing, a part or all")]
pub enum Reading {
    /// There is nothing to read now.
    Nothing,
    /// Something was read, and there may be more.
    Some,
    /// All was read that was there.
    All,
}

/// How often a socket is read before others have their turn: a server may talk without end.
pub const MAX_READS: usize = 16;

/// Writes what a machine has to say to a socket that does not block, as far as it takes it. Returns whether all is
/// written.
///
/// # Errors
///
/// What the socket says: the connection broke.
pub fn write(machine: &mut impl Speaker, socket: &mut impl Write) -> io::Result<bool> {
    while !machine.unwritten().is_empty() {
        match socket.write(machine.unwritten()) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => machine.handle_written(len),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    flush(socket)
}

fn flush(socket: &mut impl Write) -> io::Result<bool> {
    loop {
        match socket.flush() {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Reads once from a socket that does not block, into a machine, whose events are to be polled then.
///
/// # Errors
///
/// What the socket says, or that the server closed the connection.
pub fn read(machine: &mut impl Speaker, socket: &mut impl Read) -> io::Result<Reading> {
    loop {
        let room = machine.read_buffer();
        let most = room.len();
        match socket.read(room) {
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
            Ok(len) => {
                machine.handle_read(len);
                return Ok(if len < most { Reading::All } else { Reading::Some });
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Reading::Nothing),
            Err(error) => return Err(error),
        }
    }
}

macro_rules! speaks {
    ($machine:ty) => {
        impl Speaker for $machine {
            fn unwritten(&self) -> &[u8] {
                Self::unwritten(self)
            }

            fn handle_written(&mut self, len: usize) {
                Self::handle_written(self, len);
            }

            fn read_buffer(&mut self) -> &mut [u8] {
                Self::read_buffer(self)
            }

            fn handle_read(&mut self, len: usize) {
                Self::handle_read(self, len);
            }
        }
    };
}

speaks!(Connection);
speaks!(Inquiry);
speaks!(Opening);
