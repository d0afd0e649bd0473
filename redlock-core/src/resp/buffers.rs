//! The bytes of one connection, on their way in and out.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::frame::{CRLF, Framer, MAX_REPLY, Malformed};
use crate::wire::Decimal;

/// What is read at once at least.
const MIN_READ: usize = 4 * 1024;

/// The memory that a buffer for what is read starts with and shrinks back to.
const USUAL_INPUT: usize = 16 * 1024;

/// The memory that a buffer for what is written shrinks back to: that of some hundred commands.
const USUAL_OUTPUT: usize = 64 * 1024;

/// The bytes that were read and not yet looked at. Two are equal if these bytes are, whatever was read before.
#[derive(Clone, Default)]
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
            if self.buffer.len() > USUAL_INPUT {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.len().saturating_sub(self.end) < MIN_READ {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        }
        if self.buffer.len().saturating_sub(self.end) < MIN_READ {
            let len = self.buffer.len().saturating_mul(2).clamp(USUAL_INPUT, MAX_REPLY.saturating_add(USUAL_INPUT));
            self.buffer.resize(len, 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Notes that so many bytes of the room were filled.
    pub(super) fn filled(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.buffer.len());
    }

    /// Takes bytes that were read elsewhere. What was looked at is dropped when it is half of the buffer, so a byte is
    /// moved once on average.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.buffer.truncate(self.end);
        if self.start >= self.end.saturating_sub(self.start) {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
        self.end = self.buffer.len();
    }

    /// Takes the bytes of the next reply, if it is complete.
    pub(super) fn take_reply(&mut self) -> Result<Option<&[u8]>, Malformed> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(len) = self.framer.end(bytes)? else { return Ok(None) };
        let begin = self.start;
        self.start = begin.saturating_add(len);
        Ok(self.buffer.get(begin..self.start))
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        self.unread() == other.unread() && self.framer == other.framer
    }
}

impl Eq for Input {}

impl Hash for Input {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unread().hash(state);
        self.framer.hash(state);
    }
}

/// The bytes that are to be written. Two are equal if these bytes are, whatever was written before.
#[derive(Clone, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    /// The bytes before this place were written.
    start: usize,
}

impl Output {
    /// Appends a command, which is an array of texts. What was written is dropped when it is half of the buffer: a socket
    /// that never takes all of the bytes would let the buffer grow for ever.
    pub(super) fn command<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        if self.start >= self.unwritten().len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.push(b'*');
        self.buffer.extend_from_slice(Decimal::new(words.len() as u64).as_bytes());
        for word in words {
            self.begin_word(word.len());
            self.buffer.extend_from_slice(word);
        }
        self.buffer.extend_from_slice(CRLF);
    }

    /// Ends the line before, and appends the length of the next word. Nearly all have one digit or two.
    #[inline]
    fn begin_word(&mut self, len: usize) {
        let digit = |number: u64| b'0'.saturating_add((number % 10) as u8);
        match len as u64 {
            len @ 100.. => self.begin_long_word(len),
            len @ 10.. => {
                self.buffer.extend_from_slice(&[b'\r', b'\n', b'$', digit(len / 10), digit(len), b'\r', b'\n']);
            }
            len => self.buffer.extend_from_slice(&[b'\r', b'\n', b'$', digit(len), b'\r', b'\n']),
        }
    }

    #[cold]
    fn begin_long_word(&mut self, len: u64) {
        self.buffer.extend_from_slice(b"\r\n$");
        self.buffer.extend_from_slice(Decimal::new(len).as_bytes());
        self.buffer.extend_from_slice(CRLF);
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
        if self.buffer.capacity() > USUAL_OUTPUT {
            self.buffer.shrink_to(USUAL_OUTPUT);
        }
    }
}

impl PartialEq for Output {
    fn eq(&self, other: &Self) -> bool {
        self.unwritten() == other.unwritten()
    }
}

impl Eq for Output {}

impl Hash for Output {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unwritten().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts_whatever_their_lengths() {
        let lengths = [0, 1, 9, 10, 11, 99, 100, 101, 512, 64 * 1024];
        let words: Vec<String> = lengths.map(|len| "x".repeat(len)).to_vec();
        for count in 1..=words.len() {
            let words = words.get(..count).unwrap();
            let texts: Vec<String> = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
            let expected = format!("*{count}\r\n{}", texts.concat());
            let mut output = Output::default();
            output.command(words.iter().map(String::as_bytes));
            assert!(output.unwritten() == expected.as_bytes(), "{count} words");
        }
    }

    #[test]
    fn a_socket_that_never_takes_all_does_not_let_the_output_grow() {
        let mut output = Output::default();
        let word = [0; 100];
        output.command([&word[..]].into_iter());
        for _ in 0..10_000 {
            output.command([&word[..]].into_iter());
            output.written(output.unwritten().len() - 1);
        }
        assert_eq!(output.unwritten().len(), 1);
        assert!(output.buffer.capacity() < 1_024, "{} bytes", output.buffer.capacity());
    }

    #[test]
    fn input_that_is_never_used_up_does_not_grow() {
        let mut input = Input::default();
        input.copy(b"+");
        for _ in 0..10_000 {
            input.copy(b"OK\r\n+");
            assert_eq!(input.take_reply(), Ok(Some(&b"+OK\r\n"[..])));
        }
        assert!(input.buffer.capacity() < 1_024, "{} bytes", input.buffer.capacity());
    }

    #[test]
    fn what_is_over_makes_no_difference() {
        let (mut one, mut other) = (Input::default(), Input::default());
        one.copy(b"+OK\r\n");
        assert!(one.take_reply().is_ok_and(|reply| reply.is_some()) && one == other);
        one.room()[..1].copy_from_slice(b":");
        one.filled(1);
        other.copy(b":");
        assert!(one == other && one != Input::default());
    }
}
