//! Draws whose locks have a label.

use super::{BUSY_UNTIL, Mode, Scenario};
use crate::clock::MILLISECOND;
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};

/// Separates these dice from all others, so that a world without labels is the same as without these dice.
const SALT: u64 = 530_950;

/// Of so many keys at most the nodes of a hostile world lose one and keep the label beside it.
const MOST_EVICTIONS: usize = 8;

/// The additions to a world.
pub(super) struct Labels {
    is_there: bool,
    dice: Dice,
}

impl Labels {
    /// Draws what the seed decides of it.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ SALT);
        Self { is_there: dice.chance(25), dice }
    }

    /// Gives some of the locks a label.
    pub(super) fn vary(&mut self, scenario: &mut Scenario) {
        if self.is_there {
            scenario.jobs.iter_mut().for_each(|job| job.terms.is_labelled = self.dice.chance(50));
        }
    }

    /// Adds the faults after which a label stands beside the key of somebody else.
    pub(super) fn add_faults(&mut self, scenario: &mut Scenario) {
        if !self.is_there || scenario.mode != Mode::Hostile {
            return;
        }
        for _ in 0..self.dice.below(MOST_EVICTIONS + 1) {
            let (kind, dice) = (FaultKind::Eviction, &mut self.dice);
            let (node, client) = (dice.below(scenario.node_clocks.len()), dice.below(scenario.client_clocks.len()));
            let begins_at = dice.time(0..=BUSY_UNTIL);
            scenario.faults.push(Fault { kind, begins_at, lasts: MILLISECOND, node, client });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ONCE_FAILED;

    #[test]
    fn seeds_that_failed_before_have_none() {
        for seed in ONCE_FAILED.into_iter().chain([45_630, 1_007_927, 2_028_512]) {
            assert!(!Labels::draw(seed).is_there, "seed {seed}");
        }
    }
}
