use alloc::sync::Arc;
use core::fmt;

use crate::token::write_base64;

/// The name under which a handle waits: it stands in the wait queues of nodes, and in the name of the channel on which the
/// handle is called up.
///
/// It is made of 16 random bytes, written as 22 characters of the URL-safe alphabet of base64 (RFC 4648, section 5). It is no
/// secret: whoever knows it can only wake the handle in vain. Clones share it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(Arc<[u8; WaiterId::LEN]>);

impl WaiterId {
    /// The length in bytes.
    pub const LEN: usize = (RANDOM_BYTES * 8).div_ceil(6);

    /// Creates one from random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        let mut characters = [0; Self::LEN];
        write_base64(&random, &mut characters);
        Self(Arc::new(characters))
    }

    /// Creates one from that part of a lock's seed that makes no token.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        let mut random = [0; RANDOM_BYTES];
        random.copy_from_slice(seed.split_at(seed.len().saturating_sub(RANDOM_BYTES)).1);
        Self::new(random)
    }

    /// Returns what stands on the nodes: letters, digits, `-` and `_`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

const RANDOM_BYTES: usize = 16;

impl fmt::Display for WaiterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for WaiterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaiterId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_of_all_of_the_second_half_of_a_seed_and_of_nothing_else() {
        let zero = WaiterId::from_seed(&[0; 32]);
        for bit in 0..256_usize {
            let mut seed = [0; 32];
            seed[bit / 8] = 1 << (bit % 8);
            assert_eq!(WaiterId::from_seed(&seed) == zero, bit < 128, "the first half makes tokens; bit {bit}");
        }
    }
}
