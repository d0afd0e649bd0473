use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Thread};

use redlock_core::{Instant, LockKey, Locks, Loss, Status};

use crate::platform::Platform;

/// Is called with the loss of a lock, or with `None` when it was released.
pub(super) type Callback = Box<dyn FnOnce(Option<Loss>) + Send>;

/// The threads that wait for a result, and the callbacks that wait for a loss.
#[derive(Default)]
pub(super) struct Waiters {
    /// The threads that do not lead, the oldest first; `None` waits for no lock in particular.
    parked: VecDeque<(Option<LockKey>, Thread)>,
    watchers: Vec<(LockKey, Callback)>,
}

/// Whom to wake when the mutex is free again.
#[derive(Default)]
pub(super) struct Wakes {
    threads: Vec<Thread>,
    callbacks: Vec<(Callback, Option<Loss>)>,
}

impl Waiters {
    /// Notes that this thread is about to park.
    pub(super) fn park(&mut self, key: Option<LockKey>) {
        self.parked.push_back((key, thread::current()));
    }

    /// Notes that this thread does not park any more.
    pub(super) fn leave(&mut self) {
        let me = thread::current().id();
        if let Some(place) = self.parked.iter().position(|(_, thread)| thread.id() == me) {
            self.parked.remove(place);
        }
    }

    /// Returns the thread that has waited for the longest.
    pub(super) fn oldest(&self) -> Option<&Thread> {
        self.parked.front().map(|(_, thread)| thread)
    }

    pub(super) fn watch(&mut self, key: LockKey, callback: Callback) {
        self.watchers.push((key, callback));
    }

    /// Remembers to wake whoever waits for the lock. Returns whether a parked thread does.
    pub(super) fn finish(&mut self, key: LockKey, locks: &mut Locks, wakes: &mut Wakes) -> bool {
        let waiting = self.parked.iter().filter(|(waiting, _)| *waiting == Some(key));
        let before = wakes.threads.len();
        wakes.threads.extend(waiting.map(|(_, thread)| thread.clone()));
        if !self.watchers.is_empty() {
            self.tell_watchers(key, locks, wakes);
        }
        wakes.threads.len() > before
    }

    fn tell_watchers(&mut self, key: LockKey, locks: &mut Locks, wakes: &mut Wakes) {
        // The present does not matter: the lock has looked at the clock already.
        let status = locks.status(key, Instant::EPOCH);
        if matches!(status, Status::Held { .. }) {
            return;
        }
        let loss = status.loss();
        while let Some(place) = self.watchers.iter().position(|(watched, _)| *watched == key) {
            wakes.callbacks.push((self.watchers.swap_remove(place).1, loss.clone()));
        }
    }

    /// Remembers to wake those who wait for no lock in particular.
    pub(super) fn finish_others(&self, wakes: &mut Wakes) {
        let waiting = self.parked.iter().filter(|(key, _)| key.is_none());
        wakes.threads.extend(waiting.map(|(_, thread)| thread.clone()));
    }

    /// Remembers to wake all threads that wait.
    pub(super) fn wake_all(&self, wakes: &mut Wakes) {
        wakes.threads.extend(self.parked.iter().map(|(_, thread)| thread.clone()));
    }
}

impl Wakes {
    pub(super) fn push(&mut self, thread: Thread) {
        self.threads.push(thread);
    }

    pub(super) fn wake(self, platform: &dyn Platform) {
        self.threads.iter().for_each(|thread| platform.unpark(thread));
        for (callback, loss) in self.callbacks {
            // This thread has work of others to do.
            let _ = catch_unwind(AssertUnwindSafe(|| callback(loss)));
        }
    }
}
