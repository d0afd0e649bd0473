//! Threads that use locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redlock_blocking::{AcquireError, ExtendError, KeepAlive, LockGuard, Loss, Redlock};
use redlock_simulator::{Dice, MICROSECOND, MILLISECOND, SECOND, Time, nanos};

use crate::scenario::HEALED_AT;
use crate::scheduler::Scheduler;
use crate::world::{NODE_TIMEOUT, World};

/// By how much a call may come back later than promised, beside threads that stand still: the turns of others, and the
/// wait until the releases are on their way.
const SLACK: Time = 25 * MILLISECOND;

pub(crate) struct User {
    world: Arc<World>,
    redlock: Redlock,
    dice: Dice,
}

impl User {
    pub(crate) fn start(world: &Arc<World>, redlock: &Redlock, dice: Dice) {
        let user = Self { world: world.clone(), redlock: redlock.clone(), dice };
        world.scheduler.spawn("user", move || user.run()).unwrap();
    }

    fn run(mut self) {
        self.rest(HEALED_AT / 2);
        for _ in 0..self.world.scenario.jobs {
            self.work();
            self.rest(200 * MILLISECOND);
        }
        if self.dice.chance(self.world.scenario.closes) {
            let began_at = self.now();
            let report = self.redlock.close();
            self.world.count("closed");
            // Releases that had begun before take the time of a node; the guards of others may begin new ones.
            self.check_in_time(began_at, 2 * NODE_TIMEOUT, "a close");
            self.scheduler().tell(|| format!("{report:?}"));
        }
    }

    fn work(&mut self) {
        let name = format!("name {}", self.dice.below(self.world.scenario.names));
        let ttl = Duration::from_nanos(self.dice.magnitude(300 * MILLISECOND..=20 * SECOND));
        let wait = self.dice.pick(&[0, 1, 1]) * self.dice.magnitude(MILLISECOND..=SECOND);
        let keep_alive = self.keep_alive();
        let acquire = self.redlock.acquire(name.as_str(), ttl).wait(Duration::from_nanos(wait)).keep_alive(keep_alive);
        let aborted_at = Arc::new(AtomicU64::new(Time::MAX));
        if self.dice.chance(self.world.scenario.aborts) {
            let (abort, aborted_at, scheduler) = (acquire.abort_handle(), aborted_at.clone(), self.scheduler().clone());
            let at = self.now() + self.dice.magnitude(MICROSECOND..=300 * MILLISECOND);
            let aborter = move || {
                scheduler.sleep_until(at);
                aborted_at.store(scheduler.now(), Ordering::Relaxed);
                abort.abort();
            };
            self.scheduler().spawn("aborter", aborter).unwrap();
        }
        let began_at = self.now();
        let result = acquire.lock();
        let promised = (began_at + wait.max(NODE_TIMEOUT)).min(aborted_at.load(Ordering::Relaxed));
        // A thread may stand still before its budget begins.
        self.check_in_time(began_at, promised.saturating_sub(began_at), "an acquisition");
        match result {
            Ok(guard) => self.hold(guard, &name, keep_alive.is_some()),
            Err(error) => self.check_error(&error, aborted_at.load(Ordering::Relaxed)),
        }
    }

    fn check_error(&self, error: &AcquireError, aborted_at: Time) {
        self.scheduler().tell(|| error.to_string());
        let kind = match error {
            AcquireError::Aborted if aborted_at <= self.now() => "aborted",
            AcquireError::Contended(_) => "contended",
            AcquireError::Unavailable(_) | AcquireError::Expired(_) => "unavailable",
            AcquireError::Closed if self.world.scenario.closes > 0 => "closed",
            _ => return self.scheduler().fail(format!("no reason for: {error}")),
        };
        self.world.count(kind);
    }

    fn keep_alive(&mut self) -> Option<KeepAlive> {
        let max_hold = Duration::from_nanos(self.dice.magnitude(100 * MILLISECOND..=20 * SECOND));
        self.dice.pick(&[None, None, Some(KeepAlive::while_held()), Some(KeepAlive::up_to(max_hold))])
    }

    fn hold(&mut self, mut guard: LockGuard, name: &str, is_kept: bool) {
        self.world.count("acquired");
        let first_deadline = time(&guard);
        let number = self.world.referee.begin(name, time(&guard), self.scheduler());
        self.scheduler().tell(|| format!("holds {name}"));
        if is_kept {
            // The longest hold may end it before its deadline.
            let world = self.world.clone();
            guard.on_lost(move |_| world.referee.end(number));
        }
        let told_at = self.watch(&guard);
        while self.dice.chance(40) {
            if self.dice.chance(30) {
                self.wait_for_loss(&guard);
            } else {
                self.rest(300 * MILLISECOND);
            }
            self.extend(&mut guard, number, is_kept);
        }
        let deadline = time(&guard);
        if is_kept && deadline > first_deadline {
            self.world.count("kept alive");
        }
        self.world.referee.end(number);
        match self.dice.below(3) {
            0 => {
                self.world.count("dropped");
                let began_at = self.now();
                drop(guard);
                self.check_in_time(began_at, 0, "a drop");
            }
            1 => {
                self.world.count("dropped by another thread");
                let (scheduler, rest) =
                    (self.scheduler().clone(), self.dice.magnitude(MICROSECOND..=100 * MILLISECOND));
                let dropper = move || {
                    scheduler.sleep(rest);
                    drop(guard);
                };
                return drop(self.scheduler().spawn("dropper", dropper).unwrap());
            }
            _ => {
                self.world.count("released");
                let began_at = self.now();
                let report = guard.release();
                self.check_in_time(began_at, NODE_TIMEOUT, "a release");
                self.scheduler().tell(|| report.to_string());
            }
        }
        self.check_told(told_at.as_deref(), deadline);
    }

    /// Notes when the callback is called.
    fn watch(&mut self, guard: &LockGuard) -> Option<Arc<AtomicU64>> {
        if !self.dice.chance(30) {
            return None;
        }
        let told_at = Arc::new(AtomicU64::new(Time::MAX));
        let (noted, scheduler) = (told_at.clone(), self.scheduler().clone());
        guard.on_lost(move |loss| {
            scheduler.tell(|| format!("is told of {loss:?}"));
            noted.store(scheduler.now(), Ordering::Relaxed);
        });
        Some(told_at)
    }

    /// Whoever watches a lock is told when it is over. The keeper may take its time, and threads as well.
    fn check_told(&self, told_at: Option<&AtomicU64>, deadline: Time) {
        let Some(told_at) = told_at else { return };
        let over_at = deadline.min(self.now());
        self.scheduler().sleep_until(over_at + SLACK + self.scheduler().stalled_since(over_at));
        let is_told = told_at.load(Ordering::Relaxed) <= self.now();
        self.scheduler().expect(is_told, || "nobody is told of the end of a lock".into());
    }

    fn wait_for_loss(&mut self, guard: &LockGuard) {
        let (began_at, timeout) = (self.now(), self.dice.magnitude(MILLISECOND..=SECOND));
        let loss = guard.wait_lost(Duration::from_nanos(timeout));
        let deadline = time(guard);
        if loss == Some(Loss::MaxHoldReached) {
            self.world.count("held for the longest time");
        } else if loss == Some(Loss::Closed) {
            self.world.count("kept alive no more");
        } else if loss.is_some() {
            self.world.count("lost");
            self.check_in_time(deadline.max(began_at), 0, "the news of a loss");
            self.scheduler().expect(deadline <= self.now(), || format!("{loss:?} before the deadline"));
        } else {
            self.check_in_time(began_at + timeout, 0, "a wait for the loss");
        }
        self.scheduler().expect(loss.is_some() || deadline > began_at + timeout, || "no news of a loss".into());
    }

    fn extend(&mut self, guard: &mut LockGuard, number: usize, is_kept: bool) {
        let (old, began_at) = (time(guard), self.now());
        let ttl = Duration::from_nanos(self.dice.magnitude(200 * MILLISECOND..=20 * SECOND));
        let result = guard.extend(ttl);
        self.check_in_time(began_at, NODE_TIMEOUT, "an extension");
        self.scheduler().tell(|| format!("extended: {result:?}"));
        let fits = match &result {
            Ok(new) => {
                self.world.count("extended");
                self.world.referee.extend(number, nanos(new.since_epoch()));
                nanos(new.since_epoch()) >= old
            }
            Err(ExtendError::Lost(Loss::Expired)) => self.now() >= old,
            Err(ExtendError::Lost(Loss::MaxHoldReached)) => is_kept,
            Err(ExtendError::Unconfirmed(_)) => is_kept || time(guard) == old,
            Err(_) => false,
        };
        self.scheduler().expect(fits, || format!("extended: {result:?}"));
    }

    fn check_in_time(&self, began_at: Time, patience: Time, what: &str) {
        let (now, stalled) = (self.now(), self.scheduler().stalled_since(began_at));
        let latest = began_at + patience + SLACK + stalled;
        self.scheduler().expect(now <= latest, || format!("{what} took {} ms", (now - began_at) / MILLISECOND));
    }

    fn rest(&mut self, longest: Time) {
        let time = self.dice.magnitude(MICROSECOND..=longest);
        self.scheduler().sleep(time);
    }

    fn now(&self) -> Time {
        self.scheduler().now()
    }

    fn scheduler(&self) -> &Arc<Scheduler> {
        &self.world.scheduler
    }
}

/// The deadline of a guard in the time of the world.
fn time(guard: &LockGuard) -> Time {
    nanos(guard.deadline().since_epoch())
}
