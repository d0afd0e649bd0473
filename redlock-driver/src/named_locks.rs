mod held_lock;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redlock_cache::{Cache, Entry, Generation, Locked, NamedExtendError, NamedKeepAlive, NoLongestHold, NotHeld, keep};
use redlock_core::{Instant, KeepAlive, ReleaseReport, Resource};

pub use self::held_lock::HeldLock;
use crate::{Acquire, AcquireError, Redlock, Runtime};

/// The reason for which a lock was not taken by name. See [`redlock_cache::NamedLockError`].
pub type NamedLockError = redlock_cache::NamedLockError<AcquireError>;

/// Locks that are released by their names, wherever the process was told to lock them: for handlers that lock in one
/// request and unlock in another. Clones are cheap and share everything.
///
/// ```
/// use std::time::Duration;
/// use redlock_driver::cache::MapCache;
/// # use redlock_driver::{Instant, Redlock, Runtime, memory::MemoryNode};
/// use redlock_driver::NamedLocks;
///
/// # #[derive(Clone)]
/// # struct Tokio;
/// # impl Runtime for Tokio {
/// #     fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
/// #         tokio::time::sleep(deadline.saturating_since(self.now()))
/// #     }
/// #     fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
/// #         tokio::spawn(task);
/// #     }
/// # }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build_on(Tokio)?;
/// let locks = NamedLocks::new(redlock, MapCache::new());
///
/// let locked = locks.lock("invoice:7", Duration::from_secs(10)).await?;
/// assert!(locked.validity > Duration::from_secs(9));
/// // ... and somewhere else:
/// let report = locks.unlock("invoice:7").await?;
/// println!("{report}");
/// assert!(locks.unlock("invoice:7").await.is_err(), "it is not held here any more");
/// # locks.redlock().close().await;
/// # Ok(())
/// # }
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
pub struct NamedLocks<R: Runtime> {
    redlock: Redlock<R>,
    cache: Arc<dyn Cache<HeldLock<R>>>,
    keep_alive: NamedKeepAlive,
}

impl<R: Runtime> NamedLocks<R> {
    /// Creates locks that are taken with `redlock` and kept in `cache`.
    pub fn new(redlock: Redlock<R>, cache: impl Cache<HeldLock<R>> + 'static) -> Self {
        Self { redlock, cache: Arc::new(cache), keep_alive: NamedKeepAlive::default() }
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
    /// [`NoLongestHold`] for [`KeepAlive::while_held`]: nothing here ends with its holder, so a lock that nobody unlocks
    /// would stay for as long as the process lives.
    pub fn keep_alive(self, keep_alive: impl Into<Option<KeepAlive>>) -> Result<Self, NoLongestHold> {
        Ok(Self { keep_alive: NamedKeepAlive::new(keep_alive.into())?, ..self })
    }

    /// Takes the lock called `name`, and waits for it if anybody has it, here or elsewhere; see [`Redlock::lock`].
    /// Yields for how long it is valid.
    ///
    /// Cancel-safe: when the future is dropped, the lock is either kept here or given back.
    ///
    /// # Errors
    ///
    /// - [`NamedLockError::Acquire`], as [`Redlock::lock`];
    /// - [`NamedLockError::NotKept`] when the cache cannot keep it: what was acquired has been released again.
    pub async fn lock(&self, name: impl Into<Resource>, ttl: Duration) -> Result<Locked, NamedLockError> {
        let name = name.into();
        self.take(&name, self.redlock.lock(name.clone(), ttl)).await
    }

    /// Takes the lock called `name` if it is free, in one attempt without waiting; see [`Redlock::try_lock`].
    ///
    /// # Errors
    ///
    /// As with [`lock`](Self::lock).
    pub async fn try_lock(&self, name: impl Into<Resource>, ttl: Duration) -> Result<Locked, NamedLockError> {
        let name = name.into();
        self.take(&name, self.redlock.try_lock(name.clone(), ttl)).await
    }

    /// Releases the lock called `name` on all nodes and reports what each said; see
    /// [`LockGuard::release`](crate::LockGuard::release). One that has expired is no error: the report says so, for as
    /// long as the cache has it.
    ///
    /// Cancel-safe: from the first poll on the lock is released, also when the future is dropped.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none.
    pub async fn unlock(&self, name: impl AsRef<[u8]>) -> Result<ReleaseReport, NotHeld> {
        let name = name.as_ref();
        release(name, self.cache.take(name, self.now())).await
    }

    /// Releases the lock called `name` if it is the one of this generation, as [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none, or it is another one.
    pub async fn unlock_generation(
        &self,
        name: impl AsRef<[u8]>,
        generation: Generation,
    ) -> Result<ReleaseReport, NotHeld> {
        let name = name.as_ref();
        release(name, self.cache.remove(name, generation, self.now())).await
    }

    /// Releases all locks that are held now, at the same time. Yields their names, in no order, with what became of them.
    ///
    /// Cancel-safe, as [`unlock`](Self::unlock).
    pub async fn unlock_all(&self) -> Vec<(Resource, ReleaseReport)> {
        let now = self.now();
        let held: Vec<_> = self.cache.iter().map(|held| (held.name, held.entry.generation)).collect();
        let taken = held.into_iter().filter_map(|(name, generation)| {
            let entry = self.cache.remove(&name, generation, now)?;
            let guard = entry.value.take()?;
            Some(async move { (Resource::new(name), guard.release().await) })
        });
        join_all(taken.collect::<Vec<_>>()).await
    }

    /// Extends the lock called `name`: it is good for `ttl` from now on, less the drift; see
    /// [`LockGuard::extend`](crate::LockGuard::extend). Yields for how long it is valid. Extensions of one lock are done
    /// one after the other.
    ///
    /// Cancel-safe: a dropped future may have extended the lock or not; [`held`](Self::held) says which.
    ///
    /// # Errors
    ///
    /// - [`NamedExtendError::NotHeld`] when there is none, or it is unlocked meanwhile;
    /// - [`NamedExtendError::Extend`], as [`LockGuard::extend`](crate::LockGuard::extend).
    pub async fn extend(&self, name: impl AsRef<[u8]>, ttl: Duration) -> Result<Duration, NamedExtendError> {
        self.extend_if(name.as_ref(), ttl, |_| true).await
    }

    /// Extends the lock called `name` if it is the one of this generation, as [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// As with [`extend`](Self::extend); [`NotHeld`] also when it is another one.
    pub async fn extend_generation(
        &self,
        name: impl AsRef<[u8]>,
        generation: Generation,
        ttl: Duration,
    ) -> Result<Duration, NamedExtendError> {
        self.extend_if(name.as_ref(), ttl, |found| found == generation).await
    }

    /// Returns how long the lock called `name` is valid from now on; `None` when it is not held here, or has expired.
    pub fn held(&self, name: impl AsRef<[u8]>) -> Option<Duration> {
        let now = self.now();
        let deadline = self.cache.get(name.as_ref(), now)?.value.deadline()?;
        Some(deadline.saturating_since(now)).filter(|validity| !validity.is_zero())
    }

    /// Returns the handle with which the locks are taken.
    #[must_use]
    pub fn redlock(&self) -> &Redlock<R> {
        &self.redlock
    }

    /// Returns the cache in which the locks are kept: how many there are, what memory they need, what has happened.
    #[must_use]
    pub fn cache(&self) -> &dyn Cache<HeldLock<R>> {
        &*self.cache
    }

    async fn take(&self, name: &Resource, acquire: Acquire<R>) -> Result<Locked, NamedLockError> {
        let guard = acquire.keep_alive(self.keep_alive.get()).await?;
        let fence = guard.fence();
        let until = self.keep_alive.until(self.now());
        let held = HeldLock::new(guard, until);
        let deadline_of = |held: &HeldLock<R>| held.deadline().unwrap_or_default();
        match keep(&*self.cache, name.as_bytes(), held, until, deadline_of, || self.now()) {
            Ok(locked) => Ok(locked.with_fence(fence)),
            Err(refused) => {
                let now = self.now();
                let guard = refused.value.take().expect("nobody else has seen this lock");
                Err(NamedLockError::not_kept(&refused, guard.release().await, now))
            }
        }
    }

    async fn extend_if(
        &self,
        name: &[u8],
        ttl: Duration,
        wanted: impl Fn(Generation) -> bool,
    ) -> Result<Duration, NamedExtendError> {
        let found = self.cache.get(name, self.now()).filter(|found| wanted(found.generation));
        let Entry { value: held, generation, .. } = found.ok_or_else(|| NotHeld::new(name))?;
        let turn = held.turn().await;
        let deadline = held.deadline().unwrap_or_default();
        let now = self.now();
        if deadline > now {
            // However this ends, or is dropped: the cache must not take the lock for expired before it is.
            let until = held.stays_until().unwrap_or_default();
            self.cache.extend(name, generation, until.max(now.saturating_add(ttl)));
        }
        let extended = held.extend(&turn, ttl).await;
        if let Some(until) = held.stays_until() {
            self.cache.extend(name, generation, until);
        }
        let deadline = extended.ok_or_else(|| NotHeld::new(name))??;
        Ok(deadline.saturating_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.redlock.now()
    }
}

impl<R: Runtime> Clone for NamedLocks<R> {
    fn clone(&self) -> Self {
        Self { redlock: self.redlock.clone(), cache: self.cache.clone(), keep_alive: self.keep_alive }
    }
}

impl<R: Runtime> fmt::Debug for NamedLocks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedLocks")
            .field("redlock", &self.redlock)
            .field("held", &self.cache.len())
            .finish_non_exhaustive()
    }
}

/// Releases what came out of the cache.
async fn release<R: Runtime>(name: &[u8], taken: Option<Entry<HeldLock<R>>>) -> Result<ReleaseReport, NotHeld> {
    let guard = taken.and_then(|taken| taken.value.take()).ok_or_else(|| NotHeld::new(name))?;
    Ok(guard.release().await)
}
