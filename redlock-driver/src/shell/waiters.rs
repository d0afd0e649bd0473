use std::task::{Context, Waker};

use redlock_core::LockKey;
use smallvec::SmallVec;

use super::wakes::{Wakes, register, register_in};

/// The tasks that wait for locks: for the end of an operation or for the loss.
#[derive(Default)]
pub(super) struct Waiters(Vec<Waiting>);

/// Those that wait for one lock, at the place that its key has.
#[derive(Default)]
struct Waiting {
    /// The number of the lock. Where nobody waits it says nothing.
    number: u64,
    caller: Option<Waker>,
    /// Few holders wait for the loss of their locks, and many locks are held.
    watchers: Option<Box<SmallVec<[Waker; 1]>>>,
}

/// The bytes that each place takes.
#[cfg(feature = "cache")]
pub(super) const PLACE_BYTES: usize = size_of::<Waiting>();

impl Waiters {
    /// Makes the end of the lock's operation wake the task of `context`, and no other.
    pub(super) fn wait(&mut self, key: LockKey, context: &Context<'_>) {
        register(&mut self.place(key).caller, context);
    }

    /// Makes the loss of the lock wake the task of `context`, among others.
    pub(super) fn watch(&mut self, key: LockKey, context: &Context<'_>) {
        register_in(&mut **self.place(key).watchers.get_or_insert_default(), context);
    }

    /// Remembers to wake all who wait for the lock.
    pub(super) fn take(&mut self, key: LockKey, wakes: &mut Wakes) {
        if let Some(waiting) = self.0.get_mut(key.index()).filter(|waiting| waiting.number == key.number()) {
            waiting.wake(wakes);
        }
    }

    /// Remembers to wake all who wait for any lock.
    pub(super) fn take_all(&mut self, wakes: &mut Wakes) {
        self.0.iter_mut().for_each(|waiting| waiting.wake(wakes));
    }

    fn place(&mut self, key: LockKey) -> &mut Waiting {
        if self.0.len() <= key.index() {
            self.0.resize_with(key.index().saturating_add(1), Waiting::default);
        }
        let waiting = &mut self.0[key.index()];
        if waiting.number != key.number() {
            // Nobody waits for a lock that is gone.
            *waiting = Waiting { number: key.number(), ..Waiting::default() };
        }
        waiting
    }
}

impl Waiting {
    fn wake(&mut self, wakes: &mut Wakes) {
        wakes.take_from(&mut self.caller);
        if let Some(watchers) = self.watchers.take() {
            wakes.extend(*watchers);
        }
    }
}
