use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::lock::{Mutex as Turn, MutexGuard as MyTurn};
use redlock_cache::Weigh;
use redlock_core::{ExtendError, Instant, OperationId};

use crate::shell::HELD_LOCK_BYTES;
use crate::{LockGuard, Runtime};

/// What a cache keeps for a lock that is held by name: a handle to its guard. Clones are the same lock, which is
/// released when the last one is dropped.
pub struct HeldLock<R: Runtime>(Arc<Shared<R>>);

struct Shared<R: Runtime> {
    /// Whoever has it extends; there are never two of them.
    turn: Turn<()>,
    state: Mutex<State<R>>,
    /// Until then it may be kept alive.
    until: Option<Instant>,
    weight: usize,
}

struct State<R: Runtime> {
    /// Gone when the lock is being released.
    guard: Option<LockGuard<R>>,
    /// The task that waits for an extension.
    extending: Option<Waker>,
}

impl<R: Runtime> HeldLock<R> {
    pub(super) fn new(guard: LockGuard<R>, until: Option<Instant>) -> Self {
        let names = guard.resources().as_slice().iter().map(|name| name.as_bytes().len()).sum();
        let weight = size_of::<Shared<R>>().saturating_add(HELD_LOCK_BYTES).saturating_add(names);
        let state = Mutex::new(State { guard: Some(guard), extending: None });
        Self(Arc::new(Shared { turn: Turn::new(()), state, until, weight }))
    }

    /// The end of the lock's validity; `None` when it is being released.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state().guard.as_ref().map(|guard| guard.deadline())
    }

    /// The moment until which the cache keeps it; `None` when it is being released.
    pub(super) fn stays_until(&self) -> Option<Instant> {
        Some(self.deadline()?.max(self.0.until.unwrap_or_default()))
    }

    /// Waits until nobody else extends.
    pub(super) async fn turn(&self) -> MyTurn<'_, ()> {
        self.0.turn.lock().await
    }

    /// Extends the lock. `None` when it is being released, or is to be released while this waits.
    pub(super) async fn extend(&self, _turn: &MyTurn<'_, ()>, ttl: Duration) -> Option<Result<Instant, ExtendError>> {
        let begun = self.state().guard.as_ref()?.begin_extension(ttl);
        match begun {
            Ok(extension) => poll_fn(|context| self.poll_extension(extension, context)).await,
            Err(error) => Some(Err(error)),
        }
    }

    fn poll_extension(
        &self,
        extension: OperationId,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Instant, ExtendError>>> {
        let mut state = self.state();
        let Some(guard) = &state.guard else { return Poll::Ready(None) };
        let extended = guard.poll_extension(extension, context);
        if extended.is_pending() {
            state.extending = Some(context.waker().clone());
        }
        extended.map(Some)
    }

    /// Takes the guard out, to release it; an extension that is under way ends with that. One caller gets it.
    pub(super) fn take(&self) -> Option<LockGuard<R>> {
        let mut state = self.state();
        let (guard, extending) = (state.guard.take(), state.extending.take());
        drop(state);
        extending.into_iter().for_each(Waker::wake);
        guard
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Runtime> Weigh for HeldLock<R> {
    /// What the lock takes in the shell and in here, at most.
    fn weight(&self) -> usize {
        self.0.weight
    }
}

impl<R: Runtime> Clone for HeldLock<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Runtime> fmt::Debug for HeldLock<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLock").field("guard", &self.state().guard).finish_non_exhaustive()
    }
}
