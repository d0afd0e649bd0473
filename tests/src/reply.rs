use std::fmt;
use std::io::{self, BufRead, Error, ErrorKind};

/// What a server answers to one command; an error reply is the `Err` of reading it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Text(Vec<u8>),
    Array(Vec<Reply>),
}

impl Reply {
    /// Reads one reply of the protocol's second version.
    pub(crate) fn read(source: &mut impl BufRead) -> io::Result<Self> {
        let line = read_line(source)?;
        match line.split_at_checked(1) {
            Some(("+" | ":", text)) => Ok(Self::Text(text.into())),
            Some(("$", length)) => Self::read_bulk(source, length),
            Some(("*", length)) => Self::read_array(source, length),
            Some(("-", message)) => Err(Error::other(message)),
            _ => Err(malformed(&line)),
        }
    }

    fn read_bulk(source: &mut impl BufRead, length: &str) -> io::Result<Self> {
        let Some(length) = parse_length(length)? else { return Ok(Self::Nil) };
        let mut text = vec![0; length];
        source.read_exact(&mut text)?;
        source.read_exact(&mut [0; 2])?;
        Ok(Self::Text(text))
    }

    fn read_array(source: &mut impl BufRead, length: &str) -> io::Result<Self> {
        let Some(length) = parse_length(length)? else { return Ok(Self::Nil) };
        (0..length).map(|_| Self::read(source)).collect::<io::Result<_>>().map(Self::Array)
    }
}

/// Like `redis-cli`: nil as `(nil)`, an array as one element per line.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("(nil)"),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Self::Array(elements) => {
                let lines: Vec<_> = elements.iter().map(Self::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

fn read_line(source: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    source.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.into()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// A length of -1 stands for nil.
fn parse_length(text: &str) -> io::Result<Option<usize>> {
    if text == "-1" { Ok(None) } else { text.parse().map(Some).map_err(|_| malformed(text)) }
}

fn malformed(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("malformed reply: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> io::Result<Reply> {
        Reply::read(&mut bytes)
    }

    fn shown(bytes: &[u8]) -> String {
        read(bytes).unwrap().to_string()
    }

    #[test]
    fn replies_are_shown_as_redis_cli_shows_them() {
        assert_eq!(shown(b"+OK\r\n"), "OK");
        assert_eq!(shown(b":-2\r\n"), "-2");
        assert_eq!(shown(b"$0\r\n\r\n"), "");
        assert_eq!(shown(b"$4\r\na\r\nb\r\n"), "a\r\nb");
        assert_eq!(shown(b"$-1\r\n"), "(nil)");
        assert_eq!(shown(b"*-1\r\n"), "(nil)");
        assert_eq!(shown(b"*2\r\n*2\r\n$1\r\na\r\n:1\r\n$-1\r\n"), "a\n1\n(nil)");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        assert_eq!(read(b"$3\r\n\xff\0\n\r\n").unwrap(), Reply::Text(b"\xff\0\n".into()));
    }

    #[test]
    fn an_error_reply_is_an_error() {
        let error = read(b"-ERR no such command\r\n").unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Other, "ERR no such command".into()));
    }

    #[test]
    fn what_is_cut_off_or_malformed_is_an_error() {
        for cut in [b"".as_slice(), b"+OK", b"$5\r\nab", b"*2\r\n:1\r\n"] {
            assert_eq!(read(cut).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
        for malformed in [b"\r\n".as_slice(), b"?\r\n", b"$x\r\n", b"*-2\r\n"] {
            assert_eq!(read(malformed).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }
}
