use super::LockKey;
use super::answers::Answers;
use super::renewal::Renewal;
use super::timers::Timers;
use super::wait_queue::WaitQueues;
use crate::lock::{Kinds, LockMachine};
use crate::output::Output;
use crate::{Config, Instant};

/// One lock, and what its owner has not asked for yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) serial: u64,
    pub(super) lock: LockMachine,
    /// Somebody may still ask for this lock.
    pub(super) is_owned: bool,
    /// [`Locks::close`](super::Locks::close) has ended its acquisition, or that it is kept alive.
    pub(super) is_cut_off: bool,
    pub(super) answers: Answers,
    pub(super) standing: Standing,
    /// What it was after the last step, and is counted as.
    pub(super) counts_as: Kinds,
    /// It is kept alive.
    pub(super) renewal: Option<Renewal>,
}

/// How a lock stands in the queues of its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// Nobody has come to wait behind it.
    InLine,
    /// Somebody has come to wait behind it, and may still do so.
    WaitedFor,
    /// It stands there no more.
    Left,
}

impl Entry {
    /// Notes that somebody waits behind the lock.
    pub(super) fn note_waiter(&mut self) {
        if self.standing == Standing::InLine {
            self.standing = Standing::WaitedFor;
        }
    }

    pub(super) fn new(lock: LockMachine, serial: u64) -> Self {
        Self {
            serial,
            lock,
            is_owned: true,
            is_cut_off: false,
            answers: Answers::default(),
            standing: Standing::InLine,
            counts_as: Kinds::default(),
            renewal: None,
        }
    }

    pub(super) const fn key_at(&self, index: usize) -> LockKey {
        LockKey { serial: self.serial, index }
    }

    /// Begins to keep a lock alive that was handed over, if that was asked for; returns whether it was.
    pub(super) fn begin_renewal(&mut self, won_since: Instant) -> bool {
        self.renewal = Renewal::begin(self.lock.request(), won_since);
        self.renewal.is_some()
    }

    /// Does what is due to keep the lock alive.
    pub(super) fn drive_renewal(&mut self, config: &Config, output: &mut Output, now: Instant) {
        let is_due = self.renewal.as_ref().is_some_and(|renewal| renewal.is_due(now)) && self.is_held();
        if let Some(renewal) = self.renewal.as_mut().filter(|_| is_due) {
            self.lock.step(config, output, |lock, context| renewal.extend(lock, context, now));
        }
    }

    /// Returns when something is due to keep the lock alive. One that is not held any more is not kept alive.
    pub(super) fn renewal_timeout(&mut self) -> Option<Instant> {
        self.renewal.as_ref()?;
        if !self.is_held() {
            self.renewal = None;
        }
        self.renewal.as_ref()?.poll_timeout()
    }

    /// Makes sure that the lock is looked at when it has something to do.
    pub(super) fn set_timer(&mut self, key: LockKey, queues: &WaitQueues, timers: &mut Timers) {
        let wakes_at = self.wakes_at(queues);
        if self.renewal.as_ref().is_some_and(Renewal::is_at_rest) {
            // Nothing is due for long. The end of the extension that is over would come first, and in vain.
            timers.reschedule(key, wakes_at);
        } else {
            timers.schedule(key, wakes_at);
        }
    }

    /// Returns when the lock has something to do.
    pub(super) fn wakes_at(&mut self, queues: &WaitQueues) -> Option<Instant> {
        let is_waited_for = self.standing == Standing::WaitedFor && queues.has_others(self.lock.resources());
        let makes_way_at = if is_waited_for { self.lock.makes_way_at() } else { None };
        let renews_at = self.renewal_timeout();
        Instant::earliest([self.lock.poll_timeout(), makes_way_at, renews_at])
    }

    /// Returns whether the lock is to leave its line, or there is something to be learned from it about queues.
    pub(super) fn moves_in_queues(&self) -> bool {
        self.leaves_line() || self.lock.has_news_of_queues()
    }

    /// Returns whether the lock stands in line, and is in nobody's way any more.
    pub(super) fn leaves_line(&self) -> bool {
        self.standing != Standing::Left && !self.lock.is_in_the_way()
    }

    /// Returns whether the lock was won and is neither lost nor being released.
    pub(super) fn is_held(&self) -> bool {
        self.lock.deadline().is_some() && self.lock.loss().is_none()
    }

    /// Reads something of each part of the lock that an extension needs.
    pub(super) fn glance(&self) -> u64 {
        let renews_at = self.renewal.as_ref().and_then(Renewal::poll_timeout);
        self.serial ^ renews_at.map_or(0, Instant::nanos) ^ self.lock.glance()
    }

    /// Returns whether nothing is left to do for it.
    pub(super) fn is_over(&self) -> bool {
        !self.is_owned && self.lock.is_settled()
    }
}
