//! What nodes say, one letter each, for the tests of this family.

use alloc::vec::Vec;
use core::time::Duration;

use super::LockStatus;
use crate::{Cause, Config, KeyReport, KeyState, Unavailable, ValueDigest};

pub(super) const OURS: &[u8] = b"o";

/// The report of a node for a letter of the table, with a TTL and a number of waiters.
pub(super) fn report(letter: char, millis: Option<u64>, waiting: Option<u32>) -> Result<KeyReport, Unavailable> {
    let remaining = millis.map(Duration::from_millis);
    let state = match letter {
        '.' => return Err(Unavailable::new(Cause::NoAnswer)),
        'f' => KeyState::Free,
        'x' => KeyState::OtherType { remaining },
        value => KeyState::Held { digest: ValueDigest::of(&[u8::try_from(value).unwrap()]), remaining },
    };
    Ok(KeyReport::new(state, waiting))
}

pub(super) fn status(letters: &str, millis: &[Option<u64>], waiting: &[Option<u32>]) -> LockStatus {
    let config = Config::builder(letters.char_indices().map(|(place, _)| format!("node-{place}"))).build().unwrap();
    let at = |place: usize| (millis.get(place).copied().flatten(), waiting.get(place).copied().flatten());
    let report = |(place, letter)| report(letter, at(place).0, at(place).1);
    let reports: Vec<_> = letters.chars().enumerate().map(report).collect();
    LockStatus::new(&config, "job".into(), &reports, &[ValueDigest::of(OURS), ValueDigest::of(b"older")])
}
