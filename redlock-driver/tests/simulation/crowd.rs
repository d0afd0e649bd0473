//! Those who all want the same when nothing goes wrong any more: whoever waits is called up.

use std::sync::Arc;
use std::time::Duration;

use redlock_driver::{KeepAlive, LockGuard, Options, Redlock, RetryDelay};
use redlock_simulator::{Dice, MICROSECOND, MILLISECOND, SECOND, Time};

use crate::abandon::{Abandonable, Fate};
use crate::invariant::Invariant;
use crate::process::{Process, Sleep};
use crate::referee::Hold;
use crate::world::World;

/// What the crowd wants.
pub(crate) const WANTED: &str = "wanted by all";

/// So long after the last user, all connections stand, and no home is distrusted any more.
const CALM_WITHIN: Time = 12 * SECOND;
/// What is broken is found out by the first call; so much earlier than that.
const FOUND_OUT_BEFORE: Time = 6 * SECOND;
/// All members begin within this time.
const BURST: Time = 20 * MILLISECOND;
const LONGEST_HOLD: Time = 5 * MILLISECOND;
/// What newcomers may cost all together who split the votes.
const SLACK: Time = SECOND;
/// So much later than the crowd, whoever gave up has left the queue.
const SETTLES_WITHIN: Time = SECOND;
/// Longer than a crowd lasts, so that no lock ends by itself.
const TTL: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(120);
/// Whoever stands in a queue finds nothing out by asking now and then. Those without a place, because a newcomer got in their
/// way, ask again soon.
const ONLY_CALLED_UP: RetryDelay = RetryDelay::new(RetryDelay::DEFAULT.base(), Duration::from_secs(3_600));

/// One of those who want the same.
pub(crate) struct Member {
    process: Process,
    redlock: Redlock<Process>,
    dice: Dice,
}

impl Member {
    pub(crate) fn new(process: &Process, redlock: Redlock<Process>, dice: Dice) -> Self {
        Self { process: process.clone(), redlock, dice }
    }

    pub(crate) async fn run(mut self) {
        let begins_at = self.wait_for_calm().await;
        if self.world().referee.closed_at(self.process.index).is_some() {
            return;
        }
        let late = self.dice.time(0..=BURST);
        Sleep::until(self.world(), begins_at + late).await;
        for _ in 0..self.world().scenario.crowd.rounds {
            self.take_turn(begins_at).await;
            let rest = self.dice.pick(&[0, 0, 1]) * self.dice.magnitude(MICROSECOND..=50 * MILLISECOND);
            self.process.sleep(rest).await;
        }
        // A process that ends is called up in vain until the node notices that it is gone.
        Sleep::until(self.world(), self.served_at(begins_at) + SETTLES_WITHIN).await;
    }

    /// Waits until the last user has gone, and makes sure that all connections stand; returns when all begin.
    async fn wait_for_calm(&mut self) -> Time {
        Sleep::until_healed(self.world()).await;
        while self.world().users_left() > 0 {
            self.process.sleep(100 * MILLISECOND).await;
        }
        let begins_at = self.world().last_user_left_at() + CALM_WITHIN;
        Sleep::until(self.world(), begins_at - FOUND_OUT_BEFORE).await;
        let name = format!("of {} {}", self.process.index, self.dice.count(0..=u32::MAX));
        drop(self.redlock.try_lock(&name, TTL).await);
        begins_at
    }

    async fn take_turn(&mut self, begins_at: Time) {
        let world = self.world().clone();
        let options = Options::new().wait(PATIENCE).retry_delay(self.retry_delay());
        let acquisition = world.ledger().acquisitions();
        world.figures().acquisitions += 1;
        let acquire = Abandonable::new(self.redlock.lock(WANTED, TTL).options(options), self.fate(), None);
        let (process, has_news) = (self.process.index, acquire.has_news());
        world.referee.line_up(process, WANTED.as_bytes(), acquisition, Time::MAX, has_news);
        let acquired = acquire.await;
        world.referee.leave_line(acquisition);
        self.check_in_time(begins_at);
        match acquired {
            Ok(Ok(guard)) => self.hold(acquisition, guard).await,
            Ok(Err(error)) => world.violate(Invariant::Turn, format!("lock {acquisition}: {error}")),
            Err(_) => self.process.tell(|| format!("lock {acquisition} is dropped while it waits")),
        }
    }

    async fn hold(&mut self, acquisition: usize, guard: LockGuard<Process>) {
        let world = self.world().clone();
        self.process.tell(|| format!("lock {acquisition} on {WANTED} is held"));
        world.figures().grants_in_crowds += 1;
        world.referee.check_order(&world, self.process.index, WANTED.as_bytes(), acquisition);
        let hold = Hold::new(&self.process, acquisition, guard, None::<KeepAlive>);
        world.referee.begin(&hold);
        world.referee.check(&world, &hold);
        self.process.sleep(self.dice.time(0..=LONGEST_HOLD)).await;
        let guard = hold.end();
        if self.dice.chance(50) {
            drop(guard);
        } else {
            drop(Abandonable::new(guard.release(), Fate::Awaited, None).await);
        }
    }

    /// Some give up while they wait.
    fn fate(&mut self) -> Fate {
        if self.dice.chance(self.world().scenario.crowd.abandon) {
            Fate::At(self.process.sleep(self.dice.magnitude(MICROSECOND..=100 * MILLISECOND)))
        } else {
            Fate::Awaited
        }
    }

    /// When everybody has had all turns: each takes the call-up, the round trip, and the one that the waiter may have been
    /// owed.
    fn served_at(&self, begins_at: Time) -> Time {
        let scenario = &self.world().scenario;
        let each = LONGEST_HOLD + 8 * scenario.network.longest + 5 * MILLISECOND;
        begins_at + BURST + scenario.crowd.turns() * each + SLACK
    }

    fn check_in_time(&self, begins_at: Time) {
        let now = self.world().now();
        let is_in_time = !self.world().scenario.is_called_up() || now <= self.served_at(begins_at);
        self.world().expect(is_in_time, Invariant::Turn, || format!("it took {} ms", (now - begins_at) / MILLISECOND));
    }

    /// Nobody finds anything out by asking, where all hear of their turn.
    fn retry_delay(&self) -> RetryDelay {
        if self.world().scenario.is_called_up() { ONLY_CALLED_UP } else { RetryDelay::DEFAULT }
    }

    fn world(&self) -> &Arc<World> {
        &self.process.world
    }
}
