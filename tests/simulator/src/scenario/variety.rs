//! Draws what only some worlds have: locks of several names, pings and silent connections, overlapping extensions.

use core::time::Duration;

use redlock_core::{Config, RestartGuard};

use super::job::SecondExtension;
use super::{BUSY_UNTIL, Guard, Job, Renewal, Scenario};
use crate::clock::{MILLISECOND, Time, nanos};
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};
use crate::names::Names;

/// Separates the dice of the variety from all others, so that a world that has none stays as it was. With this number, the
/// seeds that had failed before there was any variety have none, and still show what they showed.
const SALT: u64 = 27_432;

/// Separates the dice of fences from all others.
const FENCE_SALT: u64 = 190_731;

/// The silence timeout of a world without pings: short enough that nodes hang for longer.
const SILENCE_TIMEOUT: Time = 1_000 * MILLISECOND;

/// In a world with overlapping extensions no TTL is longer, so that a node that has forgotten its keys is soon back, while
/// the locks are still held.
const SHORT_TTL: Time = 200 * MILLISECOND;

/// The additions to a world.
pub(super) struct Variety {
    has_several_names: bool,
    has_pings: bool,
    has_overlaps: bool,
    fences: Option<Fences>,
    pub(super) guard: Guard,
    /// The silence timeout, and after how long a connection is tried out.
    silence: (Time, Option<Time>),
    dice: Dice,
}

/// What the clients of a world in which locks are fenced propose to the nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fences {
    Nothing,
    TheirClocks,
}

impl Variety {
    /// Draws what the seed decides of it.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ SALT);
        let (has_several_names, has_pings, has_overlaps) = (dice.chance(50), dice.chance(40), dice.chance(30));
        let mut fences = Dice::new(seed ^ FENCE_SALT);
        let (is_fenced, proposes) = (fences.chance(30), fences.chance(40));
        let fences = is_fenced.then_some(if proposes { Fences::TheirClocks } else { Fences::Nothing });
        let silence = if has_pings { draw_silence(&mut dice) } else { (SILENCE_TIMEOUT, None) };
        Self { has_several_names, has_pings, has_overlaps, fences, guard: Guard::draw(seed), silence, dice }
    }

    /// Returns the settings of all clients.
    pub(super) fn config(&self, nodes: usize, guard: RestartGuard) -> Config {
        let names = ["node 0", "node 1", "node 2", "node 3", "node 4"];
        let (silence, ping) = self.silence;
        let config = Config::builder(names.into_iter().take(nodes))
            .silence_timeout(Duration::from_nanos(silence))
            .ping_interval(ping.map(Duration::from_nanos))
            .restart_guard(guard);
        config.build().expect("the names are distinct")
    }

    /// Changes what the jobs lock, and how they extend it.
    pub(super) fn vary_jobs(&mut self, scenario: &mut Scenario) {
        if self.has_several_names {
            scenario.resources = self.dice.pick(&[2, 3, 3]);
            let resources = scenario.resources;
            scenario.jobs.iter_mut().for_each(|job| job.names = Names::draw(&mut self.dice, resources));
        }
        if let Some(fences) = self.fences {
            scenario.jobs.iter_mut().for_each(|job| job.options = job.options.fenced(true));
            scenario.proposes = fences == Fences::TheirClocks;
        }
        if self.has_overlaps {
            let round_trip = scenario.round_trip();
            scenario.jobs.iter_mut().for_each(|job| self.overlap_extensions(job, round_trip));
        }
    }

    /// Lets a user keep the lock for many times its TTL, and extend it again before the nodes have answered.
    fn overlap_extensions(&mut self, job: &mut Job, round_trip: Time) {
        let ttl = nanos(job.ttl).min(self.dice.time(SHORT_TTL / 3..=SHORT_TTL));
        // What was drawn for a longer TTL may leave nothing of this one.
        job.options = job.options.min_validity(Duration::ZERO);
        job.ttl = Duration::from_nanos(ttl);
        let mut short =
            || Duration::from_nanos(if self.dice.chance(70) { ttl } else { self.dice.time(ttl / 2..=SHORT_TTL) });
        let (first, second) = (short(), short());
        if self.dice.chance(95) {
            let second = SecondExtension { after: self.dice.time(0..=3 * round_trip), ttl: second };
            let every = self.dice.time(ttl / 3..=ttl - ttl / 5);
            job.renewal = Some(Renewal { every, ttl: first, second: Some(second) });
            job.hold = ttl * self.dice.time(2..=10);
        }
    }

    /// Adds the faults without which the rest of it would seldom matter.
    pub(super) fn add_faults(&mut self, scenario: &mut Scenario) {
        if self.has_pings {
            let silences = self.dice.below(4);
            self.add(FaultKind::Silence, silences, scenario);
        }
        // They make nodes lack their keys, and answers come when a later extension has been confirmed.
        if self.has_overlaps {
            for (kind, most) in [(FaultKind::Amnesia, 2), (FaultKind::Refusal, 3), (FaultKind::Loss, 6)] {
                let many = self.dice.below(most + 1);
                self.add(kind, many, scenario);
            }
        }
    }

    fn add(&mut self, kind: FaultKind, many: usize, scenario: &mut Scenario) {
        for _ in 0..many {
            let dice = &mut self.dice;
            let lasts = match kind {
                FaultKind::Silence => dice.magnitude(MILLISECOND..=BUSY_UNTIL / 4),
                _ => dice.time(MILLISECOND..=SHORT_TTL),
            };
            let lasts = if kind == FaultKind::Amnesia { scenario.time_to_forget(lasts) } else { lasts };
            let (node, client) = (dice.below(scenario.node_clocks.len()), dice.below(scenario.client_clocks.len()));
            scenario.faults.push(Fault { kind, begins_at: dice.time(0..=BUSY_UNTIL), lasts, node, client });
        }
    }
}

fn draw_silence(dice: &mut Dice) -> (Time, Option<Time>) {
    let silence = dice.magnitude(40 * MILLISECOND..=1_000 * MILLISECOND);
    (silence, Some(dice.magnitude(100 * MILLISECOND..=800 * MILLISECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ONCE_FAILED;

    #[test]
    fn seeds_that_failed_before_have_none_of_it() {
        for seed in ONCE_FAILED {
            let variety = Variety::draw(seed);
            assert!(!variety.has_several_names && !variety.has_pings && !variety.has_overlaps, "seed {seed}");
            assert!(!variety.guard.is_on(), "seed {seed}");
        }
    }

    #[test]
    fn several_names_come_in_any_order() {
        let jobs = || (0..1_000).flat_map(|seed| Scenario::draw(seed).jobs);
        let has = |wanted: &[usize]| jobs().any(|job| job.names.iter().eq(wanted.iter().copied()));
        assert!(has(&[0, 2]) && has(&[2, 0]) && has(&[1, 0, 2]) && has(&[2, 1, 0]));
    }
}
