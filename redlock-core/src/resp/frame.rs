//! The bounds of one reply in what was read.

use smallvec::SmallVec;

/// The largest reply, in bytes, with everything that is nested in it. Those to the commands of this crate are far below.
pub(super) const MAX_REPLY: usize = 64 * 1024;

/// How deeply replies may be nested. `HELLO` needs two levels.
pub(super) const MAX_DEPTH: usize = 8;

/// What was read is not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Looks for the end of a reply. It remembers how far it has come, so every byte is looked at once, however small the
/// pieces are in which the reply comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Framer {
    /// The bytes that belong to complete elements.
    complete: usize,
    /// How far the end of the line behind them was looked for.
    searched: usize,
    /// The elements that are missing of each aggregate that is open, the innermost last.
    missing: SmallVec<[u64; 4]>,
}

impl Framer {
    /// Returns the length of the first reply in `bytes`, which begin where they began in the last call; `None` as long as
    /// it is not complete.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        loop {
            let Some(len) = self.element(bytes)? else {
                return if bytes.len() > MAX_REPLY { Err(TOO_LONG) } else { Ok(None) };
            };
            self.complete = self.complete.saturating_add(len);
            self.searched = self.complete;
            while self.missing.last() == Some(&0) {
                self.missing.pop();
            }
            if self.missing.is_empty() {
                let end = self.complete;
                (self.complete, self.searched) = (0, 0);
                return if end > MAX_REPLY { Err(TOO_LONG) } else { Ok(Some(end)) };
            }
        }
    }

    /// Returns the length of the next element without what is nested in it, and takes it off what is missing.
    fn element(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(line) = self.line(bytes)? else { return Ok(None) };
        let (header, header_len) = (Header::read(line)?, line.len().saturating_add(CRLF.len()));
        let len = match header {
            Header::Text(text_len) => {
                let len = header_len.saturating_add(text_len);
                let behind = bytes.get(self.complete.saturating_add(len)..).unwrap_or_default();
                if !CRLF.starts_with(behind.get(..CRLF.len()).unwrap_or(behind)) {
                    return Err(Malformed("a text that is longer than it says"));
                }
                if behind.len() < CRLF.len() {
                    return Ok(None);
                }
                len.saturating_add(CRLF.len())
            }
            Header::Scalar | Header::Aggregate(_) | Header::Attribute(_) => header_len,
        };
        self.note(&header)?;
        Ok(Some(len))
    }

    /// Takes an element off what is missing, and notes what is nested in it.
    fn note(&mut self, header: &Header) -> Result<(), Malformed> {
        if let Header::Attribute(count) = header {
            // It stands before a value and is none.
            match self.missing.last_mut() {
                Some(missing) => *missing = missing.saturating_add(*count),
                None => self.missing.push(count.saturating_add(1)),
            }
            return Ok(());
        }
        if let Some(missing) = self.missing.last_mut() {
            *missing = missing.saturating_sub(1);
        }
        if let Header::Aggregate(count @ 1..) = header {
            if self.missing.len() >= MAX_DEPTH {
                return Err(Malformed("a reply that is nested too deeply"));
            }
            self.missing.push(*count);
        }
        Ok(())
    }

    /// Returns the next line without its end. One that cannot become a reply is refused at its first byte: a server that
    /// speaks another protocol may never end a line.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        match bytes.get(self.complete) {
            Some(&TLS_ALERT) => return Err(TLS),
            Some(kind) if !begins_line(*kind) => return Err(NO_REPLY),
            _ => {}
        }
        let rest = bytes.get(self.searched..).unwrap_or_default();
        let Some(place) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = bytes.len();
            return Ok(None);
        };
        let end = self.searched.saturating_add(place);
        // A text is waited for with its header already seen.
        self.searched = self.complete;
        let line = bytes.get(self.complete..end).unwrap_or_default();
        line.strip_suffix(b"\r").map(Some).ok_or(Malformed("a line without an end"))
    }
}

/// Returns whether there are lines with this byte in front.
const fn begins_line(kind: u8) -> bool {
    matches!(
        kind,
        b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b'#' | b',' | b'(' | b'!' | b'=' | b'%' | b'~' | b'>' | b'|'
    )
}

/// The first byte with which a server that speaks TLS refuses what is not TLS.
const TLS_ALERT: u8 = 0x15;

const TLS: Malformed = Malformed("a line that begins like no reply, but like an alert of TLS: write rediss://");

const NO_REPLY: Malformed = Malformed("a line that begins like no reply");

const TOO_LONG: Malformed = Malformed("a reply that is too long");

pub(super) const CRLF: &[u8; 2] = b"\r\n";

/// What the first line of an element says about what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It is all in the line.
    Scalar,
    /// So many bytes and an end of line.
    Text(usize),
    /// So many elements.
    Aggregate(u64),
    /// So many elements, and then the value that they are about.
    Attribute(u64),
}

impl Header {
    pub(super) fn read(line: &[u8]) -> Result<Self, Malformed> {
        let Some((kind, rest)) = line.split_first() else { return Err(NO_REPLY) };
        match kind {
            b'$' | b'*' if rest == b"-1" => Ok(Self::Scalar),
            b'$' | b'!' | b'=' => match usize::try_from(number(rest)?) {
                Ok(len) if len <= MAX_REPLY => Ok(Self::Text(len)),
                _ => Err(TOO_LONG),
            },
            b'*' | b'~' | b'>' => count_of(number(rest)?, 1).map(Self::Aggregate),
            b'%' => count_of(number(rest)?, 2).map(Self::Aggregate),
            b'|' => count_of(number(rest)?, 2).map(Self::Attribute),
            kind => scalar(*kind, rest),
        }
    }
}

/// Reads an element that is all in its line.
fn scalar(kind: u8, rest: &[u8]) -> Result<Header, Malformed> {
    let is_valid = match kind {
        b'+' | b'-' => true,
        b':' => return number(rest).map(|_| Header::Scalar),
        b'_' => rest.is_empty(),
        b'#' => matches!(rest, b"t" | b"f"),
        b',' => core::str::from_utf8(rest).is_ok_and(|digits| digits.parse::<f64>().is_ok()),
        b'(' => is_whole_number(rest),
        _ => return Err(NO_REPLY),
    };
    if is_valid { Ok(Header::Scalar) } else { Err(Malformed("a value that its kind does not have")) }
}

fn is_whole_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Returns the number of elements of an aggregate; each takes some bytes, so what is too many is too long.
fn count_of(count: i64, each: u64) -> Result<u64, Malformed> {
    match u64::try_from(count) {
        Ok(count) if count <= MAX_REPLY as u64 => Ok(count.saturating_mul(each)),
        _ => Err(TOO_LONG),
    }
}

/// The length of the longest number, that of `i64::MIN`. A line with a number is looked at again while the text behind it
/// comes, so it must be short.
const MAX_DIGITS: usize = 20;

pub(super) fn number(digits: &[u8]) -> Result<i64, Malformed> {
    // So it is in nearly all answers.
    if let [digit @ b'0'..=b'9'] = digits {
        return Ok(i64::from(digit.saturating_sub(b'0')));
    }
    let digits = Some(digits).filter(|digits| digits.len() <= MAX_DIGITS);
    let number = digits.and_then(|digits| core::str::from_utf8(digits).ok()?.parse().ok());
    number.ok_or(Malformed("a number that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn whole(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        Framer::default().end(bytes)
    }

    /// The same, with one byte more at each call.
    fn dribbled(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut framer = Framer::default();
        for len in 0..bytes.len() {
            if let Some(end) = framer.end(&bytes[..len])? {
                return Ok(Some(end));
            }
        }
        framer.end(bytes)
    }

    #[test]
    fn every_kind_of_reply_has_its_end() {
        for reply in [
            &b"+OK\r\n"[..],
            b"-ERR no\r\n",
            b":-12\r\n",
            b"$3\r\na\r\n\r\n",
            b"$0\r\n\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",1.5\r\n",
            b",-inf\r\n",
            b",1e10\r\n",
            b"(-1\r\n",
            b"(12345678901234567890\r\n",
            b"!5\r\nERR x\r\n",
            b"=7\r\ntxt:abc\r\n",
            b"*2\r\n:1\r\n*1\r\n+a\r\n",
            b"%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n",
            b">2\r\n+message\r\n$1\r\nx\r\n",
            b"|1\r\n+ttl\r\n:1\r\n+OK\r\n",
            b"*2\r\n|1\r\n+ttl\r\n:1\r\n:7\r\n:8\r\n",
        ] {
            let mut more = reply.to_vec();
            more.extend_from_slice(b":1\r\n");
            assert_eq!(whole(&more), Ok(Some(reply.len())), "{}", reply.escape_ascii());
            assert_eq!(dribbled(&more), Ok(Some(reply.len())), "{}", reply.escape_ascii());
            for cut in 0..reply.len() {
                assert_eq!(whole(&reply[..cut]), Ok(None), "{}", reply[..cut].escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_as_soon_as_that_can_be_seen() {
        for bytes in [
            &b"HTTP/1.1 400\r\n"[..],
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"*1\r\nx",
            b"\r\n",
            b"+OK\n",
            b":x\r\n",
            b":\r\n",
            b"$x\r\n",
            b"$-2\r\n",
            b"$?\r\n",
            b"*?\r\n",
            b"*-2\r\n",
            b"%-1\r\n",
            b"$1\r\nab",
            b"$1\r\na\rb",
            b"$0000000000000000000001\r\na\r\n",
            b"!-1\r\n",
            b"=-1\r\n",
            b"~-1\r\n",
            b">-1\r\n",
            b"_x\r\n",
            b"#x\r\n",
            b",x\r\n",
            b"(-\r\n",
            b"$99999999999\r\n",
            b"*99999999999\r\n",
            b"*18446744073709551616\r\n",
        ] {
            assert!(whole(bytes).is_err() && dribbled(bytes).is_err(), "{}", bytes.escape_ascii());
        }
        assert!(whole(&b"*1\r\n".repeat(MAX_DEPTH)).is_ok());
        assert!(whole(&b"*1\r\n".repeat(MAX_DEPTH + 1)).is_err());
        let endless = b"+".iter().copied().chain(core::iter::repeat_n(b'a', MAX_REPLY)).collect::<Vec<u8>>();
        assert!(whole(&endless).is_err());
    }
}
