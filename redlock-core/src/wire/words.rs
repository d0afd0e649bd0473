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
    digits: [u8; Self::MAX_LEN as usize],
    /// The place of the first digit; the last one is at the end.
    start: u8,
}

impl Decimal {
    /// The length of the largest number.
    const MAX_LEN: u8 = 20;

    pub(crate) fn new(number: u64) -> Self {
        let mut digits = [b'0'; Self::MAX_LEN as usize];
        let (mut left, mut start) = (number, Self::MAX_LEN);
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.saturating_add((left % 10) as u8);
            start = start.saturating_sub(1);
            left /= 10;
            if left == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(usize::from(self.start)..).unwrap_or_default()
    }
}
