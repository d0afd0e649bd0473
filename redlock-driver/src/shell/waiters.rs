use std::task::{Context, Waker};

use redlock_core::LockKey;
use smallvec::SmallVec;

use super::wakes::Wakes;

/// The tasks that wait for locks: for the end of an operation or for the loss.
#[derive(Default)]
pub(super) struct Waiters {
    places: Vec<Waiting>,
    /// The number of the last one that has begun to wait for a loss.
    last: u64,
}

/// Names one that waits for a loss, as long as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatcherId(u64);

/// Those that wait for one lock, at the place that its key has.
#[derive(Default)]
struct Waiting {
    /// The number of the lock. Where nobody waits it says nothing.
    number: u64,
    caller: Option<Waker>,
    /// Few holders wait for the loss of their locks, and many locks are held.
    watchers: Option<Box<Watchers>>,
}

type Watchers = SmallVec<[(WatcherId, Waker); 1]>;

/// The bytes that each place takes.
#[cfg(feature = "cache")]
pub(super) const PLACE_BYTES: usize = size_of::<Waiting>();

impl Waiters {
    /// Makes the end of the lock's operation wake the task of `context`, and no other.
    pub(super) fn wait(&mut self, key: LockKey, context: &Context<'_>, wakes: &mut Wakes) {
        let caller = &mut self.place(key, wakes).caller;
        wakes.register(caller, context);
    }

    /// Forgets who waits for the end of the lock's operation. The waker is to be dropped when the state is unlocked.
    pub(super) fn forget_caller(&mut self, key: LockKey) -> Option<Waker> {
        self.find(key)?.caller.take()
    }

    /// Makes the loss of the lock wake the task of `context`, among others.
    pub(super) fn watch(&mut self, key: LockKey, id: &mut Option<WatcherId>, context: &Context<'_>, wakes: &mut Wakes) {
        let id = *id.get_or_insert_with(|| {
            self.last = self.last.wrapping_add(1);
            WatcherId(self.last)
        });
        let watchers = self.place(key, wakes).watchers.get_or_insert_default();
        match watchers.iter_mut().find(|(watcher, _)| *watcher == id) {
            Some((_, theirs)) => wakes.renew(theirs, context),
            None => watchers.push((id, context.waker().clone())),
        }
    }

    /// Forgets one that waits for the loss of the lock. The waker is to be dropped when the state is unlocked.
    pub(super) fn forget_watcher(&mut self, key: LockKey, id: WatcherId) -> Option<Waker> {
        let watchers = self.find(key)?.watchers.as_mut()?;
        let place = watchers.iter().position(|(watcher, _)| *watcher == id)?;
        Some(watchers.swap_remove(place).1)
    }

    /// Remembers to wake all who wait for the lock.
    pub(super) fn take(&mut self, key: LockKey, wakes: &mut Wakes) {
        if let Some(waiting) = self.find(key) {
            waiting.wake(wakes);
        }
    }

    /// Remembers to wake all who wait for any lock.
    pub(super) fn take_all(&mut self, wakes: &mut Wakes) {
        self.places.iter_mut().for_each(|waiting| waiting.wake(wakes));
    }

    fn find(&mut self, key: LockKey) -> Option<&mut Waiting> {
        self.places.get_mut(key.index()).filter(|waiting| waiting.number == key.number())
    }

    fn place(&mut self, key: LockKey, wakes: &mut Wakes) -> &mut Waiting {
        if self.places.len() <= key.index() {
            self.places.resize_with(key.index().saturating_add(1), Waiting::default);
        }
        let waiting = &mut self.places[key.index()];
        if waiting.number != key.number() {
            // Nobody waits for a lock that is gone: whoever is found here looks in vain.
            waiting.wake(wakes);
            waiting.number = key.number();
        }
        waiting
    }
}

impl Waiting {
    fn wake(&mut self, wakes: &mut Wakes) {
        wakes.take_from(&mut self.caller);
        if let Some(watchers) = self.watchers.take() {
            wakes.extend(watchers.into_iter().map(|(_, waker)| waker));
        }
    }
}
