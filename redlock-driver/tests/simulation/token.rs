//! Whose a token is.

use std::fmt;

/// How many bytes of the seed of a lock stand in front of each of its tokens.
const SECRET: usize = 16;

/// A token, read: the simulated runtime puts the number of the acquisition in front of each seed, and the core puts the
/// number of the attempt behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenId {
    pub(crate) acquisition: usize,
    pub(crate) attempt: u32,
}

impl TokenId {
    pub(crate) fn of(token: &[u8]) -> Self {
        let (secret, attempt) = token.split_at(SECRET);
        let number = u64::from_be_bytes(secret[..8].try_into().unwrap());
        Self { acquisition: usize::try_from(number).unwrap(), attempt: u32::from_be_bytes(attempt.try_into().unwrap()) }
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.acquisition, self.attempt)
    }
}
