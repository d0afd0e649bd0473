//! The thread that looks after what nobody waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use redlock_core::Instant;

use crate::engine::Engine;
use crate::lane::{Lane, Tended};

/// So soon late replies are looked for; as long as none comes, the pause doubles up to [`MAX_PAUSE`].
pub(crate) const MIN_PAUSE: Duration = Duration::from_millis(10);
/// So late at most a node that goes on after it hung is noticed by an idle handle.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Starts the thread: it takes in the replies that nobody waited for, and tells nodes that missed a release again. It
/// ends when the last handle is gone and everything is settled.
///
/// Without it callers still get their locks and release them, so a system that has no thread to give is no error.
pub(crate) fn start(engine: Arc<Engine>) {
    let thread = thread::Builder::new().name("redlock-keeper".into());
    drop(thread.spawn(move || keep(&engine)));
}

fn keep(engine: &Engine) {
    let alarm = engine.alarm();
    let mut pause = MIN_PAUSE;
    loop {
        alarm.begin();
        let is_abandoned = engine.is_abandoned();
        let tended: Vec<Tended> = engine.lanes().iter().map(|lane| tend(lane)).collect();
        if is_abandoned && tended.iter().all(|lane| lane.is_settled) {
            return;
        }
        let is_active = tended.iter().any(|lane| lane.is_active);
        pause = if is_active { MIN_PAUSE } else { pause.saturating_mul(2).min(MAX_PAUSE) };
        let now = redlock_system::now();
        let replies = tended.iter().any(|lane| lane.is_owed).then(|| now.saturating_add(pause));
        // Not one by one: what is due at about the same time is done together.
        let soon = now.saturating_add(MIN_PAUSE);
        let timers = tended.iter().filter_map(|lane| lane.next_timer).map(|at| at.max(soon));
        if alarm.wait_until(timers.chain(replies).min()) {
            pause = MIN_PAUSE;
        }
    }
}

/// A transport that panics in here must not end the thread; the lane gives its connections up.
fn tend(lane: &Lane) -> Tended {
    catch_unwind(AssertUnwindSafe(|| lane.tend())).unwrap_or(Tended::BUSY)
}

/// What the keeper sleeps by. Ringing costs nothing while the keeper is to wake up early enough anyway.
#[derive(Default)]
pub(crate) struct Alarm {
    /// When the keeper wakes up, in nanoseconds since the epoch; zero when it was rung for already.
    set_for: AtomicU64,
    is_ringing: Mutex<bool>,
    rang: Condvar,
}

/// The keeper sleeps until it is rung for.
const NEVER: u64 = u64::MAX;

impl Alarm {
    /// Wakes the keeper up if it would come later than `at`.
    pub(crate) fn ring_before(&self, at: Instant) {
        let at = nanos(at);
        let earlier = |set_for: u64| (set_for > at).then_some(0);
        if self.set_for.fetch_update(Ordering::AcqRel, Ordering::Acquire, earlier).is_ok() {
            *self.is_ringing() = true;
            self.rang.notify_one();
        }
    }

    /// The keeper begins to look around: what comes up from now on it may have missed.
    fn begin(&self) {
        self.set_for.store(NEVER, Ordering::Release);
    }

    /// Waits until then, or until it rings. Whether it rang.
    fn wait_until(&self, until: Option<Instant>) -> bool {
        let mut is_ringing = self.is_ringing();
        if !*is_ringing {
            let set_for = until.map_or(NEVER, nanos);
            // It fails when somebody is about to ring.
            let _ = self.set_for.compare_exchange(NEVER, set_for, Ordering::AcqRel, Ordering::Acquire);
            is_ringing = self.sleep(is_ringing, until);
        }
        std::mem::take(&mut *is_ringing)
    }

    fn sleep<'a>(&self, is_ringing: MutexGuard<'a, bool>, until: Option<Instant>) -> MutexGuard<'a, bool> {
        let is_quiet = |is_ringing: &mut bool| !*is_ringing;
        match until {
            None => self.rang.wait_while(is_ringing, is_quiet).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let timeout = until.saturating_since(redlock_system::now());
                let slept = self.rang.wait_timeout_while(is_ringing, timeout, is_quiet);
                slept.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn is_ringing(&self) -> MutexGuard<'_, bool> {
        self.is_ringing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(at: Instant) -> u64 {
    u64::try_from(at.since_epoch().as_nanos()).unwrap_or(NEVER)
}
