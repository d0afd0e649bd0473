//! Draws for how long locks are held: kept alive, for a longest or a shortest time, and left for others to adopt.

use core::time::Duration;

use redlock_core::{KeepAlive, Options};

use super::{Job, Scenario};
use crate::clock::{MILLISECOND, SECOND, Time, nanos};
use crate::dice::Dice;

/// Separates these dice from all others, so that a world without such locks is the same as without these dice.
const SALT: u64 = 771_204;

/// No shortest hold is longer.
const LONGEST_MIN_HOLD: Time = 1_500 * MILLISECOND;

/// The additions to a world.
pub(super) struct Holding {
    is_there: bool,
    dice: Dice,
}

/// On which terms a lock is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) is_kept_alive: bool,
    /// For so long a lock that is kept alive may be held.
    pub(crate) max_hold: Option<Duration>,
    /// For so long nobody else gets it.
    pub(crate) min_hold: Duration,
    /// It is not acquired, but taken over.
    pub(crate) adopts: Option<Adoption>,
    /// Others can see whose it is.
    pub(crate) is_labelled: bool,
}

/// The job that leaves its lock when it is done, and how long after that it is adopted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adoption {
    pub(crate) from: usize,
    pub(crate) after: Time,
}

impl Terms {
    /// Until it is released, and no longer than its TTL.
    pub(crate) const NONE: Self =
        Self { is_kept_alive: false, max_hold: None, min_hold: Duration::ZERO, adopts: None, is_labelled: false };

    /// Follows the jobs when one of them is taken away.
    pub(super) fn forget(&mut self, job: usize) {
        self.adopts = self.adopts.filter(|adoption| adoption.from != job).map(|adoption| {
            let from = if adoption.from > job { adoption.from - 1 } else { adoption.from };
            Adoption { from, ..adoption }
        });
    }
}

impl Holding {
    /// Draws what the seed decides of it.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ SALT);
        Self { is_there: dice.chance(25), dice }
    }

    /// Changes for how long the jobs hold their locks, unless many want the same.
    pub(super) fn vary(&mut self, scenario: &mut Scenario) {
        self.is_there &= !scenario.is_crowded;
        if !self.is_there {
            return;
        }
        scenario.jobs.iter_mut().for_each(|job| self.vary_job(job));
        for from in 0..scenario.jobs.len() {
            if self.dice.chance(35) {
                let heir = self.draw_heir(from, scenario);
                scenario.jobs.push(heir);
            }
        }
    }

    /// Lets a lock be held for long that nobody disturbs.
    pub(super) fn keep(&self, probe: Job) -> Job {
        if !self.is_there {
            return probe;
        }
        let terms = Terms { is_kept_alive: true, ..Terms::NONE };
        Job { options: probe.options.keep_alive(KeepAlive::while_held()), terms, hold: 3 * SECOND, ..probe }
    }

    fn vary_job(&mut self, job: &mut Job) {
        let dice = &mut self.dice;
        let ttl = nanos(job.ttl);
        if dice.chance(50) {
            let max_hold = dice.chance(40).then(|| Duration::from_nanos(dice.magnitude(ttl / 8..=3 * ttl)));
            let keep_alive = max_hold.map_or(KeepAlive::while_held(), KeepAlive::up_to);
            let interval = Duration::from_nanos(dice.time(ttl / 8..=ttl / 2));
            let keep_alive = if dice.chance(30) { keep_alive.every(interval) } else { keep_alive };
            job.options = job.options.keep_alive(keep_alive);
            (job.terms.is_kept_alive, job.terms.max_hold) = (true, max_hold);
            if max_hold.is_some_and(|max_hold| max_hold <= job.ttl / 4) {
                // It cannot be valid for longer than it may be held.
                job.options = job.options.min_validity(Duration::ZERO);
            }
            job.renewal = job.renewal.filter(|_| dice.chance(40));
            job.hold = dice.time(0..=6 * ttl);
        }
        if dice.chance(25) {
            job.terms.min_hold = Duration::from_nanos(dice.magnitude(MILLISECOND..=(2 * ttl).min(LONGEST_MIN_HOLD)));
            job.options = job.options.min_hold(job.terms.min_hold);
        }
    }

    /// Draws who adopts the lock of a job: somebody in another process.
    fn draw_heir(&mut self, from: usize, scenario: &Scenario) -> Job {
        let plan = &scenario.jobs[from];
        let clients = scenario.client_clocks.len();
        let after = self.dice.magnitude(MILLISECOND..=nanos(plan.ttl));
        let mut heir = Job {
            client: (plan.client + 1 + self.dice.below(clients - 1)) % clients,
            options: Options::new().fenced(plan.options.is_fenced()),
            renewal: None,
            terms: Terms { adopts: Some(Adoption { from, after }), ..Terms::NONE },
            cancelled_at: self.dice.chance(10).then(|| self.dice.count(1..=6)),
            ..plan.clone()
        };
        self.vary_job(&mut heir);
        heir
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ONCE_FAILED;

    #[test]
    fn seeds_that_failed_before_have_none_of_it() {
        for seed in ONCE_FAILED {
            assert!(!Holding::draw(seed).is_there, "seed {seed}");
        }
    }

    #[test]
    fn who_adopts_is_in_another_process_than_who_leaves() {
        let scenarios = || (0..400).map(Scenario::draw);
        let heirs = scenarios().flat_map(|scenario| {
            let pairs = scenario.jobs.iter().filter_map(|heir| {
                let from = &scenario.jobs[heir.terms.adopts?.from];
                Some((from.client, heir.client, from.ttl == heir.ttl))
            });
            pairs.collect::<Vec<_>>()
        });
        let heirs: Vec<_> = heirs.collect();
        assert!(heirs.len() > 100 && heirs.iter().all(|(from, to, same_ttl)| from != to && *same_ttl));
    }
}
