use alloc::vec::Vec;
use core::time::Duration;

use super::node::Holder;
use crate::quorum::Quorum;
use crate::{KeyReport, KeyState, Owner, Unavailable, ValueDigest};

/// The view of the quorum: how a lock stands when all nodes are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockState {
    /// A quorum of nodes has no key: nobody holds the lock.
    Free,
    /// A quorum of nodes has a key with the same value.
    #[non_exhaustive]
    Held {
        /// Whose value it is.
        by: Holder,
        /// The number of nodes that have it.
        nodes: usize,
        /// How long a quorum goes on having it unless the holder does something: the shortest remaining TTL of the quorum
        /// that has it for longest. `None` if that has no end. The holder's own validity ends earlier, by the drift.
        remaining: Option<Duration>,
    },
    /// Some nodes have keys, but no value is on a quorum, and none can be, whatever the nodes say that have not answered:
    /// nobody holds the lock. Clients that try at the same moment leave that behind for a while, and so does a holder whose
    /// nodes lost its keys.
    Split,
    /// A quorum of nodes has a key of another type under the name. Nobody can take the lock before it is gone.
    OtherType,
    /// Too few nodes have answered to say.
    Unknown,
}

/// The answers of all nodes, in the order of the configuration.
pub(super) type Reports = [Result<KeyReport, Unavailable>];

/// Decides what the nodes say together. A node that has not answered may have any key, or none.
pub(super) fn judge(quorum: Quorum, reports: &Reports, ours: &[ValueDigest]) -> LockState {
    let states = || reports.iter().flatten().map(|report| report.state);
    let count = |matches: fn(&KeyState) -> bool| states().filter(matches).count();
    let silent = reports.iter().filter(|report| report.is_err()).count();
    let other_type = count(|state| matches!(state, KeyState::OtherType { .. }));
    let mut most = 0_usize;
    for digest in states().filter_map(digest_of) {
        let of_digest = |state: &KeyState| digest_of(*state) == Some(digest);
        let nodes = states().filter(of_digest).count();
        if nodes >= quorum.size() {
            let remaining = remaining_of_quorum(quorum, states().filter(of_digest));
            return LockState::Held { by: Holder::of(digest, ours), nodes, remaining };
        }
        most = most.max(nodes);
    }
    if count(|state| *state == KeyState::Free) >= quorum.size() {
        LockState::Free
    } else if other_type >= quorum.size() {
        LockState::OtherType
    } else if most.saturating_add(other_type) > 0 && most.saturating_add(silent) < quorum.size() {
        LockState::Split
    } else {
        LockState::Unknown
    }
}

/// Returns the label of the holder whose key a quorum has.
pub(super) fn owner_of_quorum(quorum: Quorum, reports: &Reports) -> Option<&Owner> {
    let known = || reports.iter().flatten();
    let count = |digest| known().filter(|report| digest_of(report.state) == Some(digest)).count();
    let is_of_quorum =
        |report: &&KeyReport| digest_of(report.state).is_some_and(|digest| count(digest) >= quorum.size());
    known().filter(is_of_quorum).find_map(|report| report.owner.as_ref())
}

const fn digest_of(state: KeyState) -> Option<ValueDigest> {
    match state {
        KeyState::Held { digest, .. } => Some(digest),
        KeyState::Free | KeyState::OtherType { .. } => None,
    }
}

/// Returns how long a quorum of these keys lives: the shortest of as many as a quorum has, the longest first.
fn remaining_of_quorum(quorum: Quorum, keys: impl Iterator<Item = KeyState>) -> Option<Duration> {
    let mut ends: Vec<Duration> = keys
        .filter_map(|key| match key {
            KeyState::Held { remaining, .. } => Some(remaining.unwrap_or(Duration::MAX)),
            KeyState::Free | KeyState::OtherType { .. } => None,
        })
        .collect();
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.get(quorum.size().saturating_sub(1)).copied().filter(|left| *left != Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::letters::{report, status};
    use super::*;

    fn word(state: LockState) -> &'static str {
        match state {
            LockState::Free => "free",
            LockState::Held { by: Holder::ThisHandle, .. } => "ours",
            LockState::Held { by: Holder::Another, .. } => "another",
            LockState::Split => "split",
            LockState::OtherType => "other-type",
            LockState::Unknown => "unknown",
        }
    }

    #[test]
    fn verdicts_follow_the_table() {
        let rows = include_str!("../../testdata/status.txt").lines();
        let mut count = 0;
        for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
            let (letters, expected) = row.split_once(' ').unwrap();
            assert_eq!(word(status(letters, &[], &[]).state()), expected, "{letters}");
            let reversed: std::string::String = letters.chars().rev().collect();
            assert_eq!(word(status(&reversed, &[], &[]).state()), expected, "{reversed}");
            count += 1;
        }
        assert!(count >= 90, "the table was read: {count} rows");
    }

    /// Whatever the silent nodes have: a lock that is held is not said to be free, split or of another type, and one that is
    /// not is not said to be held.
    #[test]
    fn a_verdict_stands_whatever_the_silent_nodes_have() {
        let letters = ['f', 'a', 'b', 'x', '.'];
        for nodes in 1..=5_u32 {
            for case in 0..5_usize.pow(nodes) {
                let known: Vec<char> = (0..nodes).map(|place| letters[case / 5_usize.pow(place) % 5]).collect();
                let verdict = judge_letters(&known);
                for other in ['f', 'a', 'b', 'c', 'x'] {
                    let all = known.iter().map(|letter| if *letter == '.' { other } else { *letter });
                    let truth = judge_letters(&all.collect::<Vec<_>>());
                    let stands = match verdict {
                        LockState::Unknown => true,
                        LockState::Split => !matches!(truth, LockState::Held { .. } | LockState::Unknown),
                        _ => word(verdict) == word(truth),
                    };
                    assert!(stands, "{known:?} is {verdict:?}, with {other} it is {truth:?}");
                }
            }
        }
    }

    fn judge_letters(letters: &[char]) -> LockState {
        let reports: Vec<_> = letters.iter().map(|letter| report(*letter, None, None)).collect();
        judge(Quorum::of(letters.len()), &reports, &[])
    }

    #[test]
    fn the_remaining_time_is_that_of_the_quorum_that_lasts_for_longest() {
        let remaining = |letters, millis: &[Option<u64>]| match status(letters, millis, &[]).state() {
            LockState::Held { nodes, remaining, .. } => (nodes, remaining.map(|left| left.as_millis())),
            other => panic!("{other:?}"),
        };
        assert_eq!(remaining("a", &[Some(700)]), (1, Some(700)));
        assert_eq!(remaining("aaa", &[Some(1), Some(900), Some(800)]), (3, Some(800)));
        assert_eq!(remaining("afa", &[Some(100), None, Some(900)]), (2, Some(100)));
        assert_eq!(remaining("baaa", &[Some(9_999), Some(5), Some(4), Some(6)]), (3, Some(4)));
        assert_eq!(remaining("aaaaa", &[Some(1), Some(2), Some(3), Some(4), Some(5)]), (5, Some(3)));
        assert_eq!(remaining("aaa", &[None, Some(1), None]), (3, None), "two have no end");
        assert_eq!(remaining("aaa", &[None, Some(1), Some(2)]), (3, Some(2)), "one has no end");
    }
}
