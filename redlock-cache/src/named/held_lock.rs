use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redlock_core::Instant;

use crate::Weigh;

/// A guard that is kept by the name of its lock, for adapters. It dereferences to a view of the lock, by which that is asked
/// and extended: so whoever releases the guard need not wait for those who do.
pub trait Guard: Deref<Target: Clone + Send + Sync> + Send {
    /// What those who extend the lock need beside the guard.
    type Turn: Default + Send + Sync;

    /// Returns the bytes that the lock takes in the adapter's shell, at most.
    fn bytes(&self) -> usize;

    /// Returns the end of the lock's validity.
    fn deadline(lease: &Self::Target) -> Instant;

    /// Tells the end of the lock's validity, whatever becomes of an extension that is under way; nothing else may change it
    /// meanwhile. Returns whether none is.
    ///
    /// Provided for adapters whose extensions are always waited for: none is.
    fn tell_latest_deadline(lease: &Self::Target, _turn: &Self::Turn, tell: impl FnOnce(Instant)) -> bool {
        tell(Self::deadline(lease));
        true
    }
}

/// The entry of a cache for a lock that is held by name: a handle to its guard. Clones are the same lock, which is released
/// when the last one is dropped.
pub struct HeldLock<G: Guard>(Arc<Shared<G>>);

struct Shared<G: Guard> {
    /// Gone when the lock is being released.
    guard: Mutex<Option<G>>,
    lease: G::Target,
    turn: G::Turn,
    /// Until then it may be kept alive.
    until: Option<Instant>,
    weight: usize,
}

impl<G: Guard> HeldLock<G> {
    /// Creates the entry for a lock that may be kept alive `until` then.
    pub(super) fn new(guard: G, until: Option<Instant>) -> Self {
        let weight = size_of::<Shared<G>>().saturating_add(guard.bytes());
        let (lease, turn) = (G::Target::clone(&guard), G::Turn::default());
        Self(Arc::new(Shared { guard: Mutex::new(Some(guard)), lease, turn, until, weight }))
    }

    /// Returns the end of the lock's validity.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        G::deadline(&self.0.lease)
    }

    /// Returns the moment until which the cache keeps it.
    pub(super) fn stays_until(&self) -> Instant {
        self.stays(self.deadline())
    }

    /// Returns the moment until which the cache keeps it, if it may be valid until `deadline`.
    pub(super) fn stays(&self, deadline: Instant) -> Instant {
        deadline.max(self.0.until.unwrap_or_default())
    }

    /// Returns what those who extend the lock need beside the guard, for adapters.
    #[must_use]
    pub fn turn(&self) -> &G::Turn {
        &self.0.turn
    }

    /// Returns the view of the lock by which it is extended, for adapters.
    #[must_use]
    pub fn lease(&self) -> &G::Target {
        &self.0.lease
    }

    /// Returns whether the guard was taken out, to be released, for adapters.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.guard().is_none()
    }

    /// Takes the guard out of what no cache has kept.
    pub(super) fn into_guard(self) -> G {
        self.take().expect("nobody else has seen this lock")
    }

    /// Takes the guard out, to release it. One caller gets it.
    pub(super) fn take(&self) -> Option<G> {
        self.guard().take()
    }

    fn guard(&self) -> MutexGuard<'_, Option<G>> {
        self.0.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Guard> Weigh for HeldLock<G> {
    /// What the lock takes in the shell and in here, at most.
    fn weight(&self) -> usize {
        self.0.weight
    }
}

impl<G: Guard> Clone for HeldLock<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<G: Guard> fmt::Debug for HeldLock<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLock").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
