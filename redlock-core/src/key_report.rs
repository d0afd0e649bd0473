use core::time::Duration;

use crate::wire::split_word;
use crate::{Owner, ValueDigest};

/// What a node says about a key that it was asked about, without having changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key.
    pub state: KeyState,
    /// The number of handles that stand in the node's wait queue for the key; `None` where the node does not let the user
    /// look.
    pub waiting: Option<u32>,
    /// The label of the holder, if it has one.
    pub owner: Option<Owner>,
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
        Self { state, waiting, owner: None }
    }

    /// Makes the same report with the label of the holder.
    #[must_use]
    pub fn owned_by(self, owner: impl Into<Option<Owner>>) -> Self {
        Self { owner: owner.into(), ..self }
    }

    /// Reads the TTL of a key in milliseconds, -2 without the key and -1 without an end; the length of its queue, or -1; the
    /// digest of its value, or `-`; and the label of its holder, if there is one: `1500 3 356a192b7913b04c host-7`.
    pub(crate) fn from_wire(bytes: &[u8]) -> Option<Self> {
        let (ttl, rest) = split_word(bytes)?;
        let (waiting, rest) = split_word(rest?)?;
        let (digest, label) = split_word(rest?)?;
        let owner = label.map(|label| Owner::from_node(label).ok_or(())).transpose().ok()?;
        let remaining = || if ttl == "-1" { Some(None) } else { Some(Some(Duration::from_millis(number(ttl)?))) };
        let state = match (ttl, digest) {
            ("-2", "-") => KeyState::Free,
            (_, "-") => KeyState::OtherType { remaining: remaining()? },
            (_, digits) => KeyState::Held { digest: ValueDigest::from_hex(digits)?, remaining: remaining()? },
        };
        let waiting = if waiting == "-1" { None } else { Some(u32::try_from(number(waiting)?).ok()?) };
        let is_held = matches!(state, KeyState::Held { .. });
        (is_held || owner.is_none()).then_some(Self { state, waiting, owner })
    }
}

/// Reads decimal digits, and nothing else that a number may begin with.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
