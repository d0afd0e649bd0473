use alloc::vec::Vec;
use core::fmt;

/// The first 64 bits of the SHA1 of a key's value: enough to tell whether two nodes have the same value, and nothing that a
/// key could be released or extended with.
///
/// A [token](crate::Token) has 128 unguessable bits, of which a digest gives nothing away. Other programs may use values that
/// can be guessed, so `Debug` shows no digest either. Two values with the same digest can be made on purpose, with some
/// effort; what is believed of them is only ever a report, and decides about no lock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueDigest(u64);

impl ValueDigest {
    /// Computes the digest of a value.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        Self(sha1_prefix(value))
    }

    #[cfg(test)]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Reads 16 hexadecimal digits.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        let is_hex = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Debug for ValueDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueDigest(..)")
    }
}

/// The length of a block of SHA1 in bytes.
const BLOCK: usize = 64;
/// The bytes of the last block that are not for the length of the message.
const LENGTH_BEGINS: usize = 56;

/// Computes the first 64 bits of the SHA1 of a message. Source: FIPS 180-4, section 6.1.
pub(crate) fn sha1_prefix(message: &[u8]) -> u64 {
    let mut padded: Vec<u8> = message.to_vec();
    padded.push(0x80);
    while padded.len() % BLOCK != LENGTH_BEGINS {
        padded.push(0);
    }
    padded.extend((message.len() as u64).wrapping_mul(8).to_be_bytes());
    let start = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let [first, second, ..] = padded.chunks_exact(BLOCK).fold(start, compress);
    u64::from(first) << 32 | u64::from(second)
}

fn compress(before: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut words = [0_u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    let mut state = before;
    for round in 0..80 {
        state = step(state, words[0], round);
        let next = words[13] ^ words[8] ^ words[2] ^ words[0];
        words.rotate_left(1);
        words[15] = next.rotate_left(1);
    }
    core::array::from_fn(|place| before[place].wrapping_add(state[place]))
}

fn step(state: [u32; 5], word: u32, round: u32) -> [u32; 5] {
    let [one, two, three, four, five] = state;
    let (mixed, constant) = match round {
        0..20 => ((two & three) | (!two & four), 0x5A82_7999),
        20..40 => (two ^ three ^ four, 0x6ED9_EBA1),
        40..60 => ((two & three) | (two & four) | (three & four), 0x8F1B_BCDC_u32),
        _ => (two ^ three ^ four, 0xCA62_C1D6),
    };
    let sum = [mixed, five, constant, word].into_iter().fold(one.rotate_left(5), u32::wrapping_add);
    [sum, one, two.rotate_left(30), three, four]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha1::{Digest as _, Sha1};

    #[test]
    fn it_is_the_beginning_of_the_sha1_for_every_length() {
        for len in 0..200_u8 {
            let value: Vec<u8> = (0..len).map(|byte| byte.wrapping_mul(37)).collect();
            let hex = format!("{:x}", Sha1::digest(&value));
            assert_eq!(ValueDigest::from_hex(&hex[..16]), Some(ValueDigest::of(&value)), "{len} bytes");
        }
    }

    #[test]
    fn only_sixteen_hexadecimal_digits_are_one() {
        for text in ["", "0", "0123456789abcde", "0123456789abcdef0", "+123456789abcdef", "0123456789abcdeg", "-"] {
            assert_eq!(ValueDigest::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_digit() {
        assert_eq!(format!("{:?}", ValueDigest::of(b"1")), "ValueDigest(..)");
    }
}
