//! Draws the worlds in which many want the same, and what goes wrong with the queues in which they wait.

use core::time::Duration;

use redlock_core::{NodeId, Options};

use super::{BUSY_UNTIL, HEALED_AT, Job, Mode, Scenario, Terms};
use crate::clock::{MILLISECOND, SECOND, Time, nanos};
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};
use crate::names::{Names, name};

/// Separates the dice of the crowd from all others, so that a world without one is the same as without these dice.
const SALT: u64 = 914_015;

/// Separates the dice of those in a crowd who want several things together from all others. With this number, the seeds that
/// had failed before there were any have none.
const SEVERAL_SALT: u64 = 610_001;

/// So many want the same at most.
const MOST_JOBS: usize = 30;

/// After the healing those of the last burst begin within this time.
const LAST_BURST: Time = 300 * MILLISECOND;

/// A client that stands still in the last burst does so for this long at most.
const LAST_PAUSE: Time = 500 * MILLISECOND;

/// A connection that is cut in the last burst cannot be opened again for this long at most.
const LAST_CUT: Time = 20 * MILLISECOND;

/// Those of the last burst hold their locks for this long at most.
const LONGEST_LAST_HOLD: Time = 60 * MILLISECOND;

/// What asking now and then may cost all together.
const PATIENCE: Time = 2 * SECOND;

/// The additions to a world.
pub(super) struct Crowd {
    is_there: bool,
    lies: bool,
    dice: Dice,
    /// Some want several things together.
    has_several_names: bool,
    names: Dice,
}

impl Crowd {
    /// Draws what the seed decides of it.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ SALT);
        let (is_there, lies) = (dice.chance(25), dice.chance(8));
        let mut names = Dice::new(seed ^ SEVERAL_SALT);
        let has_several_names = is_there && names.chance(40);
        Self { is_there, lies, dice, has_several_names, names }
    }

    /// Returns how many clients there are.
    pub(super) fn clients(&mut self, usual: usize) -> usize {
        if self.is_there { 3 + self.dice.below(6) } else { usual }
    }

    /// Changes what can happen to call-ups, and who wants what.
    pub(super) fn vary(&mut self, scenario: &mut Scenario) {
        let dice = &mut self.dice;
        let mut sometimes = |percent, most| if dice.chance(percent) { dice.count(1..=most) } else { 0 };
        let network = &mut scenario.network;
        (network.lost_call_up, network.double_call_up, network.stray_call_up) =
            (sometimes(30, 50), sometimes(30, 30), sometimes(30, 10));
        scenario.lies = self.lies;
        scenario.is_crowded = self.is_there;
        if self.is_there {
            scenario.resources = 1 + usize::from(self.dice.chance(25));
            let jobs = 6 + self.dice.below(MOST_JOBS - 5);
            let begins_at = self.dice.magnitude(MILLISECOND..=BUSY_UNTIL / 2);
            scenario.jobs = (0..jobs).map(|_| self.draw_job(scenario, begins_at)).collect();
        }
        if self.has_several_names {
            let resources = 2 + usize::from(self.names.chance(50));
            scenario.resources = resources;
            scenario.jobs.iter_mut().for_each(|job| job.names = Names::draw(&mut self.names, resources));
        }
    }

    fn draw_job(&mut self, scenario: &Scenario, begins_at: Time) -> Job {
        let dice = &mut self.dice;
        let wait = if dice.chance(80) { 60 * SECOND } else { dice.magnitude(10 * MILLISECOND..=3 * SECOND) };
        let hold = dice.magnitude(100_000..=20 * MILLISECOND);
        Job {
            client: dice.below(scenario.client_clocks.len()),
            names: Names::one(dice.below(scenario.resources)),
            begins_at: dice.time(0..=begins_at),
            ttl: Duration::from_nanos(dice.time(150 * MILLISECOND..=1_000 * MILLISECOND)),
            options: Options::new().wait(Duration::from_nanos(wait)),
            hand_over_delay: if dice.chance(5) { dice.magnitude(MILLISECOND..=SECOND) } else { 0 },
            hold,
            renewal: None,
            terms: Terms::NONE,
            cancelled_at: dice.chance(10).then(|| dice.count(1..=12)),
            is_probe: false,
        }
    }

    /// Adds the faults that matter to those who wait: of the nodes that keep the queues, of the way there, of the clients.
    pub(super) fn add_faults(&mut self, scenario: &mut Scenario) {
        if !self.is_there {
            return;
        }
        for _ in 0..self.dice.below(5) {
            let kind = self.dice.pick(&[
                FaultKind::Crash,
                FaultKind::Amnesia,
                FaultKind::Hang,
                FaultKind::Slow,
                FaultKind::Refusal,
                FaultKind::Cut,
                FaultKind::Cut,
                FaultKind::Silence,
                FaultKind::Pause,
                FaultKind::Pause,
                FaultKind::ClientCrash,
                FaultKind::ClientCrash,
            ]);
            let lasts = self.dice.magnitude(MILLISECOND..=BUSY_UNTIL / 2);
            let lasts = if kind == FaultKind::Amnesia { scenario.time_to_forget(lasts) } else { lasts };
            let begins_at = self.dice.magnitude(MILLISECOND..=BUSY_UNTIL);
            // Without pings nobody finds out about a silence before there is something to send.
            let is_found_out = kind != FaultKind::Silence || scenario.config.ping_interval().is_some();
            let kind = if is_found_out { kind } else { FaultKind::Cut };
            let resource = self.dice.below(scenario.resources);
            let node = scenario.home(resource);
            let client = self.dice.below(scenario.client_clocks.len());
            scenario.faults.push(Fault { kind, begins_at, lasts, node, client });
        }
    }

    /// In a live world, many begin when all is well for long, and some of their clients end or stand still.
    pub(super) fn add_last_burst(&mut self, scenario: &mut Scenario) {
        if !self.is_there || scenario.mode != Mode::Live {
            return;
        }
        let calm_at = scenario.calm_at();
        let burst = self.dice.magnitude(MILLISECOND..=LAST_BURST);
        let hold = self.dice.magnitude(MILLISECOND..=LONGEST_LAST_HOLD);
        for job in 0..scenario.jobs.len() {
            if self.dice.chance(80) {
                scenario.jobs[job].begins_at = calm_at + self.dice.time(0..=burst);
                scenario.jobs[job].hold = self.dice.time(0..=hold);
            }
        }
        for _ in 0..self.dice.below(4) {
            let kind = self.dice.pick(&[FaultKind::Pause, FaultKind::ClientCrash, FaultKind::Cut]);
            let begins_at = calm_at + self.dice.time(0..=2 * LAST_BURST);
            let lasts = self.dice.magnitude(MILLISECOND..=if kind == FaultKind::Cut { LAST_CUT } else { LAST_PAUSE });
            let resource = self.dice.below(scenario.resources);
            let node = scenario.home(resource);
            // The first client is the one of the probe.
            let client = 1 + self.dice.below(scenario.client_clocks.len() - 1);
            scenario.faults.push(Fault { kind, begins_at, lasts, node, client });
        }
    }
}

impl Scenario {
    /// Returns the home of a resource.
    pub(crate) fn home(&self, resource: usize) -> usize {
        let home = self.config.home(&name(resource).into());
        home.map_or(0, NodeId::index)
    }

    /// In a live world, from when on all connections stand, nobody distrusts a home any more, and no key of a client that
    /// has ended is left.
    pub(crate) fn calm_at(&self) -> Time {
        HEALED_AT + self.silence_is_noticed_after() + self.trusted_after() + 3 * SECOND + nanos(self.longest_ttl())
    }

    /// In a live world with a crowd that is called up, when everybody has had the lock: each has held it and was called up,
    /// those who have ended or stood still were waited for, and some had to find out by asking.
    pub(crate) fn everyone_is_served_at(&self) -> Option<Time> {
        let each = 8 * self.network.longest + 5 * MILLISECOND;
        let held: Time = self.jobs.iter().filter(|job| !job.is_probe).map(|job| job.hold + each).sum();
        let is_late = |fault: &&Fault| fault.begins_at >= self.calm_at();
        let hits = self.faults.iter().filter(is_late).count() as u64;
        let hits = hits * (nanos(self.longest_ttl()) + LAST_PAUSE + SECOND);
        // Of several names another one may be held, again and again: then each in its way has had it by then.
        let has_several_names = self.jobs.iter().any(|job| job.names.len() > 1);
        let patience = if has_several_names { 2 * PATIENCE } else { PATIENCE };
        let at = self.calm_at() + LAST_BURST + held + hits + patience;
        (self.mode == Mode::Live && self.is_crowded && self.network.announces).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ONCE_FAILED;

    #[test]
    fn seeds_that_failed_before_there_were_crowds_have_none() {
        for seed in ONCE_FAILED {
            let crowd = Crowd::draw(seed);
            assert!(!crowd.is_there && !crowd.lies, "seed {seed}");
        }
    }

    #[test]
    fn seeds_that_failed_before_some_wanted_several_things_have_none_who_do() {
        let failed = [45_630, 1_007_927, 2_028_512, 1_795_913_347_001_247, 1_795_909_708_012_702];
        for seed in failed {
            assert!(!Crowd::draw(seed).has_several_names, "seed {seed}");
        }
        let crowds = (0..400).map(Scenario::draw).filter(|scenario| scenario.is_crowded);
        let has_several_names = |scenario: &Scenario| scenario.jobs.iter().any(|job| job.names.len() > 1);
        assert!(crowds.filter(has_several_names).count() > 20);
    }

    #[test]
    fn crowds_want_one_thing_or_two_and_are_large() {
        let crowds: Vec<_> = (0..400).map(Scenario::draw).filter(|scenario| scenario.is_crowded).collect();
        assert!(crowds.len() > 50);
        assert!(crowds.iter().any(|scenario| scenario.jobs.len() >= MOST_JOBS));
        assert!(crowds.iter().any(|scenario| scenario.lies));
    }
}
