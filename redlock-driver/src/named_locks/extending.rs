use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlock_cache::{Entry, HeldLocks, NamedExtendError, NotHeld};
use redlock_core::{Instant, Locks, OperationId};

use super::HeldLock;
use super::turn::Extended;
use crate::shell::WatcherId;
use crate::{Lease, LockGuard, Runtime};

/// An extension by name: a future that waits for its turn first. It may be kept without being polled, and holds nobody up by
/// that.
pub(super) struct Extending<'a, R: Runtime> {
    extension: Extension<'a, R>,
    /// Its name among those who wait, when it has begun to.
    watcher: Option<WatcherId>,
}

struct Extension<'a, R: Runtime> {
    locks: &'a HeldLocks<LockGuard<R>>,
    name: &'a [u8],
    found: &'a Entry<HeldLock<R>>,
    ttl: Duration,
    /// Its name in the shell, when it has begun and is not over.
    operation: Option<OperationId>,
}

impl<'a, R: Runtime> Extending<'a, R> {
    /// Creates the extension of a lock that was found by its name.
    pub(super) const fn new(
        locks: &'a HeldLocks<LockGuard<R>>,
        name: &'a [u8],
        found: &'a Entry<HeldLock<R>>,
        ttl: Duration,
    ) -> Self {
        Self { extension: Extension { locks, name, found, ttl, operation: None }, watcher: None }
    }
}

impl<R: Runtime> Future for Extending<'_, R> {
    type Output = Result<Duration, NamedExtendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { extension, watcher } = self.get_mut();
        let held = &extension.found.value;
        let Lease { handle, key, .. } = held.lease();
        let mut go_on = || {
            let shell = handle.attended_or_refused();
            shell.poll_watching(*key, watcher, context, |locks, now| extension.step(locks, now))
        };
        let mut poll = go_on();
        if poll.is_pending() && !handle.shell().has_task() {
            poll = go_on();
        }
        match poll {
            Poll::Pending if held.has_left() => Poll::Ready(Err(NotHeld::new(extension.name).into())),
            poll => poll,
        }
    }
}

impl<R: Runtime> Extension<'_, R> {
    /// Goes on as far as that is possible. The cache is told in the same step, so that nobody tells it what is out of date.
    fn step(&mut self, locks: &mut Locks, now: Instant) -> Poll<Result<Duration, NamedExtendError>> {
        let extended = self.extend(locks, now);
        let latest = self.found.value.turn().latest_deadline(locks, self.found.value.lease().key);
        let is_kept = self.locks.keep_until(self.name, self.found, latest);
        let result = |extended| HeldLocks::<LockGuard<R>>::extended(self.name, is_kept, extended, now);
        extended.map_or(Poll::Pending, |extended| Poll::Ready(result(extended)))
    }

    fn extend(&mut self, locks: &mut Locks, now: Instant) -> Option<Extended> {
        let (turn, key) = (self.found.value.turn(), self.found.value.lease().key);
        let operation = match self.operation {
            Some(operation) => operation,
            None => match turn.begin(locks, key, self.ttl, now)? {
                Ok(operation) => *self.operation.insert(operation),
                Err(error) => return Some(Err(error)),
            },
        };
        let extended = turn.take(locks, key, operation)?;
        self.operation = None;
        Some(extended)
    }
}

impl<R: Runtime> Drop for Extending<'_, R> {
    fn drop(&mut self) {
        let Extension { locks, name, found, operation, .. } = self.extension;
        let Lease { handle, key, .. } = found.value.lease();
        let shell = handle.shell();
        if let Some(watcher) = self.watcher {
            shell.forget_watcher(*key, watcher);
        }
        if let Some(operation) = operation {
            found.value.turn().forget(operation);
            locks.give_up_extension(name, found, shell.now());
        }
    }
}
