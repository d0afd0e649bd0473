//! Users of locks, who change their minds.

use std::sync::Arc;
use std::time::Duration;

use redlock_core::DRIFT_MARGIN;
use redlock_driver::{AcquireError, ExtendError, Instant, KeepAlive, LockGuard, Loss, Lost, Options, Redlock, Runtime};
use redlock_simulator::{Dice, MICROSECOND, MILLISECOND, SECOND, Time, nanos};

use crate::abandon::{Abandonable, Fate};
use crate::fault::FaultKind;
use crate::figures::Stage;
use crate::invariant::Invariant;
use crate::process::{Process, Sleep};
use crate::referee::Hold;
use crate::scenario::{BUSY_UNTIL, Habits, SHORTEST_TTL, Scenario};
use crate::world::World;

/// By how much a result may come later than promised, beside late timers, late tasks and pauses: the turns of others.
const SLACK: Time = 50 * MILLISECOND;

/// Long enough that nothing is over by itself while a world lasts.
const LONGEST_TTL: Time = 30 * SECOND;

/// Most locks that are kept alive have a TTL no longer than this, so that they outlive it.
const SHORT_TTL: Time = 200 * MILLISECOND;

/// One task of a process.
pub(crate) struct User {
    process: Process,
    redlock: Redlock<Process>,
    dice: Dice,
}

/// What a user asks for.
struct Wish {
    resource: String,
    ttl: Duration,
    wait: Duration,
    options: Options,
    counts_attempts: bool,
    keep_alive: Option<KeepAlive>,
}

impl User {
    pub(crate) fn new(process: &Process, redlock: Redlock<Process>, dice: Dice) -> Self {
        Self { process: process.clone(), redlock, dice }
    }

    pub(crate) async fn run(mut self) {
        let begins_at = self.dice.pick(&[0, 1, 1]) * self.dice.time(0..=BUSY_UNTIL);
        self.process.sleep(begins_at).await;
        for _ in 0..self.dice.count(1..=self.habits().most_jobs) {
            self.work().await;
            self.rest(200 * MILLISECOND).await;
            if self.dice.chance(30) {
                self.redlock = self.redlock.clone();
                self.world().figures().handles += 1;
            }
        }
        if self.dice.chance(self.habits().close) {
            self.close().await;
        }
    }

    /// From the wish to have a lock to its end.
    async fn work(&mut self) {
        let world = self.world().clone();
        let wish = Wish::draw(&mut self.dice, &world.scenario);
        let acquire = self.redlock.lock(&wish.resource, wish.ttl).options(wish.options);
        let acquisition = self.world().ledger().acquisitions();
        self.world().figures().acquisitions += 1;
        let began_at = self.world().now();
        let (process, resource) = (self.process.index, wish.resource.as_bytes());
        let until = self.waits_until(&wish);
        let acquire = self.abandonable(acquire);
        world.referee.line_up(process, resource, acquisition, until, acquire.has_news());
        let acquired = acquire.await;
        world.referee.leave_line(acquisition);
        match acquired {
            Ok(Ok(guard)) => {
                self.process.check_in_time(began_at, self.patience(&wish), "an acquisition");
                world.referee.check_order(&world, process, resource, acquisition);
                let hold = self.begin(acquisition, guard, wish.keep_alive);
                self.hold(hold, wish.ttl).await;
            }
            Ok(Err(error)) => {
                self.process.check_in_time(began_at, self.patience(&wish), "a failed acquisition");
                self.check_error(&error, began_at);
            }
            Err(abandoned) if abandoned.was_polled => {
                let quorum = self.world().scenario.quorum();
                let stage = self.world().ledger().stage(acquisition, abandoned.was_woken, quorum);
                self.count_drop(stage, acquisition);
            }
            Err(_) => self.count_drop(Stage::Unpolled, acquisition),
        }
    }

    fn begin(&self, acquisition: usize, guard: LockGuard<Process>, keep_alive: Option<KeepAlive>) -> Arc<Hold> {
        let world = self.world();
        self.process
            .tell(|| format!("lock {acquisition} on {} is held, for {:?}", guard.resources(), guard.remaining()));
        world.figures().grants += 1;
        world.expect(guard.is_valid(), Invariant::HandOver, || format!("lock {acquisition}"));
        let is_closed = world.referee.closed_at(self.process.index).is_some();
        world.expect(!is_closed, Invariant::Result, || format!("lock {acquisition} was acquired after the close"));
        world.figures().kept_alive += u64::from(keep_alive.is_some());
        let hold = Hold::new(&self.process, acquisition, guard, keep_alive);
        world.referee.begin(&hold);
        world.referee.check(world, &hold);
        hold
    }

    async fn hold(&mut self, hold: Arc<Hold>, ttl: Duration) {
        if self.dice.chance(40) {
            let guard = hold.take();
            hold.watch(true);
            self.process.spawn_user(watch(self.process.clone(), hold.clone(), guard.lost()));
            hold.put_back(guard);
        }
        let longest = nanos(ttl) * self.dice.pick(&[1, 1, 4]);
        self.rest(longest).await;
        while self.dice.chance(self.habits().extend) {
            self.extend(&hold).await;
            self.rest(longest).await;
        }
        self.end(hold).await;
    }

    async fn extend(&mut self, hold: &Arc<Hold>) {
        let mut guard = hold.take();
        let (old, began_at) = (guard.deadline(), self.world().now());
        let ttl = Duration::from_nanos(self.dice.magnitude(20 * MILLISECOND..=LONGEST_TTL));
        let extended = self.abandonable(guard.extend(ttl)).await;
        let new = guard.deadline();
        let is_valid = guard.is_valid();
        hold.put_back(guard);
        match extended {
            Ok(result) => {
                let patience = self.world().scenario.node_timeout.of(ttl);
                self.process.check_in_time(began_at, patience, "an extension");
                self.check_extended(hold, &result, old);
                self.check_length(hold, result.as_ref().ok(), ttl, began_at);
                self.world().expect(new >= old, Invariant::Deadline, || "the deadline has moved back".into());
                let may_have_changed = result.is_ok() || hold.has_abandoned_extension() || hold.is_kept_alive;
                let is_honest = may_have_changed || new == old || !is_valid;
                let invariant = Invariant::Deadline;
                self.world().expect(is_honest, invariant, || "an extension that failed changed the deadline".into());
            }
            Err(abandoned) => {
                let stage = if abandoned.was_polled { Stage::Extending } else { Stage::Held };
                self.count_drop(stage, hold.acquisition);
                hold.abandon_extension();
            }
        }
    }

    /// Lets the lock go in one of many ways.
    async fn end(&mut self, hold: Arc<Hold>) {
        match self.dice.below(3) {
            0 => {
                self.count_drop(Stage::Held, hold.acquisition);
                drop(hold.end());
            }
            1 => {
                let rest = self.process.sleep(self.dice.magnitude(MICROSECOND..=100 * MILLISECOND));
                self.process.spawn_user(async move {
                    rest.await;
                    drop(hold.end());
                });
            }
            _ => self.release(&hold).await,
        }
    }

    async fn release(&mut self, hold: &Hold) {
        let began_at = self.world().now();
        let (guard, acquisition) = (hold.end(), hold.acquisition);
        match self.abandonable(guard.release()).await {
            Ok(report) => {
                self.process.tell(|| format!("lock {acquisition}: {report}"));
                self.world().figures().releases += 1;
                let patience = self.world().scenario.node_timeout.of(Duration::MAX);
                self.process.check_in_time(began_at, patience, "a release");
            }
            Err(_) => self.count_drop(Stage::Releasing, acquisition),
        }
    }

    async fn close(&mut self) {
        let (world, process, began_at) = (self.world().clone(), self.process.index, self.world().now());
        let (fate, fidget) = (self.fate(), self.fidget());
        if matches!(fate, Fate::Unpolled) {
            return;
        }
        self.process.tell(|| "closes".into());
        world.referee.close(process, began_at);
        let Ok(report) = Abandonable::new(self.redlock.close(), fate, fidget).await else {
            return world.figures().count_drop(Stage::Closing);
        };
        world.figures().closes += 1;
        let last = world.referee.last_release(process, world.now()).max(began_at);
        self.process.check_in_time(last, world.scenario.node_timeout.of(Duration::MAX), "the close");
        let held = world.referee.held(process);
        world.expect(report.held == held, Invariant::Books, || format!("{report:?} while {held} guards are there"));
        let guard = Abandonable::new(self.redlock.lock("closed", Duration::from_secs(1)), Fate::Awaited, None).await;
        let is_refused = matches!(guard, Ok(Err(AcquireError::Closed | AcquireError::NoEntropy(_))));
        world.expect(is_refused, Invariant::Result, || "a lock can be acquired after the close".into());
    }
}

/// # Checks
impl User {
    /// A close ends what has begun before it, and refuses what begins after it.
    fn check_error(&self, error: &AcquireError, began_at: Time) {
        self.process.tell(|| format!("not acquired: {error}"));
        let closed_at = self.world().referee.closed_at(self.process.index);
        let fits = match error {
            AcquireError::Closed => closed_at.is_some(),
            AcquireError::NoEntropy(_) => true,
            AcquireError::Request(_) => false,
            // What had been decided before the close may be learned after it, in time.
            _ => closed_at.is_none_or(|closed_at| began_at <= closed_at),
        };
        self.world().expect(fits, Invariant::Result, || error.to_string());
        if let Some(closed_at) = closed_at {
            self.process.check_in_time(closed_at.max(began_at), Duration::ZERO, "the end of an acquisition by a close");
        }
    }

    fn check_extended(&self, hold: &Arc<Hold>, result: &Result<Instant, ExtendError>, old: Instant) {
        self.process.tell(|| format!("lock {}: extended: {result:?}", hold.acquisition));
        let (world, now) = (self.world(), self.process.now());
        let fits = match result {
            Ok(new) => {
                world.figures().extensions += 1;
                world.referee.check(world, hold);
                *new >= old
            }
            Err(ExtendError::Lost(loss)) => hold.may_end_with(loss) && now >= old,
            Err(ExtendError::Unconfirmed(_)) => true,
            Err(_) => false,
        };
        world.expect(fits, Invariant::Result, || format!("lock {}, extended: {result:?}", hold.acquisition));
    }

    /// An extension lasts for its TTL, less the drift, from the moment on in which it began.
    fn check_length(&self, hold: &Hold, deadline: Option<&Instant>, ttl: Duration, began_at: Time) {
        let drift = ttl / 100 + DRIFT_MARGIN + Duration::from_nanos(1);
        let expected = self.process.clock().at(began_at).saturating_add(ttl.saturating_sub(drift));
        let expected = hold.longest_until.map_or(expected, |longest| longest.min(expected));
        let is_long_enough = deadline.is_none_or(|deadline| *deadline >= expected);
        self.world().expect(is_long_enough, Invariant::Deadline, || "an extension is too short".into());
    }

    fn count_drop(&self, stage: Stage, acquisition: usize) {
        self.process.tell(|| format!("lock {acquisition} is dropped while {stage}"));
        self.world().figures().count_drop(stage);
    }
}

/// # Chance
impl User {
    fn abandonable<F: Future>(&mut self, future: F) -> Abandonable<F> {
        Abandonable::new(future, self.fate(), self.fidget())
    }

    fn fate(&mut self) -> Fate {
        if !self.dice.chance(self.habits().abandon) {
            return Fate::Awaited;
        }
        match self.dice.below(6) {
            0 => Fate::Unpolled,
            1 | 2 => Fate::Woken,
            _ => Fate::At(self.process.sleep(self.dice.magnitude(MICROSECOND..=500 * MILLISECOND))),
        }
    }

    fn fidget(&mut self) -> Option<Sleep> {
        let fidgets = self.world().goes_wrong(FaultKind::Fidget, self.world().scenario.system.fidget);
        fidgets.then(|| self.process.sleep(self.dice.magnitude(MICROSECOND..=100 * MILLISECOND)))
    }

    async fn rest(&mut self, longest: Time) {
        let longest = longest.min(500 * MILLISECOND);
        let is_any = self.dice.chance(20);
        let time = if is_any { self.dice.time(0..=longest) } else { self.dice.magnitude(MICROSECOND..=longest) };
        self.process.sleep(time).await;
    }

    /// Until when an acquisition that begins now stands in line for sure.
    fn waits_until(&self, wish: &Wish) -> Time {
        self.world().now() + if wish.counts_attempts { 0 } else { nanos(wish.wait) / 100 * 99 }
    }

    /// How long an acquisition may take: its time budget, or one attempt.
    fn patience(&self, wish: &Wish) -> Duration {
        wish.wait.max(self.world().scenario.node_timeout.of(wish.ttl))
    }

    fn habits(&self) -> &Habits {
        &self.world().scenario.habits
    }

    fn world(&self) -> &Arc<World> {
        &self.process.world
    }
}

impl Wish {
    fn draw(dice: &mut Dice, scenario: &Scenario) -> Self {
        let is_kept_alive = dice.chance(30);
        let longest = if is_kept_alive && dice.chance(80) { SHORT_TTL } else { LONGEST_TTL };
        let ttl = Duration::from_nanos(dice.magnitude(SHORTEST_TTL..=longest));
        let wait = dice.pick(&[0, 1, 1, 1]) * dice.magnitude(10 * MILLISECOND..=2 * SECOND);
        let wait = Duration::from_nanos(wait);
        let mut options = Options::new().wait(wait);
        let counts_attempts = dice.chance(10);
        if counts_attempts {
            options = options.attempts(dice.count(1..=3));
        }
        if dice.chance(10) {
            options = options.min_validity(ttl / 4);
        }
        let resource = format!("resource {}", dice.below(scenario.resources));
        let max_hold = Duration::from_nanos(dice.magnitude(nanos(ttl) / 8..=3 * nanos(ttl)));
        let kind = if dice.chance(40) { KeepAlive::up_to(max_hold) } else { KeepAlive::while_held() };
        let keep_alive = is_kept_alive.then_some(kind);
        options = options.keep_alive(keep_alive);
        if keep_alive.and_then(KeepAlive::max_hold).is_some_and(|max_hold| max_hold <= ttl / 4) {
            // It cannot be valid for longer than it may be held.
            options = options.min_validity(Duration::ZERO);
        }
        Self { resource, ttl, wait, options, counts_attempts, keep_alive }
    }
}

impl Process {
    /// Whether nobody may renew its locks any more: it was closed, or its runtime may have ended.
    fn has_closed_or_ended(&self) -> bool {
        self.world.referee.closed_at(self.index).is_some() || self.world.scenario.system.end_of_runtime > 0
    }

    /// What takes so long by the clock of the process must not have taken much longer in the world.
    pub(crate) fn check_in_time(&self, began_at: Time, patience: Duration, what: &str) {
        let (now, scenario) = (self.world.now(), &self.world.scenario);
        let patience = nanos(patience) / 100 * 101;
        let late = SLACK + 4 * scenario.system.latest + scenario.paused(self.index, began_at, now);
        self.world.expect(now <= began_at + patience + late, Invariant::Progress, || {
            format!("{what} of process {} took {} ms", self.index, (now - began_at) / MILLISECOND)
        });
    }
}

/// Waits until a lock is lost, or until it is released.
async fn watch(process: Process, hold: Arc<Hold>, news: Lost<Process>) {
    let Ok(loss) = Abandonable::new(news, Fate::Awaited, None).await else { return };
    process.tell(|| format!("lock {}: loss {loss:?}", hold.acquisition));
    hold.watch(false);
    let (now, deadline) = (process.now(), hold.deadline());
    let fits = match &loss {
        // Nobody renews it any more, which is told before the deadline.
        Loss::Closed => hold.is_kept_alive && process.has_closed_or_ended(),
        Loss::Released => hold.has_ended(),
        loss => {
            process.world.figures().losses += 1;
            process.world.figures().longest_holds += u64::from(*loss == Loss::MaxHoldReached);
            hold.may_end_with(loss) && now >= deadline
        }
    };
    process.world.expect(fits, Invariant::Deadline, || format!("lock {}: loss {loss:?}", hold.acquisition));
    if hold.is_known() {
        process.check_in_time(process.clock().time_of(deadline), Duration::ZERO, "the news of a loss");
    }
}
