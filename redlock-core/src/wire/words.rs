use core::fmt;

use smallvec::SmallVec;

/// The words of one command.
#[derive(Clone, Debug)]
pub struct Wire<'a> {
    pub(super) words: Words<'a>,
}

/// As many words as a command for one name has without an allocation, also if it is to have a fence.
pub(super) type Words<'a> = SmallVec<[Word<'a>; 8]>;

impl Wire<'_> {
    /// Returns the words in order, the command's name first.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.words.iter().map(Word::as_bytes)
    }
}

#[derive(Clone)]
pub(super) enum Word<'a> {
    Bytes(&'a [u8]),
    Number(Decimal),
}

impl Word<'_> {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.as_bytes(),
        }
    }
}

impl fmt::Debug for Word<'_> {
    /// Shows nothing of a word that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_bytes().len())
    }
}

/// A number in decimal digits.
#[derive(Clone)]
pub(crate) struct Decimal {
    /// Right-aligned.
    digits: [u8; Self::MAX_LEN],
    len: usize,
}

impl Decimal {
    /// The length of the largest number.
    const MAX_LEN: usize = 20;

    pub(crate) fn new(number: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; Self::MAX_LEN], len: 0 };
        let mut left = number;
        for digit in decimal.digits.iter_mut().rev() {
            *digit = b'0'.saturating_add((left % 10) as u8);
            decimal.len = decimal.len.saturating_add(1);
            left /= 10;
            if left == 0 {
                break;
            }
        }
        decimal
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        let (_, digits) = self.digits.split_at(Self::MAX_LEN.saturating_sub(self.len));
        digits
    }
}
