//! What will happen, and when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::clock::Time;

/// Something that happens by itself: a message arrives, a sleep is over, a fault begins.
pub(crate) type Occurrence = Box<dyn FnOnce() + Send>;

/// All that will happen, by time; of what happens at the same time, what was noted first happens first.
#[derive(Default)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    noted: u64,
}

struct Entry {
    at: Time,
    number: u64,
    occurrence: Occurrence,
}

impl Agenda {
    pub(crate) fn note(&mut self, at: Time, occurrence: Occurrence) {
        self.entries.push(Reverse(Entry { at, number: self.noted, occurrence }));
        self.noted += 1;
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes out what happens first, if its time has come.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Occurrence> {
        self.next_at().filter(|at| *at <= now)?;
        self.entries.pop().map(|Reverse(entry)| entry.occurrence)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
