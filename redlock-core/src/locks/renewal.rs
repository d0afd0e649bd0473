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
    /// Begins with the hand-over of a lock, if it is to be kept alive.
    pub(super) fn begin(request: &Request, now: Instant) -> Option<Self> {
        Some(Self { next_at: now.saturating_add(interval(request)?), under_way: None })
    }

    /// Does what is due with a lock that is held.
    pub(super) fn drive(&mut self, lock: &mut LockMachine, context: &mut Context<'_>, now: Instant) {
        if self.under_way.is_none()
            && now >= self.next_at
            && let Some(interval) = interval(lock.request())
        {
            self.next_at = now.saturating_add(interval);
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

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.under_way.is_none().then_some(self.next_at)
    }
}

/// Returns the time from one extension of a lock to the next, if it is to be kept alive.
fn interval(request: &Request) -> Option<Duration> {
    request.options.keep_alive.map(|keep_alive| keep_alive.interval(request.ttl.get()))
}

/// Returns how much of the validity of a lock that is kept alive must be left when an extension is confirmed: with less, it
/// has come late.
pub(super) fn least_left(request: &Request) -> Option<Duration> {
    let longest = request.ttl.get().saturating_sub(interval(request)?);
    Some(longest.checked_div(2).unwrap_or(longest))
}
