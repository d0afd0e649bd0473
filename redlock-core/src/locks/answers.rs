use smallvec::SmallVec;

use crate::Event;

/// The largest number of ends that are kept for one lock, so that those of callers who gave up do not pile up.
const MAX_ANSWERS: usize = 8;

/// The ends of a lock's operations that nobody has asked for yet, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Answers(SmallVec<[Event; 1]>);

impl Answers {
    /// Keeps the end of an operation. That of an acquisition takes the place of an earlier one; apart from that the
    /// oldest end goes where there are too many.
    pub(super) fn push(&mut self, end: Event) {
        if is_of_acquisition(&end) {
            self.0.clear();
        } else if self.0.len() >= MAX_ANSWERS {
            self.0.remove(0);
        }
        self.0.push(end);
    }

    /// Takes the first end that is wanted.
    pub(super) fn take(&mut self, is_wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        let position = self.0.iter().position(is_wanted)?;
        Some(self.0.remove(position))
    }
}

/// Returns whether it is the end of an acquisition: no other operation of the lock has ended before that.
pub(super) const fn is_of_acquisition(end: &Event) -> bool {
    matches!(end, Event::Acquired { .. } | Event::AcquireFailed(_))
}
