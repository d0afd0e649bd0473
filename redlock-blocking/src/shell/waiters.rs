use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Thread};

use redlock_core::{Instant, LockKey, Locks, Loss};

/// Is called when a lock is held no longer, with the reason.
pub(crate) type Callback = Box<dyn FnOnce(Loss) + Send>;

/// The threads that wait for a result, and the callbacks that wait for a loss.
#[derive(Default)]
pub(super) struct Waiters {
    /// The threads that do not lead, the oldest first; `None` waits for no lock in particular.
    parked: VecDeque<(Option<LockKey>, Thread)>,
    watchers: Vec<(LockKey, Callback)>,
    /// Whom to wake when the mutex is free again.
    pub(super) wakes: Wakes,
}

/// Those who are to be woken.
#[derive(Default)]
pub(super) struct Wakes {
    pub(super) threads: Vec<Thread>,
    pub(super) callbacks: Vec<(Callback, Loss)>,
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

    pub(super) fn watch(&mut self, key: LockKey, callback: Callback) {
        self.watchers.push((key, callback));
    }

    /// Remembers to wake whoever waits for the lock. Returns whether a parked thread does.
    pub(super) fn finish(&mut self, key: LockKey, locks: &mut Locks) -> bool {
        if !self.watchers.is_empty() {
            self.tell_watchers(key, locks);
        }
        self.wake_those(|waiting| waiting == Some(key))
    }

    fn tell_watchers(&mut self, key: LockKey, locks: &mut Locks) {
        // The present does not matter: the lock has looked at the clock already.
        if let Err(loss) = locks.check(key, Instant::EPOCH) {
            let told = self.watchers.extract_if(.., |(watched, _)| *watched == key);
            self.wakes.callbacks.extend(told.map(|(_, callback)| (callback, loss.clone())));
        }
    }

    /// Remembers to wake the parked threads that wait for one of these. Returns whether there are any.
    pub(super) fn wake_those(&mut self, is_concerned: impl Fn(Option<LockKey>) -> bool) -> bool {
        let before = self.wakes.threads.len();
        let concerned = self.parked.iter().filter(|(waiting, _)| is_concerned(*waiting));
        self.wakes.threads.extend(concerned.map(|(_, thread)| thread.clone()));
        self.wakes.threads.len() > before
    }

    /// Remembers to wake the thread that has been parked for the longest. Returns whether there is one.
    pub(super) fn wake_oldest(&mut self) -> bool {
        let oldest = self.parked.front();
        self.wakes.threads.extend(oldest.map(|(_, thread)| thread.clone()));
        oldest.is_some()
    }
}

impl Wakes {
    /// Returns whether somebody is to be called.
    pub(super) const fn has_calls(&self) -> bool {
        !self.callbacks.is_empty()
    }
}

/// Calls whoever waits for a loss. This thread has work of others to do, so a panic is caught.
pub(super) fn call(callback: Callback, loss: Loss) {
    let _ = catch_unwind(AssertUnwindSafe(|| callback(loss)));
}
