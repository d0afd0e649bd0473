//! The numbers of locks of each kind, kept up to date step by step: to ask for them takes no look at the locks.

use crate::lock::Kinds;

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
    pub(super) fn recount(&mut self, counted_as: &mut Kinds, is: Kinds) {
        if *counted_as == is {
            return;
        }
        let was = core::mem::replace(counted_as, is);
        let Self { held, waiting, releasing, unsettled } = self;
        for (count, kind) in [
            (held, Kinds::HELD),
            (waiting, Kinds::WAITING),
            (releasing, Kinds::RELEASING),
            (unsettled, Kinds::UNSETTLED),
        ] {
            let (was, is) = (was.has_any_of(kind), is.has_any_of(kind));
            *count = count.saturating_add(usize::from(is)).saturating_sub(usize::from(was));
        }
    }
}
