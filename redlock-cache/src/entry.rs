use std::fmt;

use redlock_core::{Instant, Resource, Token};

/// Names one stay of an entry in its cache: never the same for two, so that what is meant for one acquisition cannot
/// touch the next one of that name.
///
/// It may leave the process, in a reply to a client for instance, and come [back](Self::new); it means nothing to
/// another cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// Restores the generation with this number, as [`get`](Self::get) gave it.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A held lock, as a cache keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<V> {
    /// The value that stands for the lock: its [`Token`], or something that owns it.
    pub value: V,
    /// Which stay in the cache this is.
    pub generation: Generation,
    /// The end of the lock's validity, on the clock of whoever put it in.
    pub deadline: Instant,
}

impl<V> Entry<V> {
    /// Returns whether the lock's validity is over.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}

/// An entry with its name: what is handed out by nobody's name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedEntry<V> {
    /// The name of the lock.
    pub name: Box<[u8]>,
    /// The value that was kept under it.
    pub entry: Entry<V>,
}

impl<V: fmt::Debug> fmt::Debug for NamedEntry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedEntry")
            .field("name", &format_args!("\"{}\"", Resource::new(&self.name)))
            .field("entry", &self.entry)
            .finish()
    }
}

/// The memory that a value needs, for the budget of a cache.
pub trait Weigh {
    /// Returns the bytes that the value has elsewhere: on the heap, or in an engine that keeps the lock for it. Its own
    /// size is counted anyway. It must be the same for as long as the value is in a cache.
    ///
    /// Provided: none.
    fn weight(&self) -> usize {
        0
    }
}

impl Weigh for Token {}
