//! What the adapters' `NamedLocks` have in common.

use std::time::Duration;

use redlock_core::{Instant, Resource};

use crate::{Generation, Inserted};

/// A lock that was taken and is kept by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Locked {
    /// For how long it is valid from now on.
    pub validity: Duration,
    /// Tells it from every other lock of that name, before and after, in this process.
    pub generation: Generation,
    /// The locks that were still held and are being released now, because a [bounded](crate::BoundedCache) cache needed
    /// their room: empty unless it [evicts](crate::WhenFull::Evict).
    pub evicted: Vec<Resource>,
}

impl Locked {
    /// What an insertion means for who locked.
    #[must_use]
    pub fn new<V>(inserted: &Inserted<V>, deadline: Instant, now: Instant) -> Self {
        let evicted = inserted.evicted(now).map(|left| Resource::new(&left.name));
        Self { validity: deadline.saturating_since(now), generation: inserted.generation, evicted: evicted.collect() }
    }
}

/// No lock of this name is held here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no lock named {name} is held here: it was never taken, was unlocked before, was evicted, or has expired long since"
)]
#[non_exhaustive]
pub struct NotHeld {
    /// The name.
    pub name: Resource,
}

impl NotHeld {
    /// About this name.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self { name: Resource::new(name) }
    }
}
