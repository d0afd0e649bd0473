//! Whose a token is.

use std::fmt;

/// How many characters of each token stand for the bytes of the lock's seed.
const SECRET: usize = 22;

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
        let number = u64::from_be_bytes(decode(secret)[..8].try_into().unwrap());
        let attempt = u32::from_be_bytes(decode(attempt)[..4].try_into().unwrap());
        Self { acquisition: usize::try_from(number).unwrap(), attempt }
    }
}

/// The bytes that are written in the URL-safe alphabet of base64.
fn decode(characters: &[u8]) -> Vec<u8> {
    let value = |character: &u8| match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => panic!("{character} does not stand in a token"),
    };
    let bits: Vec<u8> = characters.iter().flat_map(|c| (0..6).rev().map(move |bit| value(c) >> bit & 1)).collect();
    bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.acquisition, self.attempt)
    }
}
