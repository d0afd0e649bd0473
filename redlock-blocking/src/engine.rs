//! What all handles, acquisitions and guards of one [`Redlock`](crate::Redlock) share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use redlock_core::{Config, Event, Instant, Lock, Request};

use crate::dialer::Dialer;
use crate::expiry::Expiry;
use crate::keeper::{self, Alarm};
use crate::lane::{Lane, Session};
use crate::lock_key::LockKey;
use crate::mailbox::Letter;
use crate::work::Work;
use crate::{AcquireError, CloseReport};

pub(crate) struct Engine {
    pub(crate) config: Config,
    dialers: Arc<[Dialer]>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    max_lanes: usize,
    /// Counts the calls that found all lanes busy.
    queued: AtomicUsize,
    alarm: Arc<Alarm>,
    is_closed: AtomicBool,
    /// No handle and no guard is left.
    is_abandoned: AtomicBool,
    /// For those who wait for their next attempt.
    waiting: Mutex<()>,
    interrupted: Condvar,
}

/// A lock that is held, with the lane that it is on.
pub(crate) struct Acquired {
    pub(crate) lane: Arc<Lane>,
    pub(crate) key: LockKey,
    pub(crate) expiry: Arc<Expiry>,
}

/// A lock that nobody has yet: when the acquisition ends without it, also by a panic, it is released.
struct Pending<'a> {
    lane: &'a Lane,
    key: Option<LockKey>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.lane.post(Letter::Abandoned(key));
        }
    }
}

/// What an acquisition has come to.
enum Step {
    Acquired(Arc<Expiry>),
    Failed(AcquireError),
    /// The next attempt has its time; the lane is free until then.
    RetryAt(Instant),
}

impl Engine {
    pub(crate) fn start(config: Config, dialers: Arc<[Dialer]>, max_lanes: usize) -> Arc<Self> {
        let alarm = Arc::<Alarm>::default();
        let first = Lane::new(&config, dialers.clone(), alarm.clone());
        let engine = Arc::new(Self {
            config,
            dialers,
            lanes: Mutex::new(vec![first]),
            max_lanes,
            queued: AtomicUsize::new(0),
            alarm,
            is_closed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            waiting: Mutex::new(()),
            interrupted: Condvar::new(),
        });
        keeper::start(engine.clone());
        engine
    }

    /// Acquires a lock on the caller's thread.
    pub(crate) fn acquire(
        &self,
        request: Request,
        seed: [u8; 32],
        is_aborted: &AtomicBool,
    ) -> Result<Acquired, AcquireError> {
        self.check(is_aborted)?;
        let lane = self.lane();
        let mut pending = Pending { lane: &lane, key: None };
        let mut session = lane.enter();
        let now = redlock_system::now();
        let key = session.insert(Lock::acquire(&self.config, request, seed, now), now);
        pending.key = Some(key);
        loop {
            let step = session.drive(key, |work, now| self.look(work, key, is_aborted, now));
            match step {
                Step::Acquired(expiry) => {
                    drop(session);
                    pending.key = None;
                    return Ok(Acquired { lane: lane.clone(), key, expiry });
                }
                Step::Failed(error) => return Err(error),
                Step::RetryAt(at) => {
                    drop(session);
                    self.wait_until(at, is_aborted);
                    session = lane.enter();
                }
            }
        }
    }

    fn look(&self, work: &mut Work, key: LockKey, is_aborted: &AtomicBool, now: Instant) -> Option<Step> {
        if let Err(error) = self.check(is_aborted) {
            return Some(Step::Failed(error));
        }
        match work.take_outcome(key) {
            Some(Event::AcquireFailed(error)) => return Some(Step::Failed(error.into())),
            Some(Event::Acquired { .. }) if work.update(key, now, |lock| lock.hand_over(now)) == Some(true) => {
                return work.expiry(key).map(Step::Acquired);
            }
            _ => {}
        }
        let lock = work.lock(key).filter(|lock| lock.is_waiting())?;
        lock.poll_timeout().map(Step::RetryAt)
    }

    fn check(&self, is_aborted: &AtomicBool) -> Result<(), AcquireError> {
        if self.is_closed.load(Ordering::Acquire) {
            Err(AcquireError::Closed)
        } else if is_aborted.load(Ordering::Acquire) {
            Err(AcquireError::Aborted)
        } else {
            Ok(())
        }
    }

    /// Sleeps, unless it is interrupted.
    fn wait_until(&self, at: Instant, is_aborted: &AtomicBool) {
        let goes_on = |(): &mut ()| self.check(is_aborted).is_ok();
        let timeout = at.saturating_since(redlock_system::now());
        // Why it ended is seen by looking.
        drop(self.interrupted.wait_timeout_while(self.waiting(), timeout, goes_on));
    }

    /// Lets all who wait for their next attempt look whether they still should.
    pub(crate) fn interrupt(&self) {
        // With the mutex, so that nobody is between looking and sleeping.
        let waiting = self.waiting();
        self.interrupted.notify_all();
        drop(waiting);
    }

    /// Ends all acquisitions, takes no new ones, and waits for the releases that nodes in time have not answered.
    pub(crate) fn close(&self) -> CloseReport {
        self.is_closed.store(true, Ordering::Release);
        self.interrupt();
        let mut report = CloseReport { unsettled: 0, held: 0 };
        for lane in self.lanes() {
            let mut session = lane.enter();
            for key in session.keys() {
                Self::settle(&mut session, key);
            }
            let census = session.census();
            report.unsettled = report.unsettled.saturating_add(census.unsettled);
            report.held = report.held.saturating_add(census.held);
        }
        report
    }

    fn settle(session: &mut Session<'_>, key: LockKey) {
        if session.lock(key).is_some_and(Lock::is_acquiring) {
            let now = redlock_system::now();
            session.update(key, now, |lock| lock.release(now));
        }
        session.drive(key, |work, _| work.lock(key).is_none_or(Lock::is_quiet).then_some(()));
    }

    /// A lane that nobody works on, or a new one, or one of those that somebody works on.
    fn lane(&self) -> Arc<Lane> {
        let mut lanes = self.lanes_mut();
        if let Some(idle) = lanes.iter().find(|lane| !lane.is_busy()) {
            return idle.clone();
        }
        if lanes.len() < self.max_lanes {
            let new = Lane::new(&self.config, self.dialers.clone(), self.alarm.clone());
            lanes.push(new.clone());
            return new;
        }
        let turn = self.queued.fetch_add(1, Ordering::Relaxed).checked_rem(lanes.len()).unwrap_or_default();
        lanes[turn].clone()
    }

    pub(crate) fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes_mut().clone()
    }

    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// The last handle is gone: the keeper ends when all locks are settled.
    pub(crate) fn let_go(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.alarm.ring_before(Instant::EPOCH);
    }

    /// Whether nobody is left who could ask for something.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    fn lanes_mut(&self) -> MutexGuard<'_, Vec<Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, ()> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
