use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redlock_core::{NodeId, Unavailable};

use crate::Connection;
use crate::lock_key::LockKey;

/// What whoever works on a lane is to do besides, brought by somebody who must not wait for the lane.
pub(crate) enum Letter {
    /// A guard was dropped.
    Abandoned(LockKey),
    /// A connection was made.
    Opened(NodeId, Box<dyn Connection>),
    /// A try to connect has failed.
    Refused(NodeId, Unavailable),
}

/// The letters to a lane.
#[derive(Default)]
pub(crate) struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    came: Condvar,
}

impl Mailbox {
    pub(crate) fn post(&self, letter: Letter) {
        self.letters().push(letter);
        self.came.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.letters())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.letters().is_empty()
    }

    /// Waits until there is a letter, for at most `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) {
        let nothing = |letters: &mut Vec<Letter>| letters.is_empty();
        // Whether it was a letter or the timeout is seen by looking.
        drop(self.came.wait_timeout_while(self.letters(), timeout, nothing));
    }

    fn letters(&self) -> MutexGuard<'_, Vec<Letter>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
