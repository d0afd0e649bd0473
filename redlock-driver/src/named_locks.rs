mod extending;
mod turn;

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use redlock_cache::{Generation, Guard, HeldLocks, Locked, NamedExtendError, NotHeld};
use redlock_core::{Instant, KeepAlive, ReleaseReport, Resource};

use self::extending::Extending;
use self::turn::Turn;
use crate::shell::HELD_LOCK_BYTES;
use crate::{Acquire, AcquireError, Lease, LockGuard, Redlock, Runtime};

/// The reason for which a lock was not taken by name. See [`redlock_cache::NamedLockError`].
pub type NamedLockError = redlock_cache::NamedLockError<AcquireError>;

/// The entry of a cache for a lock that is held by name. See [`redlock_cache::HeldLock`].
pub type HeldLock<R> = redlock_cache::HeldLock<LockGuard<R>>;

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
    locks: HeldLocks<LockGuard<R>>,
}

impl<R: Runtime> NamedLocks<R> {
    redlock_cache::named_locks_getters!(Redlock<R>, HeldLock<R>);

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
        Ok(self.locks.take(name.as_ref(), None, self.redlock.now())?.release().await)
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
        Ok(self.locks.take(name.as_ref(), Some(generation), self.redlock.now())?.release().await)
    }

    /// Releases all locks that are held now, at the same time. Yields their names, in no order, with what became of them.
    ///
    /// Cancel-safe, as [`unlock`](Self::unlock).
    pub async fn unlock_all(&self) -> Vec<(Resource, ReleaseReport)> {
        let now = self.redlock.now();
        let taken = self.locks.names().into_iter().filter_map(|(name, generation)| {
            let guard = self.locks.take(name.as_bytes(), Some(generation), now).ok()?;
            Some(async move { (name, guard.release().await) })
        });
        join_all(taken.collect::<Vec<_>>()).await
    }

    /// Extends the lock called `name`: it is good for `ttl` from now on, less the drift; see
    /// [`LockGuard::extend`](crate::LockGuard::extend). Yields for how long it is valid. Extensions of one lock are done
    /// one after the other; they wait for nodes only, and not for a future that is kept and not polled.
    ///
    /// Cancel-safe: a dropped future may have extended the lock or not; [`held`](Self::held) says which.
    ///
    /// # Errors
    ///
    /// - [`NamedExtendError::NotHeld`] when there is none, or it is unlocked or evicted meanwhile;
    /// - [`NamedExtendError::Extend`], as [`LockGuard::extend`](crate::LockGuard::extend).
    pub async fn extend(&self, name: impl AsRef<[u8]>, ttl: Duration) -> Result<Duration, NamedExtendError> {
        self.extend_one(name.as_ref(), None, ttl).await
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
        self.extend_one(name.as_ref(), Some(generation), ttl).await
    }

    async fn take(&self, name: &Resource, acquire: Acquire<R>) -> Result<Locked, NamedLockError> {
        let guard = acquire.keep_alive(self.locks.keep_alive()).await?;
        let fence = guard.fence();
        match self.locks.keep(name, guard, fence, || self.redlock.now()) {
            Ok(locked) => Ok(locked),
            Err((guard, why)) => Err(why.given_back(guard.release().await)),
        }
    }

    async fn extend_one(
        &self,
        name: &[u8],
        generation: Option<Generation>,
        ttl: Duration,
    ) -> Result<Duration, NamedExtendError> {
        let found = self.locks.find(name, generation, self.redlock.now())?;
        Extending::new(&self.locks, name, &found, ttl).await
    }
}

impl<R: Runtime> Clone for NamedLocks<R> {
    fn clone(&self) -> Self {
        Self { redlock: self.redlock.clone(), locks: self.locks.clone() }
    }
}

impl<R: Runtime> fmt::Debug for NamedLocks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedLocks").field("redlock", &self.redlock).field("locks", &self.locks).finish()
    }
}

impl<R: Runtime> Guard for LockGuard<R> {
    type Turn = Turn;

    fn bytes(&self) -> usize {
        HELD_LOCK_BYTES.saturating_add(self.resources().bytes())
    }

    fn deadline(lease: &Lease<R>) -> Instant {
        lease.deadline()
    }

    fn tell_latest_deadline(lease: &Lease<R>, turn: &Turn, tell: impl FnOnce(Instant)) -> bool {
        lease.handle.shell().look(|locks| {
            let is_over = turn.is_over(locks, lease.key);
            tell(turn.latest_deadline(locks, lease.key));
            is_over
        })
    }
}
