use alloc::boxed::Box;

use smallvec::SmallVec;

use crate::Event;
use crate::spare::Spare;

/// The largest number of ends that are kept for one lock, so that those of callers who gave up do not pile up.
const MAX_ANSWERS: usize = 8;

/// The ends of a lock's operations that nobody has asked for yet, the oldest first. A lock that is held has none most of the
/// time; then it takes no more memory than a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Answers(
    /// `None` for the empty list and for no other.
    Option<Box<Ends>>,
);

pub(super) type Ends = SmallVec<[Event; 1]>;

impl Answers {
    /// Keeps the end of an operation. That of an acquisition takes the place of an earlier one; apart from that the
    /// oldest end goes where there are too many.
    pub(super) fn push(&mut self, end: Event, spare: &mut Spare<Ends>) {
        let ends = self.0.get_or_insert_with(|| spare.take());
        if is_of_acquisition(&end) {
            ends.clear();
        } else if ends.len() >= MAX_ANSWERS {
            ends.remove(0);
        }
        ends.push(end);
    }

    /// Takes the first end that is wanted.
    pub(super) fn take(&mut self, is_wanted: impl FnMut(&Event) -> bool, spare: &mut Spare<Ends>) -> Option<Event> {
        let ends = self.0.as_mut()?;
        let position = ends.iter().position(is_wanted)?;
        let end = ends.remove(position);
        if let Some(emptied) = self.0.take_if(|ends| ends.is_empty()) {
            spare.give_back(emptied);
        }
        Some(end)
    }
}

/// Returns whether it is the end of an acquisition: no other operation of the lock has ended before that.
pub(super) const fn is_of_acquisition(end: &Event) -> bool {
    matches!(end, Event::Acquired { .. } | Event::AcquireFailed(_))
}
