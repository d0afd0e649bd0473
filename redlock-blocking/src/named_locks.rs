mod held_lock;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redlock_cache::{Cache, Entry, Generation, Locked, NamedExtendError, NamedKeepAlive, NoLongestHold, NotHeld, keep};
use redlock_core::{KeepAlive, ReleaseReport, Resource};

pub use self::held_lock::HeldLock;
use crate::{Acquire, AcquireError, Redlock};

/// Why a lock was not taken by name. See [`redlock_cache::NamedLockError`].
pub type NamedLockError = redlock_cache::NamedLockError<AcquireError>;

/// Locks that are released by their names, wherever the process was told to lock them: for handlers that lock in one
/// request and unlock in another. Clones are cheap and share everything.
///
/// ```
/// # use redlock_blocking::{Node, Unavailable};
/// # use redlock_blocking::transport::{Command, Connection, Reply, Transport};
/// # use redlock_core::model;
/// # use std::collections::VecDeque;
/// # struct Model;
/// # impl Transport for Model {
/// #     type Connection = Open;
/// #     fn connect(&mut self, _: Duration) -> Result<Open, Unavailable> {
/// #         Ok(Open { node: model::Node::new(), replies: VecDeque::new() })
/// #     }
/// # }
/// # struct Open { node: model::Node, replies: VecDeque<Reply> }
/// # impl Connection for Open {
/// #     fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
/// #         self.replies.push_back(self.node.execute(command, redlock_blocking::now()));
/// #         Ok(())
/// #     }
/// #     fn receive(&mut self, _: &Command, _: Duration) -> Result<Option<Reply>, Unavailable> {
/// #         Ok(self.replies.pop_front())
/// #     }
/// # }
/// use std::time::Duration;
/// use redlock_blocking::{NamedLocks, Redlock, cache::MapCache};
///
/// # let nodes = ["one", "two", "three"].map(|name| Node::new(name, Model));
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
#[derive(Clone)]
pub struct NamedLocks {
    redlock: Redlock,
    cache: Arc<dyn Cache<HeldLock>>,
    keep_alive: NamedKeepAlive,
}

impl NamedLocks {
    /// Locks that are taken with `redlock` and kept in `cache`.
    pub fn new(redlock: Redlock, cache: impl Cache<HeldLock> + 'static) -> Self {
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
    /// long as the cache has it. An extension that is under way is waited for: at most a node timeout.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none.
    pub fn unlock(&self, name: impl AsRef<[u8]>) -> Result<ReleaseReport, NotHeld> {
        let name = name.as_ref();
        release(name, self.cache.take(name, self.redlock.now()))
    }

    /// Releases the lock called `name` if it is the one of this generation, as [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`NotHeld`] when there is none, or it is another one.
    pub fn unlock_generation(&self, name: impl AsRef<[u8]>, generation: Generation) -> Result<ReleaseReport, NotHeld> {
        let name = name.as_ref();
        release(name, self.cache.remove(name, generation, self.redlock.now()))
    }

    /// Releases all locks that are held now, one after the other. Returns their names, in no order, with what became of
    /// them.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn unlock_all(&self) -> Vec<(Resource, ReleaseReport)> {
        let held: Vec<_> = self.cache.iter().map(|held| (held.name, held.entry.generation)).collect();
        let released = held.into_iter().filter_map(|(name, generation)| {
            let report = self.unlock_generation(&name, generation).ok()?;
            Some((Resource::new(name), report))
        });
        released.collect()
    }

    /// Extends the lock called `name`: it is good for `ttl` from now on, less the drift; see
    /// [`LockGuard::extend`](crate::LockGuard::extend). Returns for how long it is valid. Extensions of one lock are done
    /// one after the other.
    ///
    /// # Errors
    ///
    /// - [`NamedExtendError::NotHeld`] when there is none, or it is unlocked meanwhile;
    /// - [`NamedExtendError::Extend`], as [`LockGuard::extend`](crate::LockGuard::extend).
    pub fn extend(&self, name: impl AsRef<[u8]>, ttl: Duration) -> Result<Duration, NamedExtendError> {
        self.extend_if(name.as_ref(), ttl, |_| true)
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
        self.extend_if(name.as_ref(), ttl, |found| found == generation)
    }

    /// Returns how long the lock called `name` is valid from now on; `None` when it is not held here, or has expired.
    pub fn held(&self, name: impl AsRef<[u8]>) -> Option<Duration> {
        let now = self.redlock.now();
        let deadline = self.cache.get(name.as_ref(), now)?.value.deadline();
        Some(deadline.saturating_since(now)).filter(|validity| !validity.is_zero())
    }

    /// What the locks are taken with.
    #[must_use]
    pub const fn redlock(&self) -> &Redlock {
        &self.redlock
    }

    /// Where the locks are kept: how many there are, what memory they need, what has happened.
    #[must_use]
    pub fn cache(&self) -> &dyn Cache<HeldLock> {
        &*self.cache
    }

    fn take(&self, name: &Resource, acquire: Acquire) -> Result<Locked, NamedLockError> {
        let guard = acquire.keep_alive(self.keep_alive.get()).lock()?;
        let fence = guard.fence();
        let until = self.keep_alive.until(self.redlock.now());
        let held = HeldLock::new(guard, until);
        let kept = keep(&*self.cache, name.as_bytes(), held, until, HeldLock::deadline, || self.redlock.now());
        kept.map(|locked| locked.with_fence(fence)).map_err(|refused| {
            let now = self.redlock.now();
            let report = refused.value.release().expect("nobody else has seen this lock");
            NamedLockError::not_kept(&refused, report, now)
        })
    }

    fn extend_if(
        &self,
        name: &[u8],
        ttl: Duration,
        wanted: impl Fn(Generation) -> bool,
    ) -> Result<Duration, NamedExtendError> {
        let found = self.cache.get(name, self.redlock.now()).filter(|found| wanted(found.generation));
        let Entry { value: held, generation, .. } = found.ok_or_else(|| NotHeld::new(name))?;
        let extended = held.extend(ttl, || {
            let (deadline, now) = (held.deadline(), self.redlock.now());
            if deadline > now {
                // The cache must not take the lock for expired before it is.
                self.cache.extend(name, generation, held.stays_until().max(now.saturating_add(ttl)));
            }
        });
        self.cache.extend(name, generation, held.stays_until());
        let deadline = extended.ok_or_else(|| NotHeld::new(name))??;
        Ok(deadline.saturating_since(self.redlock.now()))
    }
}

impl fmt::Debug for NamedLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedLocks")
            .field("redlock", &self.redlock)
            .field("held", &self.cache.len())
            .finish_non_exhaustive()
    }
}

/// Releases what came out of the cache.
fn release(name: &[u8], taken: Option<Entry<HeldLock>>) -> Result<ReleaseReport, NotHeld> {
    taken.and_then(|taken| taken.value.release()).ok_or_else(|| NotHeld::new(name))
}
