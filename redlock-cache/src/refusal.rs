use std::fmt;

use redlock_core::Instant;

use crate::{Generation, NamedEntry};

/// The result of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "locks that had to leave the cache are in here: release those that are still valid"]
#[non_exhaustive]
pub struct Inserted<V> {
    /// The generation of the new entry.
    pub generation: Generation,
    /// The entries that left for it, in that order: expired ones, and live ones that were evicted.
    pub displaced: Vec<NamedEntry<V>>,
}

impl<V> Inserted<V> {
    pub(crate) const fn new(generation: Generation, displaced: Vec<NamedEntry<V>>) -> Self {
        Self { generation, displaced }
    }

    /// Returns the entries among the [displaced](Self::displaced) ones that had not expired: their locks are held
    /// still.
    pub fn evicted(&self, now: Instant) -> impl Iterator<Item = &NamedEntry<V>> {
        live(&self.displaced, now)
    }
}

/// An entry that was not taken in, handed back.
#[must_use = "the lock that was not taken in is in here: release it"]
#[non_exhaustive]
pub struct Refused<V> {
    /// The reason for the refusal.
    pub reason: Refusal,
    /// The entry that was to be kept.
    pub value: V,
    /// The entries that left before it turned out that this was not enough, as in [`Inserted::displaced`].
    pub displaced: Vec<NamedEntry<V>>,
}

impl<V> Refused<V> {
    pub(crate) const fn new(reason: Refusal, value: V, displaced: Vec<NamedEntry<V>>) -> Self {
        Self { reason, value, displaced }
    }

    /// Returns the entries among the [displaced](Self::displaced) ones that had not expired: their locks are held
    /// still.
    pub fn evicted(&self, now: Instant) -> impl Iterator<Item = &NamedEntry<V>> {
        live(&self.displaced, now)
    }
}

fn live<V>(displaced: &[NamedEntry<V>], now: Instant) -> impl Iterator<Item = &NamedEntry<V>> {
    displaced.iter().filter(move |left| !left.entry.is_expired(now))
}

impl<V> fmt::Debug for Refused<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// The reason for which a cache did not take an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is an entry of that name, and it has not expired.
    #[error("a lock of this name is held here already")]
    Held {
        /// The generation of that entry.
        generation: Generation,
        /// The moment at which it expires.
        deadline: Instant,
    },
    /// The budget is used up by locks that have not expired.
    #[error("the cache of held locks is full: {needed} bytes are needed, and {used} of {budget} are in use")]
    Full {
        /// The bytes that the entry costs.
        needed: usize,
        /// The bytes that the other entries cost.
        used: usize,
        /// The budget of the cache, in bytes.
        budget: usize,
    },
    /// The entry costs more than the whole budget.
    #[error(
        "the lock does not fit into the cache of held locks: {needed} bytes are needed, and {budget} are all there are"
    )]
    TooLarge {
        /// The bytes that the entry costs.
        needed: usize,
        /// The budget of the cache, in bytes.
        budget: usize,
    },
}
