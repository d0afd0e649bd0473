use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The turns in which a lock is extended that is held by name.
#[derive(Debug, Default)]
pub struct Turn {
    /// The thread that extends.
    extending: Mutex<Option<ThreadId>>,
    is_over: Condvar,
}

/// The turn of one who extends; it ends when this is dropped.
pub(super) struct MyTurn<'a>(&'a Turn);

impl Turn {
    /// Waits until no other thread extends. `None` for the thread that does so already, and was called back meanwhile: it must not
    /// wait for itself.
    pub(super) fn begin(&self) -> Option<MyTurn<'_>> {
        let me = thread::current().id();
        let mut extending = self.extending();
        if *extending == Some(me) {
            return None;
        }
        while extending.is_some() {
            extending = self.is_over.wait(extending).unwrap_or_else(PoisonError::into_inner);
        }
        *extending = Some(me);
        Some(MyTurn(self))
    }

    fn extending(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.extending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MyTurn<'_> {
    fn drop(&mut self) {
        *self.0.extending() = None;
        self.0.is_over.notify_one();
    }
}
