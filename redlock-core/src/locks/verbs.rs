//! What the owner of a lock can ask for.

use alloc::vec::Vec;
use core::time::Duration;

use super::answers::is_of_acquisition;
use super::entry::{Entry, Standing};
use super::{LockKey, Locks};
use crate::{
    AcquireError, DetachedLock, Event, ExtendError, Instant, LockMachine, Loss, OperationId, ReleaseReport, Request,
    WaiterId,
};

/// # Verbs
impl Locks {
    /// Starts to acquire; [`Lock::acquire`](crate::Lock::acquire) says what the seed must be.
    ///
    /// Those who want the same resource are served one after the other, in the order of these calls: only the first one
    /// asks the nodes, and the next one begins when it has given the lock back, lost it, or given up. A request for
    /// [one attempt](crate::Options::attempts), or without time to wait, does not stand in line: it fails at once when
    /// somebody is before it.
    ///
    /// A request that [adopts](Request::adopting) a lock does not stand in line: it has the lock already, or never will.
    ///
    /// The first attempt asks all nodes at once. A lock that somebody else has then waits in the queue of the resource's
    /// [home](crate::Config::home), if the connection to that hears call-ups, and is called up by the release
    /// ([`handle_heard`](Self::handle_heard)). For a second after others were seen to want a resource, a lock of this
    /// handle asks the home first. Safety depends on none of that: the keys decide who holds the lock.
    ///
    /// When [`poll_finished`](Self::poll_finished) gives the key, [`hand_over`](Self::hand_over) has the result. Whoever
    /// does not want it any more calls [`abandon`](Self::abandon).
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`] after [`close`](Self::close).
    pub fn acquire(&mut self, request: Request, seed: [u8; 32], now: Instant) -> Result<LockKey, AcquireError> {
        if self.is_closed {
            return Err(AcquireError::Closed);
        }
        self.waiter.get_or_insert_with(|| WaiterId::from_seed(&seed));
        self.note_ttl(request.ttl.get().max(request.options.min_hold.get()));
        let is_adoption = request.adopts.is_some();
        if !is_adoption {
            self.make_room(&request.resources, now);
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let entry = Entry::new(LockMachine::in_line(request, seed, now), serial);
        let key = LockKey { serial, index: self.entries.insert(entry) };
        self.observe_request(key, now);
        if is_adoption {
            self.adopt(key, now);
        } else {
            self.stand_in_line(key, now);
        }
        Ok(key)
    }

    /// Hands a lock over to its caller, or says why it was not acquired; `None` as long as that is open.
    ///
    /// To be called at the moment at which the caller gets to run; see [`Lock::hand_over`](crate::Lock::hand_over). Yields the end of the lock's
    /// validity.
    pub fn hand_over(&mut self, key: LockKey, now: Instant) -> Option<Result<Instant, AcquireError>> {
        if self.entry(key)?.is_cut_off {
            return Some(Err(AcquireError::Closed));
        }
        while let Some(answer) = self.take_answer(key, is_of_acquisition) {
            let won = self.lock(key);
            let (commit_round, won_since) =
                (won.and_then(LockMachine::commit_round), won.and_then(LockMachine::won_since));
            match answer {
                Event::AcquireFailed(error) => return Some(Err(error)),
                _ if self.update(key, now, |lock, context| lock.hand_over(context, now)) == Some(true) => {
                    self.tally.acquired(commit_round);
                    if self.entry(key).is_some_and(|entry| entry.begin_renewal(won_since.unwrap_or(now))) {
                        self.update(key, now, |_, _| ());
                    }
                    return self.deadline(key).map(Ok);
                }
                _ => {}
            }
        }
        None
    }

    /// Starts to extend a lock that was handed over, as [`Lock::extend`](crate::Lock::extend) does. Then [`take_extended`](Self::take_extended)
    /// has the result of the operation that is returned. Extensions may overlap; each has its own result.
    ///
    /// # Errors
    ///
    /// Those of [`Lock::extend`](crate::Lock::extend); [`ExtendError::NotHeld`] also when there is no such lock. Nothing is sent.
    pub fn extend(&mut self, key: LockKey, ttl: Duration, now: Instant) -> Result<OperationId, ExtendError> {
        let begun =
            self.update(key, now, |lock, context| lock.extend(context, ttl, now)).unwrap_or(Err(ExtendError::NotHeld));
        if begun.is_ok() {
            self.note_ttl(ttl);
        }
        begun
    }

    /// Takes the result of an extension: the new end of the lock's validity; `None` as long as that is open.
    ///
    /// The last eight results that nobody has taken are kept for each lock; whoever waits for one takes it when
    /// [`poll_finished`](Self::poll_finished) gives the key.
    pub fn take_extended(&mut self, key: LockKey, extension: OperationId) -> Option<Result<Instant, ExtendError>> {
        let end = self.take_answer(key, |event| match event {
            Event::Extended { operation, .. } | Event::ExtendFailed { operation, .. } => *operation == extension,
            _ => false,
        })?;
        match end {
            Event::Extended { deadline, .. } => Some(Ok(deadline)),
            Event::ExtendFailed { error, .. } => Some(Err(error)),
            _ => None,
        }
    }

    /// Starts to release a lock, or to undo an acquisition, as [`Lock::release`](crate::Lock::release) does. Then
    /// [`take_released`](Self::take_released) has the result.
    pub fn release(&mut self, key: LockKey, now: Instant) {
        self.update(key, now, |lock, context| lock.release(context, now));
    }

    /// Takes the result of a release; `None` as long as that is open.
    pub fn take_released(&mut self, key: LockKey) -> Option<ReleaseReport> {
        match self.take_answer(key, |event| matches!(event, Event::Released(_)))? {
            Event::Released(report) => Some(report),
            _ => None,
        }
    }

    /// Releases what there may be and settles it: nobody will ask for this lock again.
    pub fn abandon(&mut self, key: LockKey, now: Instant) {
        if let Some(entry) = self.entry(key) {
            entry.is_owned = false;
            self.update(key, now, |lock, context| lock.release(context, now));
        }
    }

    /// Leaves a lock that is held to its keys, as [`Lock::forget`](crate::Lock::forget) does: nobody will ask for it again.
    /// Yields what is needed to [adopt](Request::adopting) it, in this process or another.
    ///
    /// # Errors
    ///
    /// How it was lost, when it is not held, or is not valid any more. Then it is released.
    pub fn detach(&mut self, key: LockKey, now: Instant) -> Result<DetachedLock, Loss> {
        let detached = match self.lock(key).and_then(|lock| lock.detached(now)) {
            Some(detached) => Ok(detached),
            None => Err(self.check(key, now).err().unwrap_or(Loss::Expired)),
        };
        if let Some(entry) = self.entry(key) {
            entry.is_owned = false;
            self.update(key, now, |lock, context| lock.forget(context, now));
        }
        detached
    }

    /// Ends all acquisitions with [`AcquireError::Closed`] and takes no new ones.
    ///
    /// Locks that are held stay, and can be extended and released as before. Those that are kept alive are so no more: each
    /// becomes one that is lost as [`Loss::Closed`](crate::Loss::Closed), and is valid until its deadline still.
    pub fn close(&mut self, now: Instant) {
        self.is_closed = true;
        let is_acquiring = |(_, entry): &(usize, &Entry)| entry.lock.is_acquiring();
        let keys: Vec<LockKey> =
            self.entries.iter().filter(is_acquiring).map(|(index, entry)| entry.key_at(index)).collect();
        for key in keys {
            if let Some(entry) = self.entry(key) {
                entry.is_cut_off = true;
                self.tally.failed(&AcquireError::Closed);
                self.finished.push_back(key);
                self.observe_closed(key, now);
                self.update(key, now, |lock, context| lock.release(context, now));
            }
        }
        self.end_renewals(now);
    }
}

impl Locks {
    /// Lets a lock ask for its keys that stands in nobody's way.
    fn adopt(&mut self, key: LockKey, now: Instant) {
        if let Some(entry) = self.entry(key) {
            entry.standing = Standing::Left;
            self.update(key, now, |lock, context| lock.begin(context, now));
        }
    }

    /// Keeps no lock alive any more.
    fn end_renewals(&mut self, now: Instant) {
        let is_kept = |(_, entry): &(usize, &Entry)| entry.renewal.is_some() && entry.is_held();
        let keys: Vec<LockKey> =
            self.entries.iter().filter(is_kept).map(|(index, entry)| entry.key_at(index)).collect();
        for key in keys {
            if let Some(entry) = self.entry(key) {
                entry.is_cut_off = true;
                entry.renewal = None;
                self.finished.push_back(key);
                self.update(key, now, |_, _| ());
            }
        }
    }

    fn take_answer(&mut self, key: LockKey, is_wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        let Self { entries, spare_answers, .. } = self;
        let entry = entries.get_mut(key.index).filter(|entry| entry.serial == key.serial)?;
        entry.answers.take(is_wanted, spare_answers)
    }
}
