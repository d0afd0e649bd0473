//! A connection to every node, and the locks that use them.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::thread;
use std::time::Duration;

use redlock_core::{Cause, Config, Instant, Lock, Unavailable};

use crate::dialer::Dialer;
use crate::keeper::Alarm;
use crate::lock_key::LockKey;
use crate::mailbox::{Letter, Mailbox};
use crate::port::Received;
use crate::work::Work;

/// For so long the first node is waited for before the next one is looked at; every node that uses it up doubles it.
/// A node in the same place answers sooner, so one that hangs costs a caller about this, once.
const MIN_PATIENCE: Duration = Duration::from_millis(1);
/// For so long nobody looks at letters, at other nodes, or whether the call was aborted.
const MAX_PATIENCE: Duration = Duration::from_millis(10);

/// A connection to every node, and the locks that use them, behind one mutex.
///
/// Whoever has the mutex drives: it sends the commands of its own lock and reads replies until the result of its own
/// operation is fixed, and hands those of others to their locks on the way. A lock stays on its lane, so every node
/// gets all that is said about it in order on one connection. Who must not wait for the mutex posts a letter; whoever
/// has the mutex opens it, at the latest when giving it back.
pub(crate) struct Lane {
    work: Mutex<Work>,
    mailbox: Mailbox,
    /// The keeper has the mutex, for microseconds.
    is_tended: AtomicBool,
    dialers: Arc<[Dialer]>,
    alarm: Arc<Alarm>,
    this: Weak<Self>,
}

impl Lane {
    /// A lane whose connections are being opened.
    pub(crate) fn new(config: &Config, dialers: Arc<[Dialer]>, alarm: Arc<Alarm>) -> Arc<Self> {
        let lane = Arc::new_cyclic(|this| {
            let work = Mutex::new(Work::new(config, &dialers, redlock_system::now()));
            Self {
                work,
                mailbox: Mailbox::default(),
                is_tended: AtomicBool::new(false),
                dialers,
                alarm,
                this: this.clone(),
            }
        });
        drop(lane.enter());
        lane
    }

    /// Takes the mutex, after everybody who has it.
    pub(crate) fn enter(&self) -> Session<'_> {
        let work = self.work.lock().unwrap_or_else(|poisoned| self.recover(poisoned.into_inner()));
        let mut session = Session { lane: self, work: Some(work), is_keeper: false };
        session.open_letters();
        session.check_after_idling(redlock_system::now());
        session
    }

    /// Takes the mutex if nobody has it.
    fn try_enter(&self) -> Option<Session<'_>> {
        let work = match self.work.try_lock() {
            Ok(work) => work,
            Err(TryLockError::Poisoned(poisoned)) => self.recover(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Session { lane: self, work: Some(work), is_keeper: false })
    }

    /// Whether somebody has the mutex and may keep it for long.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.work.try_lock(), Err(TryLockError::WouldBlock)) && !self.is_tended.load(Ordering::Acquire)
    }

    /// Does what nobody waits for, unless somebody is at work and does it by the way.
    pub(crate) fn tend(&self) -> Tended {
        self.is_tended.store(true, Ordering::Release);
        let tended = self.try_enter().map_or(Tended::BUSY, Session::tend);
        self.is_tended.store(false, Ordering::Release);
        tended
    }

    /// Leaves something to do to whoever has the mutex; that may be the caller.
    pub(crate) fn post(&self, letter: Letter) {
        self.mailbox.post(letter);
        self.open_letters();
    }

    /// Whoever gives the mutex back looks for letters after that, and whoever posts one tries the mutex after that: so
    /// none is overlooked by both.
    fn open_letters(&self) {
        while !self.mailbox.is_empty() {
            let Some(mut session) = self.try_enter() else { return };
            session.open_letters();
        }
    }

    /// A connection that a panic has interrupted may have lost a reply, and the next one would be taken for it.
    fn recover<'a>(&self, mut work: MutexGuard<'a, Work>) -> MutexGuard<'a, Work> {
        work.break_off(&Unavailable::with_detail(Cause::Disconnected, "a panic on the way"), redlock_system::now());
        self.work.clear_poison();
        work
    }

    fn dial(&self, work: &mut Work) {
        for (node, wanted) in work.take_wanted() {
            if let Some(dialer) = self.dialers.get(node.index()) {
                dialer.dial(self.this.clone(), wanted);
            }
        }
    }
}

/// What the keeper found in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tended {
    /// Late replies have come, or callers come and go: there will be more to do soon.
    pub(crate) is_active: bool,
    /// No lock is left that a node may still have to be told about.
    pub(crate) is_settled: bool,
    /// A node owes a reply.
    pub(crate) is_owed: bool,
    pub(crate) next_timer: Option<Instant>,
}

impl Tended {
    pub(crate) const BUSY: Self = Self { is_active: true, is_settled: false, is_owed: true, next_timer: None };
}

/// Somebody who has the mutex of a lane.
pub(crate) struct Session<'a> {
    lane: &'a Lane,
    /// Taken when the session ends.
    work: Option<MutexGuard<'a, Work>>,
    /// The keeper decides by itself when it comes again.
    is_keeper: bool,
}

impl Session<'_> {
    /// Sends what is to be sent for a lock and reads replies, until `look` sees what it is looking for.
    pub(crate) fn drive<T>(&mut self, key: LockKey, mut look: impl FnMut(&mut Work, Instant) -> Option<T>) -> T {
        let mut patience = MIN_PATIENCE;
        loop {
            self.open_letters();
            self.lane.dial(self);
            let now = redlock_system::now();
            self.fire_due(now);
            if let Some(seen) = look(self, now) {
                return seen;
            }
            let timer = self.lock(key).and_then(Lock::poll_timeout);
            let until_timer = timer.map_or(MAX_PATIENCE, |at| at.saturating_since(now));
            if self.receive_or_wait(key, patience.min(until_timer)) == Received::Nothing {
                patience = patience.saturating_mul(2).min(MAX_PATIENCE);
                self.drain(redlock_system::now());
            }
        }
    }

    fn tend(mut self) -> Tended {
        self.is_keeper = true;
        self.open_letters();
        let (now, owed) = (redlock_system::now(), self.owed());
        self.drain(now);
        self.fire_due(now);
        let has_progressed = self.owed() < owed;
        Tended {
            is_active: has_progressed || self.is_in_use(now),
            is_settled: self.is_empty(),
            is_owed: self.owed() > 0,
            next_timer: self.next_timer(),
        }
    }

    fn receive_or_wait(&mut self, key: LockKey, patience: Duration) -> Received {
        if self.is_owed(key) {
            return self.receive_for(key, patience);
        }
        self.lane.mailbox.wait(patience);
        Received::Nothing
    }

    fn open_letters(&mut self) {
        if self.lane.mailbox.is_empty() {
            return;
        }
        for letter in self.lane.mailbox.take() {
            let now = redlock_system::now();
            match letter {
                Letter::Abandoned(key) => self.abandon(key, now),
                Letter::Opened(node, connection) => self.opened(node, connection, now),
                Letter::Refused(node, why) => self.refused(node, why, now),
            }
        }
    }
}

impl Deref for Session<'_> {
    type Target = Work;

    fn deref(&self) -> &Work {
        self.work.as_ref().expect("the mutex is held until the end")
    }
}

impl DerefMut for Session<'_> {
    fn deref_mut(&mut self) -> &mut Work {
        self.work.as_mut().expect("the mutex is held until the end")
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let lane = self.lane;
        if thread::panicking() {
            // The keeper goes on: whoever panics twice takes the process down.
            self.work = None;
            lane.alarm.ring_before(Instant::EPOCH);
            return;
        }
        lane.dial(self);
        let attention = self.wants_attention_at(redlock_system::now()).filter(|_| !self.is_keeper);
        self.work = None;
        if let Some(at) = attention {
            lane.alarm.ring_before(at);
        }
        lane.open_letters();
    }
}
