use std::task::Waker;

use redlock_core::{Event, Lock};

use super::LockKey;
use super::timers::Alarm;
use super::wakes::Wakes;

/// One lock with those who wait for it.
pub(super) struct Entry {
    pub(super) serial: u64,
    pub(super) lock: Lock,
    pub(super) alarm: Alarm,
    /// A future or a guard stands for this lock.
    pub(super) owned: bool,
    /// The end of the operation that was begun last.
    pub(super) answer: Option<Event>,
    /// The task that waits for the answer.
    pub(super) caller: Option<Waker>,
    /// The tasks that wait for the loss.
    pub(super) watchers: Vec<Waker>,
}

impl Entry {
    pub(super) fn new(lock: Lock, serial: u64) -> Self {
        Self { serial, lock, alarm: Alarm::default(), owned: true, answer: None, caller: None, watchers: Vec::new() }
    }

    pub(super) fn key_at(&self, index: usize) -> LockKey {
        LockKey { serial: self.serial, index }
    }

    /// Wakes whom the event concerns. A loss can be seen in the lock; the end of an operation is kept for the caller.
    pub(super) fn handle_event(&mut self, event: Event, wakes: &mut Wakes) {
        if !matches!(event, Event::Lost(_)) {
            self.answer = Some(event);
            wakes.take_from(&mut self.caller);
        }
        if self.lock.loss().is_some() || self.lock.deadline().is_none() {
            wakes.take_all_from(&mut self.watchers);
        }
    }

    /// Whether a node may keep a key of a lock that nobody holds any more.
    pub(super) fn is_unsettled(&self) -> bool {
        self.lock.deadline().is_none() && !self.lock.is_settled()
    }
}
