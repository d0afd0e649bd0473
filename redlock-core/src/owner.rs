use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use crate::printable::{is_printable, printed};

/// The label of who holds a lock, for people: a host, a job, a process, such as `host-7/billing`.
///
/// It is stored beside the lock while that is held, where [`LockStatus`](crate::LockStatus) and a refusal show it to others. It
/// decides nothing: the token does. Whoever may look at the nodes can read it, so it must not contain a secret.
///
/// It has 1 to [`MAX_LEN`](Self::MAX_LEN) bytes of printable text. What a node says is made printable: a control character
/// that another program has written is shown as its escape.
///
/// ```
/// use redlock_core::{Owner, OwnerError};
///
/// let owner: Owner = "host-7/billing".parse()?;
/// assert_eq!(owner.to_string(), "host-7/billing");
/// assert_eq!(Owner::new("two\nlines"), Err(OwnerError::NotPrintable { letter: '\n' }));
/// # Ok::<(), OwnerError>(())
/// ```
///
/// Clones share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
// Behind a thin pointer: every command of a lock has one.
pub struct Owner(Arc<String>);

/// The reason for which a text cannot be the label of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// The text is empty.
    #[error("the label of the owner is empty: it needs at least one byte")]
    Empty,
    /// The text is too long.
    #[error("the label of the owner has {len} bytes, at most {} are allowed", Owner::MAX_LEN)]
    TooLong {
        /// The length of the text in bytes.
        len: usize,
    },
    /// The text has a letter that a terminal would not print.
    #[error("the label of the owner has the letter {letter:?}, which cannot be printed")]
    NotPrintable {
        /// The first such letter.
        letter: char,
    },
}

impl Owner {
    /// The longest label in bytes: it goes with every command of the lock.
    pub const MAX_LEN: usize = 128;

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// [`OwnerError::Empty`], [`OwnerError::TooLong`] or [`OwnerError::NotPrintable`].
    pub fn new(label: impl Into<String>) -> Result<Self, OwnerError> {
        let label = label.into();
        if label.is_empty() {
            return Err(OwnerError::Empty);
        }
        if label.len() > Self::MAX_LEN {
            return Err(OwnerError::TooLong { len: label.len() });
        }
        match label.chars().find(|letter| !is_printable(*letter)) {
            Some(letter) => Err(OwnerError::NotPrintable { letter }),
            None => Ok(Self(Arc::new(label))),
        }
    }

    /// Reads what a node says, which anybody may have written there: what is not printable is escaped, and what is too long is
    /// cut off. `None` if there is nothing.
    pub(crate) fn from_node(bytes: &[u8]) -> Option<Self> {
        let mut label = String::new();
        for chunk in bytes.utf8_chunks() {
            let letters = chunk.valid().chars().map(printed);
            let bytes = chunk.invalid().iter().map(|byte| byte.escape_ascii().to_string());
            for piece in letters.chain(bytes) {
                if label.len().saturating_add(piece.len()) > Self::MAX_LEN {
                    return Self::new(label).ok();
                }
                label.push_str(&piece);
            }
        }
        Self::new(label).ok()
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(label: &str) -> Result<Self, OwnerError> {
        Self::new(label)
    }
}

impl TryFrom<&str> for Owner {
    type Error = OwnerError;

    fn try_from(label: &str) -> Result<Self, OwnerError> {
        Self::new(label)
    }
}

impl TryFrom<String> for Owner {
    type Error = OwnerError;

    fn try_from(label: String) -> Result<Self, OwnerError> {
        Self::new(label)
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.as_str().into()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_an_error() {
        assert_eq!(Owner::new(""), Err(OwnerError::Empty));
        assert_eq!(Owner::new("a".repeat(129)), Err(OwnerError::TooLong { len: 129 }));
        assert_eq!(Owner::new("a".repeat(128)).map(|owner| owner.as_str().len()), Ok(128));
        for letter in ['\0', '\n', '\x1b', '\x7f', '\u{9b}', '\u{202e}', '\u{200b}'] {
            assert_eq!(Owner::new(format!("a{letter}b")), Err(OwnerError::NotPrintable { letter }));
        }
        assert!(Owner::new("host-7/büro \u{1f512} \"x\"").is_ok());
    }

    #[test]
    fn what_a_node_says_is_made_printable_and_cut_off() {
        let read = |bytes: &[u8]| Owner::from_node(bytes).map(String::from);
        assert_eq!(read(b""), None);
        assert_eq!(read("host-7/büro".as_bytes()).as_deref(), Some("host-7/büro"));
        assert_eq!(read(b"\x1b[2Ja\r\n\xff\0").as_deref(), Some(r"\u{1b}[2Ja\r\n\xff\u{0}"));
        assert_eq!(read("\u{202e}x".as_bytes()).as_deref(), Some(r"\u{202e}x"));
        assert_eq!(read(&[b'a'; 200]).map(|label| label.len()), Some(128));
        assert_eq!(
            read(&[&[b'a'; 125][..], b"\x1b"].concat()).map(|label| label.len()),
            Some(125),
            "no half of an escape"
        );
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_is_written_as_text_and_checked_when_it_is_read() {
        let owner = Owner::new("host-7").unwrap();
        assert_eq!(serde_json::to_string(&owner).unwrap(), r#""host-7""#);
        assert_eq!(serde_json::from_str::<Owner>(r#""host-7""#).unwrap(), owner);
        assert!(serde_json::from_str::<Owner>(r#""a\nb""#).unwrap_err().to_string().contains("cannot be printed"));
    }
}
