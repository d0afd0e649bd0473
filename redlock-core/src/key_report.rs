use core::time::Duration;

use crate::ValueDigest;

/// What a node says about a key that it was asked about, without having changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key.
    pub state: KeyState,
    /// The number of handles that stand in the node's wait queue for the key; `None` where the node does not let the user
    /// look.
    pub waiting: Option<u32>,
}

/// The state of a key on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// There is no such key.
    Free,
    /// The key is there with some value.
    Held {
        /// The digest of the value.
        digest: ValueDigest,
        /// How long the key goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
    /// The key is there and is no string, so it is no lock of a library that works like this one.
    OtherType {
        /// How long the key goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
}

impl KeyReport {
    /// Creates a report, for a transport to something else than Redis.
    #[must_use]
    pub const fn new(state: KeyState, waiting: Option<u32>) -> Self {
        Self { state, waiting }
    }

    /// Reads the TTL of a key in milliseconds, -2 without the key and -1 without an end; the length of its queue, or -1; and
    /// the digest of its value, or `-`: `1500 3 356a192b7913b04c`.
    pub(crate) fn from_wire(bytes: &[u8]) -> Option<Self> {
        let mut words = core::str::from_utf8(bytes).ok()?.split(' ');
        let (ttl, waiting, digest) = (words.next()?, words.next()?, words.next()?);
        let remaining = || if ttl == "-1" { Some(None) } else { Some(Some(Duration::from_millis(number(ttl)?))) };
        let state = match (ttl, digest) {
            ("-2", "-") => KeyState::Free,
            (_, "-") => KeyState::OtherType { remaining: remaining()? },
            (_, digits) => KeyState::Held { digest: ValueDigest::from_hex(digits)?, remaining: remaining()? },
        };
        let waiting = if waiting == "-1" { None } else { Some(u32::try_from(number(waiting)?).ok()?) };
        words.next().is_none().then_some(Self { state, waiting })
    }
}

/// Reads decimal digits, and nothing else that a number may begin with.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
