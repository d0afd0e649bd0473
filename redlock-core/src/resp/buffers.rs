//! The bytes of one connection, on their way in and out.

use alloc::vec::Vec;

use super::frame::{Framer, MAX_REPLY, Malformed};

/// What is read at once at least.
const MIN_READ: usize = 4 * 1024;

/// The memory that a buffer starts with and shrinks back to.
const USUAL: usize = 16 * 1024;

/// What was read and not yet looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// The bytes that count lie between these two places.
    start: usize,
    end: usize,
    framer: Framer,
}

impl Input {
    /// Returns room for what is read next. It grows to a reply of the largest size and some more, and no further.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > USUAL {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.len().saturating_sub(self.end) < MIN_READ {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        }
        if self.buffer.len().saturating_sub(self.end) < MIN_READ {
            let len = self.buffer.len().saturating_mul(2).clamp(USUAL, MAX_REPLY.saturating_add(USUAL));
            self.buffer.resize(len, 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Notes that so many bytes of the room were filled.
    pub(super) fn filled(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.buffer.len());
    }

    /// Takes bytes that were read elsewhere.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.buffer.truncate(self.end.saturating_sub(self.start));
        self.buffer.extend_from_slice(bytes);
        (self.start, self.end) = (0, self.buffer.len());
    }

    /// Takes the bytes of the next reply, if it is complete.
    pub(super) fn take_reply(&mut self) -> Result<Option<&[u8]>, Malformed> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some(len) = self.framer.end(bytes)? else { return Ok(None) };
        let begin = self.start;
        self.start = begin.saturating_add(len);
        Ok(self.buffer.get(begin..self.start))
    }
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Output {
    buffer: Vec<u8>,
    /// What is before it was written.
    start: usize,
}

impl Output {
    /// Appends a command.
    pub(super) fn command<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.header(b'*', words.len());
        for word in words {
            self.header(b'$', word.len());
            self.buffer.extend_from_slice(word);
            self.buffer.extend_from_slice(b"\r\n");
        }
    }

    fn header(&mut self, kind: u8, number: usize) {
        self.buffer.push(kind);
        self.buffer.extend_from_slice(crate::wire::Decimal::new(number as u64).as_bytes());
        self.buffer.extend_from_slice(b"\r\n");
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    pub(super) fn written(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.buffer.len());
        if self.start < self.buffer.len() {
            return;
        }
        self.start = 0;
        self.buffer.clear();
        if self.buffer.capacity() > USUAL {
            self.buffer.shrink_to(USUAL);
        }
    }
}
