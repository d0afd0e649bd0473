use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, mem};

use redlock_core::fence::Fence;
use redlock_core::{ExtendError, Instant, KeepAlive, ReleaseReport, Resource};

use super::{Guard, HeldLock, Locked, NamedExtendError, NamedLockError, NoLongestHold, NotHeld};
use crate::{Cache, Entry, Generation, Inserted, NamedEntry, Refusal, Refused};

/// The bookkeeping of an adapter's `NamedLocks`: all of it that waits for nothing. Clones share the cache.
///
/// A `generation` says which lock of a name is meant; without one, it is the lock that there is.
pub struct HeldLocks<G: Guard> {
    cache: Arc<dyn Cache<HeldLock<G>>>,
    keep_alive: Option<KeepAlive>,
    /// The locks that the cache may keep for too long, because nobody waited for the end of their extensions.
    given_up: Arc<Mutex<Vec<(Resource, Generation)>>>,
}

/// The reason for which a lock was not kept, when it was acquired.
#[derive(Debug)]
#[must_use = "it is to be told with what became of the lock"]
pub struct NotKept {
    reason: Refusal,
    evicted: Vec<Resource>,
}

impl<G: Guard> HeldLocks<G> {
    /// Creates the bookkeeping of locks that are in `cache`, and are not kept alive.
    pub fn new(cache: impl Cache<HeldLock<G>> + 'static) -> Self {
        Self { cache: Arc::new(cache), keep_alive: None, given_up: Arc::default() }
    }

    /// Sets how locks are kept alive that are taken from now on.
    ///
    /// # Errors
    ///
    /// [`NoLongestHold`] for what has no end.
    pub fn kept_alive(self, keep_alive: Option<KeepAlive>) -> Result<Self, NoLongestHold> {
        match keep_alive {
            Some(keep_alive) if keep_alive.max_hold().is_none() => Err(NoLongestHold),
            keep_alive => Ok(Self { keep_alive, ..self }),
        }
    }

    /// Returns how locks are kept alive that are taken.
    #[must_use]
    pub const fn keep_alive(&self) -> Option<KeepAlive> {
        self.keep_alive
    }

    /// Returns the cache.
    #[must_use]
    pub fn cache(&self) -> &dyn Cache<HeldLock<G>> {
        &*self.cache
    }

    /// Keeps a lock that was acquired, until its deadline or for as long as it may be kept alive.
    ///
    /// # Errors
    ///
    /// The guard, with the reason for which it cannot be kept: release it.
    pub fn keep(
        &self,
        name: &Resource,
        guard: G,
        fence: Option<Fence>,
        now: impl Fn() -> Instant,
    ) -> Result<Locked, (G, NotKept)> {
        let longest = self.keep_alive.and_then(KeepAlive::max_hold);
        let held = HeldLock::new(guard, longest.map(|longest| now().saturating_add(longest)));
        let deadline = held.deadline();
        self.settle(now());
        let inserted = self.insert(name.as_bytes(), held, &now);
        let now = now();
        match inserted {
            Ok(inserted) => {
                let validity = deadline.saturating_since(now);
                let evicted = names(inserted.evicted(now));
                release(inserted.displaced);
                Ok(Locked { validity, generation: inserted.generation, fence, evicted })
            }
            Err(refused) => {
                let not_kept = NotKept { reason: refused.reason, evicted: names(refused.evicted(now)) };
                release(refused.displaced);
                Err((refused.value.into_guard(), not_kept))
            }
        }
    }

    /// The cache thinks that a lock is valid for longer than it is while it is kept alive or being extended, and is set right
    /// if another one is refused for its sake.
    fn insert(
        &self,
        name: &[u8],
        mut held: HeldLock<G>,
        now: impl Fn() -> Instant,
    ) -> Result<Inserted<HeldLock<G>>, Refused<HeldLock<G>>> {
        let stays_until = held.stays_until();
        loop {
            let now = now();
            let refused = match self.cache.insert(name, held, stays_until, now) {
                Err(refused) => refused,
                inserted => return inserted,
            };
            let Refusal::Held { generation, .. } = refused.reason else { return Err(refused) };
            let found = self.cache.get(name, now).filter(|found| found.generation == generation);
            let other = found.map(|found| found.value.deadline()).unwrap_or_default();
            if other > now {
                return Err(refused);
            }
            self.cache.extend(name, generation, other);
            held = refused.value;
        }
    }

    /// Takes out the guard of the lock called `name`, to release it. One caller gets it.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none.
    pub fn take(&self, name: &[u8], generation: Option<Generation>, now: Instant) -> Result<G, NotHeld> {
        let taken = match generation {
            Some(generation) => self.cache.remove(name, generation, now),
            None => self.cache.take(name, now),
        };
        taken.and_then(|taken| taken.value.take()).ok_or_else(|| NotHeld::new(name))
    }

    /// Returns the names of all locks with their generations, in no order.
    #[must_use]
    pub fn names(&self) -> Vec<(Resource, Generation)> {
        self.cache.iter().map(|held| (Resource::new(held.name), held.entry.generation)).collect()
    }

    /// Returns how long the lock called `name` is valid from now on; `None` when it is not held, or has expired.
    #[must_use]
    pub fn validity(&self, name: &[u8], now: Instant) -> Option<Duration> {
        let deadline = self.cache.get(name, now)?.value.deadline();
        Some(deadline.saturating_since(now)).filter(|validity| !validity.is_zero())
    }

    /// Finds the lock called `name`, to extend it.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none.
    pub fn find(
        &self,
        name: &[u8],
        generation: Option<Generation>,
        now: Instant,
    ) -> Result<Entry<HeldLock<G>>, NotHeld> {
        let found = self.cache.get(name, now);
        let found = found.filter(|found| generation.is_none_or(|generation| found.generation == generation));
        found.ok_or_else(|| NotHeld::new(name))
    }

    /// Notes that a lock that was found is being extended: however that ends, the cache must not take it for expired before
    /// it is.
    pub fn begin_extension(&self, name: &[u8], found: &Entry<HeldLock<G>>, ttl: Duration, now: Instant) {
        let deadline = found.value.deadline();
        if deadline > now {
            self.keep_until(name, found, deadline.max(now.saturating_add(ttl)));
        }
    }

    /// Notes the end of an extension. Returns how long the lock is valid from now on.
    ///
    /// # Errors
    ///
    /// As [`extended`](Self::extended).
    pub fn end_extension(
        &self,
        name: &[u8],
        found: &Entry<HeldLock<G>>,
        extended: Result<Instant, ExtendError>,
        now: Instant,
    ) -> Result<Duration, NamedExtendError> {
        let is_kept = self.keep_until(name, found, found.value.deadline());
        Self::extended(name, is_kept, extended, now)
    }

    /// Notes that a lock that was found may be valid `until` then. Returns whether the cache still keeps it.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn keep_until(&self, name: &[u8], found: &Entry<HeldLock<G>>, until: Instant) -> bool {
        self.cache.extend(name, found.generation, found.value.stays(until))
    }

    /// Notes that nobody waits any more for an extension that was begun.
    pub fn give_up_extension(&self, name: &[u8], found: &Entry<HeldLock<G>>, now: Instant) {
        self.given_up().push((Resource::new(name), found.generation));
        self.settle(now);
    }

    /// Tells the cache what became of extensions that nobody waits for, so that a lock keeps its room for no longer than it is
    /// valid.
    fn settle(&self, now: Instant) {
        let mut given_up = mem::take(&mut *self.given_up());
        given_up.retain(|(name, generation)| match self.find(name.as_bytes(), Some(*generation), now) {
            Ok(found) => !G::tell_latest_deadline(found.value.lease(), found.value.turn(), |latest| {
                self.keep_until(name.as_bytes(), &found, latest);
            }),
            Err(_) => false,
        });
        self.given_up().extend(given_up);
    }

    fn given_up(&self) -> MutexGuard<'_, Vec<(Resource, Generation)>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long a lock is valid from now on that was extended.
    ///
    /// # Errors
    ///
    /// The error of the extension, or [`NotHeld`] when the lock is not kept any more: it is released.
    pub fn extended(
        name: &[u8],
        is_kept: bool,
        extended: Result<Instant, ExtendError>,
        now: Instant,
    ) -> Result<Duration, NamedExtendError> {
        match extended {
            Ok(deadline) if is_kept => Ok(deadline.saturating_since(now)),
            Ok(_) | Err(ExtendError::NotHeld) => Err(NotHeld::new(name).into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl NotKept {
    /// Returns the error for a lock that was released again, with this report.
    #[must_use]
    pub fn given_back<E>(self, report: ReleaseReport) -> NamedLockError<E> {
        NamedLockError::NotKept { reason: self.reason, report: Box::new(report), evicted: self.evicted }
    }
}

impl<G: Guard> Clone for HeldLocks<G> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), keep_alive: self.keep_alive, given_up: self.given_up.clone() }
    }
}

impl<G: Guard> fmt::Debug for HeldLocks<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLocks").field("held", &self.cache.len()).finish_non_exhaustive()
    }
}

/// Releases what had to leave the cache, also while somebody extends it.
fn release<G: Guard>(displaced: Vec<NamedEntry<HeldLock<G>>>) {
    for left in displaced {
        drop(left.entry.value.take());
    }
}

fn names<'a, V: 'a>(left: impl Iterator<Item = &'a NamedEntry<V>>) -> Vec<Resource> {
    left.map(|left| Resource::new(&left.name)).collect()
}

/// The parts of an adapter's `NamedLocks` that wait for nothing, with their documentation. Its fields are `redlock` and
/// `locks`, which are [`HeldLocks`]; `redlock` says what time it is `now`.
#[macro_export]
#[doc(hidden)]
macro_rules! named_locks_getters {
    ($redlock:ty, $held_lock:ty) => {
        /// Creates locks that are taken with `redlock` and kept in `cache`.
        pub fn new(redlock: $redlock, cache: impl $crate::Cache<$held_lock> + 'static) -> Self {
            Self { redlock, locks: $crate::HeldLocks::new(cache) }
        }

        /// Has the locks kept alive that are taken with what is returned: extended in the background until they are unlocked,
        /// and up to a [longest hold](KeepAlive::up_to), at which they are released; `None` for not at all. A clone shares the
        /// cache, so it can be set for some locks and not for others.
        ///
        /// One that is kept alive and was lost, because its keys are gone for instance, makes way for the next one of its name.
        /// Until it is unlocked or the longest hold is over, it takes its room in the cache.
        ///
        /// # Errors
        ///
        /// [`NoLongestHold`](crate::cache::NoLongestHold) for [`KeepAlive::while_held`]: nothing here ends with its holder, so a
        /// lock that nobody unlocks would stay for as long as the process lives.
        pub fn keep_alive(self, keep_alive: impl Into<Option<KeepAlive>>) -> Result<Self, $crate::NoLongestHold> {
            Ok(Self { locks: self.locks.kept_alive(keep_alive.into())?, ..self })
        }

        /// Returns how long the lock called `name` is valid from now on; `None` when it is not held here, or has expired.
        pub fn held(&self, name: impl AsRef<[u8]>) -> Option<Duration> {
            self.locks.validity(name.as_ref(), self.redlock.now())
        }

        /// Returns the handle with which the locks are taken.
        #[must_use]
        pub const fn redlock(&self) -> &$redlock {
            &self.redlock
        }

        /// Returns the cache in which the locks are kept: how many there are, what memory they need, what has happened.
        #[must_use]
        pub fn cache(&self) -> &dyn $crate::Cache<$held_lock> {
            self.locks.cache()
        }
    };
}

#[cfg(test)]
mod tests {
    use std::ops::Deref;

    use super::*;
    use crate::MapCache;

    /// A guard that knows when its lock ends.
    struct Until(Instant);

    impl Deref for Until {
        type Target = Instant;

        fn deref(&self) -> &Instant {
            &self.0
        }
    }

    impl Guard for Until {
        type Turn = ();

        fn bytes(&self) -> usize {
            0
        }

        fn deadline(lease: &Instant) -> Instant {
            *lease
        }
    }

    #[test]
    fn locks_by_name_are_kept_alive_up_to_a_longest_hold_only() {
        let (name, second, hour) = (Resource::new("job"), Duration::from_secs(1), Duration::from_secs(3_600));
        let locks = HeldLocks::<Until>::new(MapCache::new());
        assert_eq!(locks.clone().kept_alive(Some(KeepAlive::while_held())).unwrap_err(), NoLongestHold);
        for (keep_alive, stays) in [(None, second), (Some(KeepAlive::up_to(hour)), hour)] {
            let locks = locks.clone().kept_alive(keep_alive).unwrap();
            assert_eq!(locks.keep_alive(), keep_alive);
            let now = Instant::EPOCH.saturating_add(hour);
            let locked = locks.keep(&name, Until(now.saturating_add(second)), None, || now).ok().unwrap();
            assert_eq!(locked.validity, second);
            assert_eq!(locks.cache().get(name.as_bytes(), now).unwrap().deadline, now.saturating_add(stays));
            locks.take(name.as_bytes(), None, now).unwrap();
        }
    }
}
