//! Who of one handle asks for a resource next.

use super::turns::Place;
use super::{LockKey, Locks};
use crate::{Instant, Resources};

impl Locks {
    /// Lets those make way that are giving one of the resources back, if they are alone: nobody waits who could be
    /// overtaken, so that need not be heard of first.
    pub(super) fn make_room(&mut self, resources: &Resources, now: Instant) {
        let homes = self.config.nodes();
        for key in self.queues.alone(resources) {
            self.note_unheard(key, now);
            self.update(key, now, |lock, _| lock.expect_no_word(homes));
        }
    }

    /// Lets those ask in turn who come on when a lock of several resources makes way for one of them: the homes of the others
    /// may have called somebody up, and have not said so.
    fn note_unheard(&mut self, key: LockKey, now: Instant) {
        let Some(lock) = self.lock(key).filter(|lock| lock.makes_way_at().is_some()) else { return };
        for resource in lock.resources().clone().as_slice() {
            if self.queues.has_others(&Resources::one(resource.clone())) {
                self.contention.note(resource, now);
            }
        }
    }

    /// Puts a lock at the end of the line for its resources; it begins if it is the first.
    pub(super) fn stand_in_line(&mut self, key: LockKey, now: Instant) {
        let Self { entries, queues, .. } = self;
        let is_first = entries.get(key.index).is_some_and(|entry| queues.join(entry.lock.resources(), key, now));
        if is_first {
            self.begin_at_head(key, true, now);
        } else {
            self.note_waiter(key);
            self.step(key, now, |lock, context| lock.wait_in_line(context, now));
        }
        self.deliver(now);
    }

    /// Lets a lock begin that is at the head of all its queues. While this handle is subscribing, in order to wait behind
    /// others, and when it has had one of the resources for long and others have no queue, those get a chance first.
    ///
    /// For a queue that `is_new` nobody has had the resource before.
    fn begin_at_head(&mut self, key: LockKey, is_new: bool, now: Instant) {
        match self.place_at_head(key, now) {
            Place::Turn(turn) => self.step(key, now, |lock, context| lock.begin_in_turn(context, turn, now)),
            Place::Unheard => self.step(key, now, |lock, context| lock.begin_later(context, now)),
            Place::None if !is_new && self.is_break_due(key, now) => {
                self.step(key, now, |lock, context| lock.begin_later(context, now))
            }
            Place::None => self.step(key, now, |lock, context| lock.begin(context, now)),
        };
    }

    /// Makes sure that those make way in time whom a lock waits for.
    fn note_waiter(&mut self, key: LockKey) {
        let firsts = self.lock(key).map(|lock| self.queues.firsts(lock.resources())).unwrap_or_default();
        for first in firsts {
            if let Some(entry) = self.entry(first) {
                entry.note_waiter();
                self.set_timer(first);
            }
        }
    }

    /// Lets a lock begin that has come to the head of a queue, if it is at the head of all its queues.
    pub(super) fn come_on(&mut self, key: LockKey, now: Instant) {
        if self.is_closed || !self.is_first(key) {
            return;
        }
        if let Some(entry) = self.entry(key) {
            entry.note_waiter();
        }
        // It may have to give up instead, and then it is somebody else's turn.
        self.step(key, now, |lock, context| lock.handle_timeout(context, now));
        self.begin_at_head(key, false, now);
    }

    /// Returns whether others are to have a chance before a lock. Where they wait in the queue of a home, that has its say
    /// after every release.
    fn is_break_due(&self, key: LockKey, now: Instant) -> bool {
        self.lock(key).is_some_and(|lock| {
            let mut resources = lock.resources().as_slice().iter();
            self.queues.is_break_due(lock.resources())
                && resources.any(|resource| self.open_home(resource, now).is_none())
        })
    }

    pub(super) fn is_first(&self, key: LockKey) -> bool {
        self.lock(key).is_some_and(|lock| self.queues.is_first(lock.resources(), key))
    }
}
