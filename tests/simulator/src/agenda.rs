use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::clock::Time;

/// All that will happen in a world, by time; of what happens at the same time, what was noted first happens first.
#[derive(Debug)]
pub struct Agenda<E> {
    entries: BinaryHeap<Reverse<Entry<E>>>,
    noted: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> Agenda<E> {
    /// Nothing will happen.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BinaryHeap::new(), noted: 0 }
    }

    /// Notes what will happen, and when.
    pub fn note(&mut self, at: Time, event: E) {
        self.entries.push(Reverse(Entry { at, number: self.noted, event }));
        self.noted += 1;
    }

    /// Returns when something happens next.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// How much will happen.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.entries.len()
    }

    /// Takes out what happens next.
    pub fn take_next(&mut self) -> Option<(Time, E)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}
