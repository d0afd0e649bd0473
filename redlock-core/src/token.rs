use core::fmt;

/// The value that a lock's key has on every node: it tells this acquisition from all others.
///
/// 16 unguessable bytes that the driver drew for this lock, then the number of the attempt: a token is new for every
/// attempt, so that the late release of one attempt cannot touch the next. `Debug` shows none of its bytes, and no
/// error or event carries one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; Token::LEN]);

impl Token {
    /// The length of a token in bytes.
    pub const LEN: usize = TokenSecret::LEN + 4;

    /// The bytes that stand on the nodes.
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

/// What makes the tokens of one lock unguessable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenSecret([u8; TokenSecret::LEN]);

impl TokenSecret {
    pub(crate) const LEN: usize = 16;

    pub(crate) const fn new(secret: [u8; Self::LEN]) -> Self {
        Self(secret)
    }

    /// The token of one attempt.
    pub(crate) fn token(self, attempt: u32) -> Token {
        let mut bytes = [0; Token::LEN];
        let (secret, number) = bytes.split_at_mut(Self::LEN);
        secret.copy_from_slice(&self.0);
        number.copy_from_slice(&attempt.to_be_bytes());
        Token(bytes)
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
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

    #[test]
    fn debug_shows_no_byte() {
        let secret = TokenSecret::new([0xAB; 16]);
        for text in [format!("{secret:?}"), format!("{:?}", secret.token(3))] {
            assert!(!text.contains("171") && !text.to_lowercase().contains("ab,"), "{text}");
        }
    }
}
