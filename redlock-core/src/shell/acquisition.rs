use core::fmt;
use core::time::Duration;

use crate::{Config, DetachedLock, Options, Owner, Request, RequestError, Resources};

/// What is to be acquired, and how hard to try.
///
/// The setters of the shells' acquisitions are written once in `acquire_setters`.
#[derive(Clone)]
pub struct Acquisition {
    wanted: Wanted,
    /// How hard to try.
    pub options: Options,
    /// The label of who wants the lock; that of the handle, unless set.
    pub owner: Option<Owner>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Lock {
        resources: Resources,
        ttl: Duration,
    },
    /// What was detached elsewhere.
    Adoption(DetachedLock),
}

impl Acquisition {
    /// Creates the acquisition of a lock.
    #[must_use]
    pub const fn new(resources: Resources, ttl: Duration, options: Options) -> Self {
        Self { wanted: Wanted::Lock { resources, ttl }, options, owner: None }
    }

    /// Creates the adoption of a lock that was detached.
    #[must_use]
    pub fn adopting(detached: &DetachedLock, options: Options) -> Self {
        Self { wanted: Wanted::Adoption(detached.clone()), options, owner: None }
    }

    /// Returns the request for [`Locks::acquire`](crate::Locks::acquire), made when it is so late `since_1970`.
    ///
    /// # Errors
    ///
    /// As [`Request::new`] and [`Request::adopting`].
    pub fn request(&self, config: &Config, since_1970: Duration) -> Result<Request, RequestError> {
        let request = match &self.wanted {
            Wanted::Lock { resources, ttl } => Request::new(config, resources.clone(), *ttl, self.options)?,
            Wanted::Adoption(detached) => Request::adopting(config, detached, self.options)?,
        };
        Ok(self.owner.iter().cloned().fold(request, Request::owned_by).at_wall_clock(since_1970))
    }
}

impl fmt::Debug for Acquisition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquisition")
            .field("wanted", &self.wanted)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The setters of an acquisition whose field `acquisition` is an [`Acquisition`], with their documentation.
#[macro_export]
#[doc(hidden)]
macro_rules! acquire_setters {
    () => {
        /// Sets the time budget for all attempts together; 30 seconds unless configured. Zero means one attempt, which takes the
        /// time that it needs.
        #[doc(alias = "timeout")]
        pub fn wait(self, budget: Duration) -> Self {
            let options = self.acquisition.options.wait(budget);
            self.options(options)
        }

        /// Sets the largest number of attempts, in addition to the time budget.
        #[doc(alias("retries", "tries", "retry_count"))]
        pub fn attempts(self, attempts: u32) -> Self {
            let options = self.acquisition.options.attempts(attempts);
            self.options(options)
        }

        /// Sets the random wait between attempts; up to 20 ms at first, never more than 200 ms, unless configured.
        #[doc(alias("backoff", "retry_interval"))]
        pub fn retry_delay(self, delay: RetryDelay) -> Self {
            let options = self.acquisition.options.retry_delay(delay);
            self.options(options)
        }

        /// Sets how much validity must be left when the lock is handed over; any, unless configured.
        pub fn min_validity(self, validity: Duration) -> Self {
            let options = self.acquisition.options.min_validity(validity);
            self.options(options)
        }

        /// Keeps others out for this time after the hand-over, also when the lock is released before; for no time, unless
        /// configured. See [`Options::min_hold`].
        #[doc(alias = "at_least_for")]
        pub fn min_hold(self, hold: Duration) -> Self {
            let options = self.acquisition.options.min_hold(hold);
            self.options(options)
        }

        /// Has the nodes mint a [fence](crate::Lease::fence) for the lock: a number that is larger than those of all holders
        /// before, by which what is protected can refuse one that comes too late. See [`fence`](redlock_core::fence).
        #[doc(alias = "fencing_token")]
        pub fn fenced(self) -> Self {
            let options = self.acquisition.options.fenced(true);
            self.options(options)
        }

        /// Labels the one who wants the lock, in place of that of the handle: others see it beside the lock while that is held,
        /// in [`status`](crate::Redlock::status) and when they are refused. See [`Owner`].
        pub fn owner(mut self, owner: Owner) -> Self {
            self.acquisition.owner = Some(owner);
            self
        }

        /// Keeps the lock alive in the background while it is held; not at all, unless configured. A holder still has to watch
        /// for its loss.
        #[doc(alias("auto_extend", "renew", "watchdog"))]
        pub fn keep_alive(self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
            let options = self.acquisition.options.keep_alive(keep_alive);
            self.options(options)
        }

        pub(crate) fn keep_alive_unless_set(self, keep_alive: KeepAlive) -> Self {
            let options = self.acquisition.options.keep_alive_unless_set(keep_alive);
            self.options(options)
        }

        pub(crate) fn unbounded(self) -> Self {
            let options = self.acquisition.options.unbounded();
            self.options(options)
        }

        /// Sets all of these at once.
        pub fn options(mut self, options: Options) -> Self {
            self.acquisition.options = options;
            self
        }
    };
}
