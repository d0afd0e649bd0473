use core::time::Duration;

use crate::RequestError;
use crate::span::Span;

/// The shortest time from one extension to the next.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// How a lock is kept alive: it is extended by its TTL again and again in the background, as long as it is held.
///
/// The lock is lost as soon as that does not succeed in time: at its deadline, whatever the nodes do. So a holder that
/// keeps a lock alive still has to watch for the loss.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::{KeepAlive, Options};
///
/// // An hour at most, whatever the holder does.
/// let options = Options::new().keep_alive(KeepAlive::up_to(Duration::from_secs(3_600)));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[doc(alias("auto_extend", "renew", "watchdog"))]
pub struct KeepAlive {
    interval: Option<Span>,
    max_hold: Option<Span>,
}

impl KeepAlive {
    /// Keeps a lock alive for this time at most, counted from the hand-over: its deadline is never later. Then it is lost,
    /// and released.
    ///
    /// A holder that hangs while its process lives does not keep everybody else out for ever.
    pub const fn up_to(max_hold: Duration) -> Self {
        Self { interval: None, max_hold: Some(Span::of(max_hold)) }
    }

    /// Keeps a lock alive until it is released. A holder that hangs keeps everybody else out for as long as its process
    /// lives.
    pub const fn while_held() -> Self {
        Self { interval: None, max_hold: None }
    }

    /// Sets the time from one extension to the next; a third of the TTL unless set. At most half of the TTL, so that there
    /// are two tries before the deadline.
    ///
    /// An extension may begin up to a 512th of this time earlier, together with those of other locks. One that was not confirmed is tried again sooner.
    pub const fn every(mut self, interval: Duration) -> Self {
        self.interval = Some(Span::of(interval));
        self
    }

    /// Returns the longest time for which a lock is kept alive; `None` for as long as it is held.
    #[must_use]
    pub const fn max_hold(self) -> Option<Duration> {
        match self.max_hold {
            Some(max_hold) => Some(max_hold.get()),
            None => None,
        }
    }

    pub(crate) fn interval(self, ttl: Duration) -> Duration {
        self.interval.map_or_else(|| ttl.checked_div(3).unwrap_or(ttl).max(MIN_INTERVAL), Span::get)
    }

    /// Checks whether a lock of this TTL can be kept alive so, of which so much validity is to be left at the hand-over.
    pub(crate) fn check(self, ttl: Duration, min_validity: Duration) -> Result<(), RequestError> {
        let interval = self.interval(ttl);
        if interval < MIN_INTERVAL || interval.saturating_mul(2) > ttl {
            return Err(RequestError::KeepAliveInterval { interval, ttl });
        }
        if self.max_hold == Some(Span::ZERO) {
            return Err(RequestError::NoHold);
        }
        match self.max_hold() {
            Some(max_hold) if max_hold <= min_validity => Err(RequestError::HoldTooShort { max_hold, min_validity }),
            _ => Ok(()),
        }
    }
}
