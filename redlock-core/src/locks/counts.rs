//! The numbers of locks of each kind, kept up to date step by step: to ask for them takes no look at the locks.

use crate::Lock;

/// What a lock counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each has a count of its own")]
pub(super) struct Kinds {
    /// It was won and is neither lost nor being released.
    pub(super) is_held: bool,
    /// Somebody waits for it.
    is_waiting: bool,
    /// A node in time has not answered its release.
    is_releasing: bool,
    /// Nobody holds it, and a node may keep a key of it.
    is_unsettled: bool,
}

impl Kinds {
    /// Looks at a lock as it is now.
    pub(super) fn of(lock: &Lock) -> Self {
        let has_deadline = lock.deadline().is_some();
        Self {
            is_held: has_deadline && lock.loss().is_none(),
            is_waiting: lock.is_acquiring(),
            is_releasing: !lock.is_quiet(),
            is_unsettled: !has_deadline && !lock.is_settled(),
        }
    }
}

/// The number of locks of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Counts {
    pub(super) held: usize,
    pub(super) waiting: usize,
    pub(super) releasing: usize,
    pub(super) unsettled: usize,
}

impl Counts {
    /// Counts a lock as what it is now instead of what it was before. A new one was nothing, and so is one that is over.
    pub(super) fn recount(&mut self, was: Kinds, is: Kinds) {
        if was == is {
            return;
        }
        let Self { held, waiting, releasing, unsettled } = self;
        for (count, was, is) in [
            (held, was.is_held, is.is_held),
            (waiting, was.is_waiting, is.is_waiting),
            (releasing, was.is_releasing, is.is_releasing),
            (unsettled, was.is_unsettled, is.is_unsettled),
        ] {
            *count = count.saturating_add(usize::from(is)).saturating_sub(usize::from(was));
        }
    }
}
