//! Who holds what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redlock_driver::{Instant, KeepAlive, LockGuard, Loss, Runtime};
use redlock_simulator::Time;

use crate::abandon::HasNews;
use crate::invariant::Invariant;
use crate::process::Process;
use crate::world::{World, lock};

/// Knows every guard that there is or was, and which processes were closed.
#[derive(Default)]
pub(crate) struct Referee {
    holds: Mutex<Vec<Arc<Hold>>>,
    /// Since when.
    closed: Mutex<BTreeMap<usize, Time>>,
    /// Those who wait for a lock.
    lines: Mutex<Vec<InLine>>,
}

/// Somebody who waits for a lock.
struct InLine {
    process: usize,
    resource: Vec<u8>,
    acquisition: usize,
    /// Until then it waits, unless it is granted the lock.
    until: Time,
    /// How it has ended is decided: its task may be held up, and learn it late.
    has_news: HasNews,
}

/// A lock from the moment in which its guard was handed over.
pub(crate) struct Hold {
    pub(crate) process: Process,
    pub(crate) acquisition: usize,
    /// Its deadline moves on by itself.
    pub(crate) is_kept_alive: bool,
    /// Its deadline is never later.
    pub(crate) longest_until: Option<Instant>,
    state: Mutex<State>,
}

struct State {
    /// Not here while it is being extended, and when it is gone.
    guard: Option<LockGuard<Process>>,
    /// What the guard said last.
    deadline: Instant,
    resource: Vec<u8>,
    ended_at: Option<Time>,
    /// An extension was dropped before it was ready.
    has_abandoned_extension: bool,
    /// Somebody waits for the news of its loss.
    is_watched: bool,
}

impl Hold {
    pub(crate) fn new(
        process: &Process,
        acquisition: usize,
        guard: LockGuard<Process>,
        keep_alive: Option<KeepAlive>,
    ) -> Arc<Self> {
        let (deadline, resource) = (guard.deadline(), guard.resources().as_slice()[0].as_bytes().to_vec());
        let guard = Some(guard);
        let state =
            State { guard, deadline, resource, ended_at: None, has_abandoned_extension: false, is_watched: false };
        let longest_until =
            keep_alive.and_then(KeepAlive::max_hold).map(|max_hold| process.now().saturating_add(max_hold));
        Arc::new(Self {
            process: process.clone(),
            acquisition,
            is_kept_alive: keep_alive.is_some(),
            longest_until,
            state: Mutex::new(state),
        })
    }

    /// Takes the guard out to extend it.
    pub(crate) fn take(&self) -> LockGuard<Process> {
        self.deadline();
        lock(&self.state).guard.take().unwrap()
    }

    pub(crate) fn put_back(&self, guard: LockGuard<Process>) {
        lock(&self.state).guard = Some(guard);
        self.deadline();
    }

    /// Takes the guard out to drop or release it: from now on nobody holds the lock. Who waits for the news of its loss
    /// must have been told.
    pub(crate) fn end(&self) -> LockGuard<Process> {
        let guard = self.take();
        if lock(&self.state).is_watched {
            self.process.check_in_time(self.ends_at(), Duration::ZERO, "the news of a loss");
        }
        lock(&self.state).ended_at = Some(self.process.world.now());
        guard
    }

    pub(crate) fn watch(&self, is_watched: bool) {
        lock(&self.state).is_watched = is_watched;
    }

    pub(crate) fn abandon_extension(&self) {
        lock(&self.state).has_abandoned_extension = true;
    }

    pub(crate) fn has_abandoned_extension(&self) -> bool {
        lock(&self.state).has_abandoned_extension
    }

    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.state).ended_at.is_some()
    }

    /// Whether it may be lost in this way: nodes lose no keys here. A guard that is not there may have been extended to the
    /// end of its longest hold since it was asked last.
    pub(crate) fn may_end_with(&self, loss: &Loss) -> bool {
        match loss {
            Loss::Expired => true,
            Loss::MaxHoldReached => self.longest_until.is_some_and(|longest| {
                longest == self.deadline() || (!self.is_known() && longest <= self.process.now())
            }),
            _ => false,
        }
    }

    /// Whether the guard is there to be asked.
    pub(crate) fn is_known(&self) -> bool {
        lock(&self.state).guard.is_some()
    }

    /// What the guard says, or said last.
    pub(crate) fn deadline(&self) -> Instant {
        let mut state = lock(&self.state);
        let before = state.deadline;
        state.deadline = state.guard.as_ref().map_or(before, |guard| guard.deadline());
        let is_in_bounds =
            before <= state.deadline && self.longest_until.is_none_or(|longest| state.deadline <= longest);
        self.process.world.expect(is_in_bounds, Invariant::Deadline, || {
            format!(
                "lock {}: {before:?} became {:?}, at most {:?}",
                self.acquisition, state.deadline, self.longest_until
            )
        });
        state.deadline
    }

    /// When it is or was over: when its guard was let go, and at its deadline at the latest.
    pub(crate) fn ends_at(&self) -> Time {
        let [deadline, ended_at] = self.release_times();
        deadline.min(ended_at)
    }

    /// When it is or was released: at its deadline, and when its guard is let go, even if that is later.
    fn release_times(&self) -> [Time; 2] {
        let deadline = self.process.clock().time_of(self.deadline());
        [deadline, lock(&self.state).ended_at.unwrap_or(deadline)]
    }
}

impl Referee {
    pub(crate) fn begin(&self, hold: &Arc<Hold>) {
        lock(&self.holds).push(hold.clone());
    }

    /// A lock was acquired or extended: nobody else may hold it now, and a quorum must have its token until the end, also when
    /// that has moved on.
    pub(crate) fn check(&self, world: &Arc<World>, hold: &Arc<Hold>) {
        self.check_now(world, hold);
        let last_moment = hold.ends_at().saturating_sub(1);
        let (there, hold) = (world.clone(), hold.clone());
        world.note(last_moment, move || {
            there.referee.check_now(&there, &hold);
            if hold.is_kept_alive && hold.ends_at().saturating_sub(1) > there.now() {
                there.referee.check(&there, &hold);
            }
        });
    }

    fn check_now(&self, world: &World, hold: &Arc<Hold>) {
        let (now, resource) = (world.now(), lock(&hold.state).resource.clone());
        if hold.ends_at() <= now {
            return;
        }
        let others = |other: &&Arc<Hold>| !Arc::ptr_eq(other, hold) && lock(&other.state).resource == resource;
        let holds = lock(&self.holds).clone();
        if let Some(other) = holds.iter().filter(others).find(|other| other.ends_at() > now) {
            let (this, other) = (hold.acquisition, other.acquisition);
            world.violate(Invariant::MutualExclusion, format!("locks {this} and {other} are valid"));
        }
        let votes = world.votes(&resource, hold.acquisition);
        world.expect(votes >= world.scenario.quorum(), Invariant::Quorum, || {
            format!("lock {} is valid with {votes} votes", hold.acquisition)
        });
    }

    /// Somebody begins to wait for a lock.
    pub(crate) fn line_up(&self, process: usize, resource: &[u8], acquisition: usize, until: Time, has_news: HasNews) {
        lock(&self.lines).push(InLine { process, resource: resource.to_vec(), acquisition, until, has_news });
    }

    /// Somebody has a lock, or waits no more.
    pub(crate) fn leave_line(&self, acquisition: usize) {
        lock(&self.lines).retain(|waiting| waiting.acquisition != acquisition);
    }

    /// Q4: nobody of the same process has waited for longer than the one who was granted a lock.
    pub(crate) fn check_order(&self, world: &World, process: usize, resource: &[u8], acquisition: usize) {
        let now = world.now();
        let was_before = |other: &&InLine| {
            (other.process, &*other.resource) == (process, resource)
                && other.acquisition < acquisition
                && now < other.until
                && !other.has_news.is_so()
        };
        let lines = lock(&self.lines);
        if let Some(other) = lines.iter().find(was_before) {
            let what = format!("lock {acquisition} was granted before {}", other.acquisition);
            world.violate(Invariant::Order, what);
        }
    }

    pub(crate) fn close(&self, process: usize, now: Time) {
        lock(&self.closed).entry(process).or_insert(now);
    }

    /// When a process was closed, if it was.
    pub(crate) fn closed_at(&self, process: usize) -> Option<Time> {
        lock(&self.closed).get(&process).copied()
    }

    /// How many guards a process has.
    pub(crate) fn held(&self, process: usize) -> usize {
        lock(&self.holds).iter().filter(|hold| hold.process.index == process && !hold.has_ended()).count()
    }

    /// When the last release of a process began, be it at a deadline.
    pub(crate) fn last_release(&self, process: usize, now: Time) -> Time {
        let holds = lock(&self.holds);
        let ends = holds.iter().filter(|hold| hold.process.index == process).flat_map(|hold| hold.release_times());
        ends.filter(|end| *end <= now).max().unwrap_or(0)
    }

    pub(crate) fn clear(&self) {
        let holds = std::mem::take(&mut *lock(&self.holds));
        drop(holds);
    }
}
