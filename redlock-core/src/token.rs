use core::fmt;

/// The value that a lock's key has on every node: it tells this acquisition from all others.
///
/// It is made of 16 unguessable bytes that the driver drew for this lock, and of the number of the attempt: a token is
/// new for every attempt, so that the late release of one attempt cannot touch the next. Both are written in the
/// URL-safe alphabet of base64 (RFC 4648, section 5), so that a token is a plain word for every client and every
/// terminal. `Debug` shows none of it, and no error or event carries one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; Token::LEN]);

impl Token {
    /// The length of a token in bytes.
    pub const LEN: usize = SECRET_CHARS + ATTEMPT_CHARS;

    /// Reads the value that stands on the nodes; `None` if it is not that of a token.
    #[cfg(feature = "serde")]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let token = bytes.try_into().ok().map(Self)?;
        token.0.iter().all(|byte| ALPHABET.contains(byte)).then_some(token)
    }

    /// Returns the value that stands on the nodes: letters, digits, `-` and `_`.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The number of characters that stand for the secret: one for every six bits.
const SECRET_CHARS: usize = (TokenSecret::LEN * 8).div_ceil(6);
/// The number of characters that stand for the number of the attempt.
const ATTEMPT_CHARS: usize = (u32::BITS as usize).div_ceil(6);

/// The secret that makes the tokens of one lock unguessable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenSecret([u8; TokenSecret::LEN]);

impl TokenSecret {
    pub(crate) const LEN: usize = 16;

    pub(crate) const fn new(secret: [u8; Self::LEN]) -> Self {
        Self(secret)
    }

    /// Returns the token of one attempt.
    pub(crate) fn token(self, attempt: u32) -> Token {
        let mut bytes = [0; Token::LEN];
        let (secret, number) = bytes.split_at_mut(SECRET_CHARS);
        write_base64(&self.0, secret);
        write_base64(&attempt.to_be_bytes(), number);
        Token(bytes)
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// The alphabet of base64 for URLs and file names.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes `bytes` as base64 without padding into `characters`, which has room for exactly that.
pub(crate) fn write_base64(bytes: &[u8], characters: &mut [u8]) {
    for (three, four) in bytes.chunks(3).zip(characters.chunks_mut(4)) {
        let bits = match *three {
            [one, two, three] => u32::from_be_bytes([0, one, two, three]),
            [one, two] => u32::from_be_bytes([0, one, two, 0]),
            [one] => u32::from_be_bytes([0, one, 0, 0]),
            _ => 0,
        };
        let written = [18, 12, 6, 0].map(|shift| {
            let [.., six_bits] = (bits >> shift).to_be_bytes();
            ALPHABET[usize::from(six_bits & 0x3F)]
        });
        four.copy_from_slice(&written[..four.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_has_a_token_of_its_own() {
        let secret = TokenSecret::new([7; 16]);
        assert_ne!(secret.token(1), secret.token(2));
        assert_ne!(secret.token(1), TokenSecret::new([8; 16]).token(1));
    }

    /// The vectors of RFC 4648, section 10, without the padding, and the two characters that only this alphabet has.
    #[test]
    fn bytes_are_written_as_base64() {
        for (bytes, expected) in [
            (&b"f"[..], "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xFB, 0xFF, 0xBF], "-_-_"),
        ] {
            let mut characters = vec![0; expected.len()];
            write_base64(bytes, &mut characters);
            assert_eq!(characters, expected.as_bytes());
        }
    }

    #[test]
    fn no_bit_of_secret_and_attempt_is_dropped() {
        let token = |secret, attempt| TokenSecret::new(secret).token(attempt);
        let zero = token([0; 16], 0);
        for bit in 0..128_usize {
            let mut secret = [0; 16];
            secret[bit / 8] = 1 << (bit % 8);
            assert_ne!(token(secret, 0), zero, "bit {bit} of the secret");
        }
        for bit in 0..32 {
            assert_ne!(token([0; 16], 1 << bit), zero, "bit {bit} of the attempt");
        }
    }

    #[test]
    fn a_token_is_a_printable_word() {
        for byte in 0..=u8::MAX {
            let token = TokenSecret::new([byte; 16]).token(u32::from(byte) << 24 | 0xFF_FFFF);
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            assert!(token.as_bytes().iter().all(is_plain), "{:?}", token.as_bytes());
        }
    }

    #[test]
    fn debug_shows_no_character() {
        let secret = TokenSecret::new([0xAB; 16]);
        let shown = |text: &str| text.contains("q6ur") || text.contains("171");
        assert!(secret.token(3).as_bytes().starts_with(b"q6ur"));
        for text in [format!("{secret:?}"), format!("{:?}", secret.token(3))] {
            assert!(!shown(&text), "{text}");
        }
    }
}
