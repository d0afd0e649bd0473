use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redlock_core::{DetachedLock, KeepAlive, Options, Owner, Request, Resources, RetryDelay};

use crate::handle::Handle;
use crate::shell::Shell;
use crate::{AcquireError, Lease, LockGuard};

/// An acquisition that is to be made by [`lock`](Self::lock); its setters say how hard to try.
#[must_use = "nothing is acquired before `lock`"]
pub struct Acquire {
    handle: Handle,
    wanted: Wanted,
    options: Options,
    owner: Option<Owner>,
    is_aborted: Arc<AtomicBool>,
}

/// What is to be acquired.
#[derive(Debug)]
enum Wanted {
    Lock {
        resources: Resources,
        ttl: Duration,
    },
    /// What was detached elsewhere.
    Adoption(DetachedLock),
}

impl Acquire {
    pub(crate) fn new(handle: Handle, resources: Resources, ttl: Duration, options: Options) -> Self {
        Self { handle, wanted: Wanted::Lock { resources, ttl }, options, owner: None, is_aborted: Arc::default() }
    }

    pub(crate) fn adopt(handle: Handle, detached: &DetachedLock, options: Options) -> Self {
        Self { handle, wanted: Wanted::Adoption(detached.clone()), options, owner: None, is_aborted: Arc::default() }
    }

    /// The time budget for all attempts together; 30 seconds unless configured.
    pub fn wait(self, budget: Duration) -> Self {
        let options = self.options.wait(budget);
        self.options(options)
    }

    /// The largest number of attempts, in addition to the time budget.
    pub fn attempts(self, attempts: u32) -> Self {
        let options = self.options.attempts(attempts);
        self.options(options)
    }

    /// The random wait between attempts; up to 20 ms at first, never more than 200 ms, unless configured.
    pub fn retry_delay(self, delay: RetryDelay) -> Self {
        let options = self.options.retry_delay(delay);
        self.options(options)
    }

    /// How much validity must be left when the lock is handed over; any, unless configured.
    pub fn min_validity(self, validity: Duration) -> Self {
        let options = self.options.min_validity(validity);
        self.options(options)
    }

    /// For how long nobody else gets the lock after the hand-over, also when it is released before; for no time, unless
    /// configured. See [`Options::min_hold`].
    pub fn min_hold(self, hold: Duration) -> Self {
        let options = self.options.min_hold(hold);
        self.options(options)
    }

    /// Has the nodes mint a [fence](crate::Lease::fence) for the lock: a number that is larger than those of all holders
    /// before, by which what is protected can refuse one that comes too late. See [`fence`](redlock_core::fence).
    pub fn fenced(self) -> Self {
        let options = self.options.fenced(true);
        self.options(options)
    }

    /// The label of who wants the lock, in place of that of the handle: others see it beside the lock while that is held, in
    /// [`status`](crate::Redlock::status) and when they are refused. See [`Owner`].
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// How the lock is kept alive while it is held; not at all, unless configured. A holder still has to watch for its loss.
    pub fn keep_alive(self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        let options = self.options.keep_alive(keep_alive);
        self.options(options)
    }

    pub(crate) fn keep_alive_unless_set(self, keep_alive: KeepAlive) -> Self {
        let options = self.options.keep_alive_unless_set(keep_alive);
        self.options(options)
    }

    /// All of these at once.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// A handle by which other threads can end [`lock`](Self::lock) while it waits.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { shell: self.handle.shell().clone(), is_aborted: self.is_aborted.clone() }
    }

    /// Takes the lock, and waits for it if somebody else has it.
    ///
    /// The thread is blocked until the result is fixed: a round trip for each attempt, and the waits between attempts
    /// within the budget. All that was or may have been acquired in vain is released.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::Contended`], [`Unavailable`](AcquireError::Unavailable) or
    ///   [`Expired`](AcquireError::Expired), with what each node said to the last attempt;
    /// - [`AcquireError::Request`] when name, TTL or options are out of bounds: nothing was sent;
    /// - [`AcquireError::NoEntropy`] when the operating system gave no random bytes: nothing was sent;
    /// - [`AcquireError::Aborted`] after [`AbortHandle::abort`], [`AcquireError::Closed`] after
    ///   [`Redlock::close`](crate::Redlock::close).
    pub fn lock(self) -> Result<LockGuard, AcquireError> {
        let shell = self.handle.shell();
        let request = match self.wanted {
            Wanted::Lock { resources, ttl } => Request::new(&shell.config, resources, ttl, self.options)?,
            Wanted::Adoption(detached) => Request::adopting(&shell.config, &detached, self.options)?,
        };
        let request = self.owner.into_iter().fold(request, Request::owned_by);
        let request = request.at_wall_clock(shell.wall_clock());
        let (key, held) = shell.acquire(request, shell.seed()?, &self.is_aborted)?;
        Ok(LockGuard::new(Lease::new(self.handle, key, held)))
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("wanted", &self.wanted).field("options", &self.options).finish_non_exhaustive()
    }
}

/// Ends an acquisition that another thread waits for; made by [`Acquire::abort_handle`]. Clones end the same one.
#[derive(Clone)]
pub struct AbortHandle {
    shell: Arc<Shell>,
    is_aborted: Arc<AtomicBool>,
}

impl AbortHandle {
    /// Lets the acquisition end with [`AcquireError::Aborted`] at once, whatever it waits for. One that begins later ends
    /// at once, too. A lock that was acquired already is not touched.
    pub fn abort(&self) {
        self.is_aborted.store(true, Ordering::Release);
        self.shell.wake_all();
    }

    /// Whether [`abort`](Self::abort) was called.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.is_aborted.load(Ordering::Acquire)
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("is_aborted", &self.is_aborted()).finish_non_exhaustive()
    }
}
