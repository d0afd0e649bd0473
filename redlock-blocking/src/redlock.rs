use std::fmt;
use std::time::Duration;

use redlock_core::health::Health;
use redlock_core::shell::Acquisition;
use redlock_core::{Config, DetachedLock, LockStatus, Options, RequestError, Resource, Resources};

use crate::handle::Handle;
use crate::{Acquire, AcquireError, Candidate, CloseReport, Completed, Lease, LockGuard, WorkError};

/// A handle to a set of independent masters, for taking locks. It can be used by many threads at the same time; clones
/// are cheap and share everything.
///
/// When the last clone and the last guard are dropped, what is still to be released is released in the background.
/// Call [`close`](Self::close) before the process ends.
#[derive(Clone)]
pub struct Redlock {
    handle: Handle,
    options: Options,
}

impl Redlock {
    pub(crate) const fn from_parts(handle: Handle, options: Options) -> Self {
        Self { handle, options }
    }

    /// Takes the lock of a resource, which is its name, and waits for it if somebody else has it.
    ///
    /// [`Resources::all`] names several that are locked together.
    ///
    /// Those who wait for a resource with the same handle are served in the order in which they came, and only the first
    /// of them asks the nodes. Between handles it is nearly so: each waits in a queue that a node keeps, and is called up by
    /// the release. A first attempt asks at once, though, and may come before those who wait. Other libraries know nothing of
    /// the queue. Where a transport does not hear call-ups, or a user may not use the queue, and for a number of
    /// [`attempts`](Options::attempts), the lock is tried for now and then.
    ///
    /// The lock is good for `ttl` less the drift (1 % and 2 ms unless configured), counted from the moment at which the
    /// first byte was sent. Waiting ends after [`Options::wait`], 30 seconds by default;
    /// [`acquire`](Self::acquire) has setters for one call alone.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::Contended`], [`Unavailable`](AcquireError::Unavailable) or
    ///   [`Expired`](AcquireError::Expired), with what each node said to the last attempt;
    /// - [`AcquireError::Request`] when names, TTL or options are out of bounds: nothing was sent;
    /// - [`AcquireError::NoEntropy`] when the operating system gave no random bytes: nothing was sent;
    /// - [`AcquireError::Closed`] after [`close`](Self::close).
    #[doc(alias = "mutex")]
    pub fn lock(&self, resources: impl Into<Resources>, ttl: Duration) -> Result<LockGuard, AcquireError> {
        self.acquire(resources, ttl).lock()
    }

    redlock_core::redlock_verbs!(Result<LockGuard, AcquireError>, Candidate);

    /// Takes the lock of a resource if it is free, in one attempt without waiting.
    ///
    /// It does not wait in line either: where the same handle holds the resource, or somebody waits for it there, it fails
    /// at once and no node is asked. A lock that the handle has [adopted](Self::adopt) does not stand in line: there the nodes are
    /// asked, and say who has it.
    ///
    /// An attempt takes one round trip, and never more than the node timeout (5 % of the TTL, 20 to 500 ms, unless
    /// configured; twice that if the lock is fenced) after other threads have made way. Everything else is as with
    /// [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As with [`lock`](Self::lock).
    #[doc(alias = "try_acquire")]
    pub fn try_lock(&self, resources: impl Into<Resources>, ttl: Duration) -> Result<LockGuard, AcquireError> {
        self.acquire(resources, ttl).attempts(1).lock()
    }

    /// Begins an acquisition with settings of its own, or one that other threads can abort.
    pub fn acquire(&self, resources: impl Into<Resources>, ttl: Duration) -> Acquire {
        Acquire::new(self.handle.clone(), Acquisition::new(resources.into(), ttl, self.options))
    }

    /// Takes the lock of a resource, does the work on this thread, and releases the lock: [`acquire`](Self::acquire) with
    /// [`run`](Acquire::run), which says more.
    ///
    /// # Errors
    ///
    /// [`WorkError::Acquire`]: the lock was not acquired, and the work was not begun.
    #[doc(alias = "using")]
    pub fn with_lock<T>(
        &self,
        resources: impl Into<Resources>,
        ttl: Duration,
        work: impl FnOnce(&Lease) -> T,
    ) -> Result<Completed<T>, WorkError> {
        self.acquire(resources, ttl).run(work)
    }

    /// Takes over a lock that was [detached](LockGuard::detach), in this process or another, when a quorum confirms that its
    /// keys are still there, and lets them live for its TTL from now on.
    ///
    /// A detached lock is to be adopted once: nodes cannot tell two who adopt the same one apart. One that was not adopted is
    /// left as it is. [`begin_adoption`](Self::begin_adoption) has settings: how it is kept alive, and how much validity must
    /// be left.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Gone`] when too few nodes have its keys still, [`Unavailable`](AcquireError::Unavailable) when nodes that
    /// did not answer may have them, so that one may try again; else as with [`lock`](Self::lock).
    pub fn adopt(&self, detached: &DetachedLock) -> Result<LockGuard, AcquireError> {
        self.begin_adoption(detached).lock()
    }

    /// Begins to [adopt](Self::adopt) a lock with settings of its own.
    pub fn begin_adoption(&self, detached: &DetachedLock) -> Acquire {
        Acquire::new(self.handle.clone(), Acquisition::adopting(detached, self.options))
    }

    /// Asks all nodes how the lock of a resource stands: free, held by this handle or another and for how long, and how many
    /// wait for it. Nothing is acquired, and nothing is changed on any node.
    ///
    /// The result is a snapshot, for people, logs and metrics: whether the lock can be had only [`lock`](Self::lock) can
    /// tell. This takes one round trip to the slowest node, and never more than the longest node timeout (500 ms unless
    /// configured); a node that is down or does not answer is part of the result, and no error. It works after
    /// [`close`](Self::close), too.
    ///
    /// A user of an ACL needs no more rights than locks do; without `ZCARD` on the keys `redlock:*`, the number of those who
    /// wait is not known, and without `GET` on them no label of a holder is.
    ///
    /// # Errors
    ///
    /// [`RequestError::EmptyName`] or [`RequestError::NameTooLong`] for a name that is no key: nothing was sent.
    pub fn status(&self, name: impl Into<Resource>) -> Result<LockStatus, RequestError> {
        self.handle.shell().inspect(name.into())
    }

    /// Returns how the nodes and the locks of this handle are, as far as it knows: which nodes are connected and vote, what
    /// is wrong with them, and what has become of locks. No node is asked, so it can be asked every second; a connection that
    /// has ended is noticed, also while nobody uses the handle.
    #[must_use]
    pub fn health(&self) -> Health {
        self.handle.shell().health()
    }

    /// Ends all acquisitions that are under way with [`AcquireError::Closed`], takes no new ones, and waits until all
    /// outstanding releases are settled: every node has answered, or has let its time pass.
    ///
    /// Guards that are still there keep their locks; they can be extended and released as before. What happens in the
    /// background ends, though: a lock that was kept alive is valid until its [`deadline`](crate::Lease::deadline) and no
    /// longer, and whoever [waits for its loss](crate::Lease::wait_lost) is told [`Loss::Closed`](crate::Loss::Closed), so that
    /// its holder can bring the work to an end in time. To let the work go on to its own end, wait for it before you close. A
    /// node that did not answer is told again when it is back, as long as the process runs. With a node timeout of at most
    /// 500 ms this takes no longer than that. It may be called again, to wait for what was released since.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> CloseReport {
        self.handle.shell().close()
    }

    redlock_core::redlock_getters!();
}

impl fmt::Debug for Redlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redlock").field("config", self.config()).field("options", &self.options).finish_non_exhaustive()
    }
}
