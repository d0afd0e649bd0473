use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::lock::{Mutex, MutexGuard};
use futures_util::task::AtomicWaker;
use redlock_core::{ExtendError, Instant};

use super::HeldLock;
use crate::Runtime;

/// The turns in which a lock is extended that is held by name.
#[derive(Debug, Default)]
pub struct Turn {
    extending: Mutex<()>,
    /// The task that waits for an extension.
    waiting: AtomicWaker,
}

/// The turn of one who extends; there are never two of them.
pub(super) struct MyTurn<'a> {
    turn: &'a Turn,
    _mine: MutexGuard<'a, ()>,
}

impl Turn {
    /// Waits until nobody else extends.
    pub(super) async fn begin(&self) -> MyTurn<'_> {
        MyTurn { turn: self, _mine: self.extending.lock().await }
    }

    /// Ends the extension that is under way: the guard is being released.
    pub(super) fn end(&self) {
        self.waiting.wake();
    }
}

impl MyTurn<'_> {
    /// Extends the lock. [`ExtendError::NotHeld`] when it is being released, or is to be released while this waits.
    pub(super) async fn extend<R: Runtime>(self, held: &HeldLock<R>, ttl: Duration) -> Result<Instant, ExtendError> {
        let extension = held.lease().begin_extension(ttl)?;
        poll_fn(|context| {
            self.turn.waiting.register(context.waker());
            match held.lease().poll_extension(extension, context) {
                Poll::Pending if held.has_left() => Poll::Ready(Err(ExtendError::NotHeld)),
                poll => poll,
            }
        })
        .await
    }
}
