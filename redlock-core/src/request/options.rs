use core::time::Duration;

#[cfg(doc)]
use super::Request;
use crate::KeepAlive;
#[cfg(doc)]
use crate::fence::Fence;
use crate::span::Span;

/// The options of one acquisition: how hard to try.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::Options;
///
/// let patient = Options::new().wait(Duration::from_secs(120));
/// let once = Options::new().attempts(1);
/// # assert_ne!(patient, once);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Options {
    pub(crate) wait: Span,
    pub(crate) attempts: Option<u32>,
    pub(crate) retry_delay: RetryDelay,
    pub(crate) min_validity: Span,
    pub(crate) min_hold: Span,
    pub(crate) is_fenced: bool,
    keep_alive: Wanted,
}

/// How somebody wants a lock to be kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wanted {
    /// Nothing was said, which is not at all unless an adapter has a reason.
    Unsaid,
    Said(Option<KeepAlive>),
}

impl Options {
    /// Creates the defaults: [`DEFAULT_WAIT`], any number of attempts, [`RetryDelay::DEFAULT`], any validity, and no
    /// extension but those that are asked for.
    pub const fn new() -> Self {
        Self {
            wait: Span::of(DEFAULT_WAIT),
            attempts: None,
            retry_delay: RetryDelay::DEFAULT,
            min_validity: Span::ZERO,
            min_hold: Span::ZERO,
            is_fenced: false,
            keep_alive: Wanted::Unsaid,
        }
    }

    /// Sets the time budget: no attempt goes on for longer than this after the first one began. A budget of zero means one
    /// attempt, which takes the time that it needs.
    pub const fn wait(mut self, budget: Duration) -> Self {
        self.wait = Span::of(budget);
        self
    }

    /// Sets the largest number of attempts, in addition to the time budget. Such a request tries now and then, and does not
    /// stand in the wait queue of a node; 1 means not to wait at all, neither for another
    /// attempt nor for others of the same handle.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Sets the random wait between attempts. Who stands in the wait queue of a node asks again after up to its
    /// [`max`](RetryDelay::max), in case that nobody calls.
    pub const fn retry_delay(mut self, delay: RetryDelay) -> Self {
        self.retry_delay = delay;
        self
    }

    /// Sets how much validity must be left when the lock is handed over; one that has less is given back and tried
    /// again.
    pub const fn min_validity(mut self, validity: Duration) -> Self {
        self.min_validity = Span::of(validity);
        self
    }

    /// Sets for how long nobody else gets the lock after the hand-over, also when it is released before: its keys stay until
    /// then. For jobs that are to run once in a while on machines whose clocks differ.
    pub const fn min_hold(mut self, hold: Duration) -> Self {
        self.min_hold = Span::of(hold);
        self
    }

    /// Sets whether the lock is fenced: then its holder gets a [`Fence`] that is larger than those of all
    /// before, by which a store can refuse a holder that is late.
    pub const fn fenced(mut self, is_fenced: bool) -> Self {
        self.is_fenced = is_fenced;
        self
    }

    /// Returns whether the lock is fenced.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        self.is_fenced
    }

    /// Sets how the lock is kept alive by [`Locks`](crate::Locks) after the hand-over; `None` for not at all.
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = Wanted::Said(keep_alive.into());
        self
    }

    pub(crate) const fn kept_alive(&self) -> Option<KeepAlive> {
        match self.keep_alive {
            Wanted::Unsaid => None,
            Wanted::Said(keep_alive) => keep_alive,
        }
    }
}

#[cfg(feature = "system")]
impl Options {
    /// Sets how the lock is kept alive unless that is set, for adapters.
    pub fn keep_alive_unless_set(self, keep_alive: KeepAlive) -> Self {
        if self.keep_alive == Wanted::Unsaid { self.keep_alive(keep_alive) } else { self }
    }

    /// Lifts the bounds on time and attempts, for adapters.
    pub const fn unbounded(self) -> Self {
        Self { attempts: None, ..self.wait(Duration::MAX) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// The time budget of an acquisition unless [`Options::wait`] sets another: 30 seconds.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The cap of the random wait between two attempts: it begins at `base` and doubles up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryDelay {
    base: Span,
    max: Span,
}

impl RetryDelay {
    /// Up to 20 ms before the second attempt, and never more than 200 ms.
    ///
    /// 200 ms is the retry delay of the reference implementations; the shorter begin serves locks that are held for
    /// milliseconds only.
    pub const DEFAULT: Self = Self::new(Duration::from_millis(20), Duration::from_millis(200));

    /// Creates a delay from `base` up to `max`. [`Request::new`] checks that `base` is at least 1 ms and `max` not
    /// below it.
    #[must_use]
    pub const fn new(base: Duration, max: Duration) -> Self {
        Self { base: Span::of(base), max: Span::of(max) }
    }

    /// Returns the cap before the second attempt.
    #[must_use]
    pub const fn base(self) -> Duration {
        self.base.get()
    }

    /// Returns the highest cap.
    #[must_use]
    pub const fn max(self) -> Duration {
        self.max.get()
    }
}

impl Default for RetryDelay {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The shortest cap of a wait between attempts: below it contenders would only busy the nodes.
pub const MIN_RETRY_DELAY: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let options = Options::default();
        assert_eq!(options.wait.get(), Duration::from_secs(30));
        assert_eq!(options.attempts, None);
        assert_eq!(options.min_validity, Span::ZERO);
        let delay = RetryDelay::new(Duration::from_millis(20), Duration::from_millis(200));
        assert_eq!(options.retry_delay, delay);
    }
}
