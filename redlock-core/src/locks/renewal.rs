use core::time::Duration;

use crate::output::Context;
use crate::{Event, Instant, LockMachine, OperationId, Request};

/// The shortest wait before an extension that was not confirmed is tried again.
const MIN_RETRY: Duration = Duration::from_millis(10);

/// Keeps one lock that is held alive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Renewal {
    /// When the next extension begins, unless one is under way.
    next_at: Instant,
    /// The extension that is under way.
    under_way: Option<OperationId>,
}

impl Renewal {
    /// Begins with the hand-over of a lock, if it is to be kept alive. The interval counts from the same moment as the validity, so
    /// that one that is handed over late is extended in time.
    pub(super) fn begin(request: &Request, won_since: Instant) -> Option<Self> {
        Some(Self { next_at: after(interval(request)?, won_since), under_way: None })
    }

    /// Returns whether an extension is to begin.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| now >= at)
    }

    /// Begins the next extension of a lock that is held.
    pub(super) fn extend(&mut self, lock: &mut LockMachine, context: &mut Context<'_>, now: Instant) {
        if let Some(interval) = interval(lock.request()) {
            self.next_at = after(interval, now);
            self.under_way = lock.extend(context, lock.request().ttl.get(), now).ok();
        }
    }

    /// Takes the end of an extension, if it is one of this renewal.
    pub(super) fn take(&mut self, event: &Event, lock: &LockMachine, now: Instant) -> bool {
        let (operation, has_failed) = match event {
            Event::Extended { operation, .. } => (*operation, false),
            Event::ExtendFailed { operation, .. } => (*operation, true),
            _ => return false,
        };
        if self.under_way != Some(operation) {
            return false;
        }
        self.under_way = None;
        if has_failed {
            let remaining = lock.deadline().unwrap_or(now).saturating_since(now);
            self.next_at =
                self.next_at.min(now.saturating_add(remaining.checked_div(4).unwrap_or(remaining).max(MIN_RETRY)));
        }
        true
    }

    /// Returns whether no extension is under way.
    pub(super) const fn is_at_rest(&self) -> bool {
        self.under_way.is_none()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.is_at_rest().then_some(self.next_at)
    }
}

/// Returns when an extension is due that is to follow in `interval`: up to a 512th of that earlier.
///
/// So those of many locks are due at the same moment, and go out together. Then what one extension needs from memory the
/// next one finds there still, and nodes are told of many at once.
fn after(interval: Duration, now: Instant) -> Instant {
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    now.saturating_add(interval).rounded_down(nanos.ilog2().saturating_sub(9))
}

/// Returns the time from one extension of a lock to the next, if it is to be kept alive.
fn interval(request: &Request) -> Option<Duration> {
    request.options.kept_alive().map(|keep_alive| keep_alive.interval(request.ttl.get()))
}

/// Returns how much of the validity of a lock that is kept alive must be left when an extension is confirmed: with less, it
/// has come late.
pub(super) fn least_left(request: &Request) -> Option<Duration> {
    let longest = request.ttl.get().saturating_sub(interval(request)?);
    Some(longest.checked_div(2).unwrap_or(longest))
}
