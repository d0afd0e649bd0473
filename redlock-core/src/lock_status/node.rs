use core::time::Duration;

use crate::{KeyReport, KeyState, Owner, Unavailable, ValueDigest};

/// What an inspection has found on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NodeStatus {
    /// The key of the lock.
    pub key: KeyStatus,
    /// The label of the holder of the key, if it has one.
    pub owner: Option<Owner>,
    /// The number of handles that stand in the node's wait queue; `None` where that is not known, because the node has not
    /// answered, or does not let the user look. Normally only one node has a queue for a lock, its
    /// [home](crate::Config::home). A handle that has died stands there until its turn comes.
    pub waiting: Option<u32>,
}

/// The key of a lock on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyStatus {
    /// There is no key.
    Free,
    /// There is a key.
    #[non_exhaustive]
    Held {
        /// Whose it is.
        by: Holder,
        /// How long it goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
    /// There is a key that is no string: it belongs to a program that works in another way.
    #[non_exhaustive]
    OtherType {
        /// How long it goes on living; `None` for a key without an end.
        remaining: Option<Duration>,
    },
    /// The node has not said anything.
    Unavailable(Unavailable),
}

/// The holder of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Holder {
    /// This handle: a lock that it held when the inspection began or ended has the key's value.
    ThisHandle,
    /// Somebody else: another handle, of this process or another, or another program. Also an attempt of this handle that
    /// is not decided, and a lock that it is giving back.
    Another,
}

impl NodeStatus {
    pub(super) fn new(report: &Result<KeyReport, Unavailable>, ours: &[ValueDigest]) -> Self {
        let key = match report {
            Ok(report) => match report.state {
                KeyState::Free => KeyStatus::Free,
                KeyState::Held { digest, remaining } => KeyStatus::Held { by: Holder::of(digest, ours), remaining },
                KeyState::OtherType { remaining } => KeyStatus::OtherType { remaining },
            },
            Err(why) => KeyStatus::Unavailable(why.clone()),
        };
        let report = report.as_ref().ok();
        let owner = report.and_then(|report| report.owner.clone());
        Self { key, owner, waiting: report.and_then(|report| report.waiting) }
    }
}

impl Holder {
    pub(super) fn of(digest: ValueDigest, ours: &[ValueDigest]) -> Self {
        if ours.contains(&digest) { Self::ThisHandle } else { Self::Another }
    }
}
