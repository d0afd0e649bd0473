//! Those who all want the same when nothing goes wrong any more: whoever waits is called up.

use std::sync::Arc;
use std::time::Duration;

use redlock_blocking::{AcquireError, Redlock, RetryDelay};
use redlock_simulator::{Dice, MICROSECOND, MILLISECOND, SECOND, Time};

use crate::scheduler::Scheduler;
use crate::world::World;

/// What the crowd wants.
pub(crate) const WANTED: &str = "wanted by all";

/// All members begin within this time.
const BURST: Time = 20 * MILLISECOND;
const LONGEST_HOLD: Time = 5 * MILLISECOND;
/// What newcomers may cost all together who split the votes.
const SLACK: Time = SECOND;
/// Longer than a crowd lasts, so that no lock ends by itself.
const TTL: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(120);
/// Whoever stands in a queue finds nothing out by asking now and then. Those without a place, because a newcomer got in their
/// way, ask again soon.
const ONLY_CALLED_UP: RetryDelay = RetryDelay::new(RetryDelay::DEFAULT.base(), Duration::from_secs(3_600));

/// A thread that wants what all others want.
pub(crate) struct Member {
    world: Arc<World>,
    redlock: Redlock,
    dice: Dice,
    served_by: Time,
}

impl Member {
    pub(crate) fn start(world: &Arc<World>, redlock: &Redlock, dice: Dice) {
        let served_by = world.scheduler.now() + served_within(world);
        let member = Self { world: world.clone(), redlock: redlock.clone(), dice, served_by };
        world.scheduler.spawn("member of the crowd", move || member.run()).unwrap();
    }

    fn run(mut self) {
        let late = self.dice.time(0..=BURST);
        self.scheduler().sleep(late);
        for _ in 0..self.world.scenario.crowd.rounds {
            self.take_turn();
            let rest = self.dice.pick(&[0, 0, 1]) * self.dice.magnitude(MICROSECOND..=50 * MILLISECOND);
            self.scheduler().sleep(rest);
        }
        self.world.member_leaves();
    }

    fn take_turn(&mut self) {
        let delay = if self.world.scenario.is_called_up() { ONLY_CALLED_UP } else { RetryDelay::DEFAULT };
        let acquire = self.redlock.acquire(WANTED, TTL).wait(PATIENCE).retry_delay(delay);
        let gives_up = self.dice.chance(self.world.scenario.crowd.aborts);
        if gives_up {
            let (abort, scheduler) = (acquire.abort_handle(), self.scheduler().clone());
            let at = scheduler.now() + self.dice.magnitude(MICROSECOND..=100 * MILLISECOND);
            let aborter = move || {
                scheduler.sleep_until(at);
                abort.abort();
            };
            self.scheduler().spawn("aborter", aborter).unwrap();
        }
        let result = acquire.lock();
        self.check_in_time();
        match result {
            Ok(guard) => {
                self.world.count("acquired in a crowd");
                let deadline = redlock_simulator::nanos(guard.deadline().since_epoch());
                let number = self.world.referee.begin(WANTED, deadline, self.scheduler());
                self.scheduler().tell(|| format!("holds {WANTED}"));
                let hold = self.dice.time(0..=LONGEST_HOLD);
                self.scheduler().sleep(hold);
                self.world.referee.end(number);
                if self.dice.chance(50) {
                    drop(guard);
                } else {
                    drop(guard.release());
                }
            }
            Err(AcquireError::Aborted) if gives_up => {}
            Err(error) => self.scheduler().fail(format!("nobody was called up in vain: {error}")),
        }
    }

    fn check_in_time(&self) {
        let (now, latest) = (self.scheduler().now(), self.served_by);
        let is_in_time = !self.world.scenario.is_called_up() || now <= latest;
        self.scheduler().expect(is_in_time, || format!("a turn came {} ms late", (now - latest) / MILLISECOND));
    }

    fn scheduler(&self) -> &Arc<Scheduler> {
        &self.world.scheduler
    }
}

/// How long it takes until everybody has had all turns: each takes the call-up, the round trip, and the one that the waiter may
/// have been owed.
pub(crate) fn served_within(world: &World) -> Time {
    let scenario = &world.scenario;
    let each = LONGEST_HOLD + 8 * scenario.longest_way() + 5 * MILLISECOND;
    BURST + scenario.turns_in_crowd() * each + SLACK
}
