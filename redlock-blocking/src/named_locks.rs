mod turn;

use std::time::Duration;

use redlock_cache::{Generation, Guard, HeldLocks, Locked, NamedExtendError, NotHeld};
use redlock_core::{Instant, KeepAlive, Locks, ReleaseReport, Resource};

use self::turn::Turn;
use crate::{Acquire, AcquireError, Lease, LockGuard, Redlock};

/// The reason for which a lock was not taken by name. See [`redlock_cache::NamedLockError`].
pub type NamedLockError = redlock_cache::NamedLockError<AcquireError>;

/// The entry of a cache for a lock that is held by name. See [`redlock_cache::HeldLock`].
pub type HeldLock = redlock_cache::HeldLock<LockGuard>;

/// Locks that are released by their names, wherever the process was told to lock them: for handlers that lock in one
/// request and unlock in another. Clones are cheap and share everything.
///
/// ```
/// use std::time::Duration;
/// use redlock_blocking::{NamedLocks, Redlock, cache::MapCache};
///
/// # let nodes = ["one", "two", "three"].map(redlock_blocking::memory::MemoryNode::new);
/// # let redlock = Redlock::builder().nodes(nodes).build()?;
/// let locks = NamedLocks::new(redlock, MapCache::new());
///
/// let locked = locks.lock("invoice:7", Duration::from_secs(10))?;
/// assert!(locked.validity > Duration::from_secs(9));
/// // ... and somewhere else:
/// let report = locks.unlock("invoice:7")?;
/// println!("{report}");
/// assert!(locks.unlock("invoice:7").is_err(), "it is not held here any more");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
///
/// - **A name has one holder.** To take a lock that is held here is contention as with any other holder: the call waits
///   within its budget. What is held is never overwritten.
/// - **One call releases.** [`unlock`](Self::unlock) takes the lock out of the cache first, in one step; of two at the
///   same time one releases it and the other is told that there is none. A lock that is taken meanwhile is another entry
///   and is not touched, here or on the nodes.
/// - **Nothing gets lost.** A lock that leaves the cache in any other way (it has expired and is collected or replaced,
///   is evicted, or the cache is dropped) is released by that, behind everything that was sent for it.
/// - **A release comes last.** To unlock ends an extension that is under way, and nothing but releases is sent after it.
/// - **Nothing is extended by itself**, unless [`keep_alive`](Self::keep_alive) says so: whoever keeps a lock by name extends
///   it by name. The handle's options to keep locks alive do not count here.
///
/// # Who is late
///
/// A name says which lock is meant, not whose it is. A holder whose lock has expired unlocks without harm as long as
/// nobody else in this process took a lock of that name since: he is told that it has expired. If somebody did, the name
/// means theirs. Where that can be, keep the [generation](Locked::generation) and hand it to
/// [`unlock_generation`](Self::unlock_generation) and [`extend_generation`](Self::extend_generation): they never touch
/// another holder's lock. In other processes all of this is the token's business: a release never touches a key with
/// another one.
#[derive(Clone, Debug)]
pub struct NamedLocks {
    redlock: Redlock,
    locks: HeldLocks<LockGuard>,
}

impl NamedLocks {
    redlock_cache::named_locks_getters!(Redlock, HeldLock);

    /// Takes the lock called `name`, and waits for it if anybody has it, here or elsewhere; see [`Redlock::lock`].
    /// Returns for how long it is valid.
    ///
    /// # Errors
    ///
    /// - [`NamedLockError::Acquire`], as [`Redlock::lock`];
    /// - [`NamedLockError::NotKept`] when the cache cannot keep it: what was acquired has been released again.
    pub fn lock(&self, name: impl Into<Resource>, ttl: Duration) -> Result<Locked, NamedLockError> {
        let name = name.into();
        self.take(&name, self.redlock.acquire(name.clone(), ttl))
    }

    /// Takes the lock called `name` if it is free, in one attempt without waiting; see [`Redlock::try_lock`].
    ///
    /// # Errors
    ///
    /// As with [`lock`](Self::lock).
    pub fn try_lock(&self, name: impl Into<Resource>, ttl: Duration) -> Result<Locked, NamedLockError> {
        let name = name.into();
        self.take(&name, self.redlock.acquire(name.clone(), ttl).attempts(1))
    }

    /// Releases the lock called `name` on all nodes and reports what each said; see
    /// [`LockGuard::release`](crate::LockGuard::release). One that has expired is no error: the report says so, for as
    /// long as the cache has it.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none.
    pub fn unlock(&self, name: impl AsRef<[u8]>) -> Result<ReleaseReport, NotHeld> {
        Ok(self.locks.take(name.as_ref(), None, self.redlock.now())?.release())
    }

    /// Releases the lock called `name` if it is the one of this generation, as [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none, or it is another one.
    pub fn unlock_generation(&self, name: impl AsRef<[u8]>, generation: Generation) -> Result<ReleaseReport, NotHeld> {
        Ok(self.locks.take(name.as_ref(), Some(generation), self.redlock.now())?.release())
    }

    /// Releases all locks that are held now, one after the other. Returns their names, in no order, with what became of
    /// them.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn unlock_all(&self) -> Vec<(Resource, ReleaseReport)> {
        let held = self.locks.names().into_iter();
        let report = |name: &Resource, generation| self.unlock_generation(name.as_bytes(), generation).ok();
        held.filter_map(|(name, generation)| report(&name, generation).map(|report| (name, report))).collect()
    }

    /// Extends the lock called `name`: it is good for `ttl` from now on, less the drift; see
    /// [`LockGuard::extend`](crate::LockGuard::extend). Returns for how long it is valid. Extensions of one lock are done
    /// one after the other.
    ///
    /// # Errors
    ///
    /// - [`NamedExtendError::NotHeld`] when there is none, or it is unlocked or evicted meanwhile;
    /// - [`NamedExtendError::Extend`], as [`LockGuard::extend`](crate::LockGuard::extend).
    pub fn extend(&self, name: impl AsRef<[u8]>, ttl: Duration) -> Result<Duration, NamedExtendError> {
        self.extend_one(name.as_ref(), None, ttl)
    }

    /// Extends the lock called `name` if it is the one of this generation, as [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// As with [`extend`](Self::extend); [`NotHeld`] also when it is another one.
    pub fn extend_generation(
        &self,
        name: impl AsRef<[u8]>,
        generation: Generation,
        ttl: Duration,
    ) -> Result<Duration, NamedExtendError> {
        self.extend_one(name.as_ref(), Some(generation), ttl)
    }

    fn take(&self, name: &Resource, acquire: Acquire) -> Result<Locked, NamedLockError> {
        let guard = acquire.keep_alive(self.locks.keep_alive()).lock()?;
        let fence = guard.fence();
        let kept = self.locks.keep(name, guard, fence, || self.redlock.now());
        kept.map_err(|(guard, why)| why.given_back(guard.release()))
    }

    fn extend_one(
        &self,
        name: &[u8],
        generation: Option<Generation>,
        ttl: Duration,
    ) -> Result<Duration, NamedExtendError> {
        let found = self.locks.find(name, generation, self.redlock.now())?;
        let turn = found.value.turn().begin();
        self.locks.begin_extension(name, &found, ttl, self.redlock.now());
        let extended = found.value.lease().extend(ttl);
        drop(turn);
        self.locks.end_extension(name, &found, extended, self.redlock.now())
    }
}

impl Guard for LockGuard {
    type Turn = Turn;

    fn bytes(&self) -> usize {
        Locks::BYTES_PER_LOCK.saturating_add(self.resources().bytes())
    }

    fn deadline(lease: &Lease) -> Instant {
        lease.deadline()
    }
}
