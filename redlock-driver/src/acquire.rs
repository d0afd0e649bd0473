use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::{DetachedLock, KeepAlive, LockKey, Options, Owner, Request, Resources, RetryDelay};

use crate::redlock::Handle;
use crate::{AcquireError, Lease, LockGuard, Runtime};

/// An acquisition: a future that yields a [`LockGuard`]. It begins when it is polled for the first time; until then
/// its setters say how hard to try.
///
/// Dropping it at any point leaves nothing behind: what was or may have been acquired is released in the background,
/// behind the command that may have acquired it.
#[must_use = "a lock is only acquired when the future is awaited"]
pub struct Acquire<R: Runtime> {
    handle: Handle<R>,
    wanted: Wanted,
    options: Options,
    owner: Option<Owner>,
    stage: Stage,
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

/// How far an acquisition has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    NotBegun,
    /// The future stands for this lock.
    Acquiring(LockKey),
    /// The result was given: what there may be is the guard's.
    Over,
}

impl<R: Runtime> Acquire<R> {
    pub(crate) fn new(handle: Handle<R>, resources: Resources, ttl: Duration, options: Options) -> Self {
        Self { handle, wanted: Wanted::Lock { resources, ttl }, options, owner: None, stage: Stage::NotBegun }
    }

    pub(crate) fn adopt(handle: Handle<R>, detached: &DetachedLock, options: Options) -> Self {
        Self { handle, wanted: Wanted::Adoption(detached.clone()), options, owner: None, stage: Stage::NotBegun }
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

    fn begin(&self, context: &Context<'_>) -> Result<LockKey, AcquireError> {
        let shell = self.handle.attended()?;
        let request = match &self.wanted {
            Wanted::Lock { resources, ttl } => Request::new(&shell.config, resources.clone(), *ttl, self.options)?,
            Wanted::Adoption(detached) => Request::adopting(&shell.config, detached, self.options)?,
        };
        let request = self.owner.iter().cloned().fold(request, Request::owned_by);
        let request = request.at_wall_clock(shell.runtime.wall_clock());
        shell.begin_acquire(request, shell.runtime.seed()?, context)
    }
}

impl<R: Runtime> Future for Acquire<R> {
    type Output = Result<LockGuard<R>, AcquireError>;

    /// # Panics
    ///
    /// When it is polled after it has ended.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let key = match this.stage {
            Stage::NotBegun => {
                this.stage = Stage::Acquiring(this.begin(context)?);
                return Poll::Pending;
            }
            Stage::Acquiring(key) => key,
            Stage::Over => panic!("an acquisition was polled after it has ended"),
        };
        this.handle.attended()?.poll_acquire(key, context).map_ok(|held| {
            // From here on the guard stands for the lock.
            this.stage = Stage::Over;
            LockGuard::new(Lease::new(this.handle.clone(), key, held))
        })
    }
}

impl<R: Runtime> Drop for Acquire<R> {
    fn drop(&mut self) {
        if let Stage::Acquiring(key) = self.stage {
            self.handle.shell().abandon(key);
            // Without a runtime the keys end with their TTL.
            let _ = self.handle.attended();
        }
    }
}

impl<R: Runtime> fmt::Debug for Acquire<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("wanted", &self.wanted).field("options", &self.options).finish_non_exhaustive()
    }
}
