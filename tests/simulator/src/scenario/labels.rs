//! Draws whose locks have a label.

use super::Scenario;
use crate::dice::Dice;

/// Separates these dice from all others, so that a world without labels is the same as without these dice.
const SALT: u64 = 530_911;

/// Gives some of the locks a label, in some of the worlds.
pub(super) fn vary(seed: u64, scenario: &mut Scenario) {
    let mut dice = Dice::new(seed ^ SALT);
    if dice.chance(25) {
        scenario.jobs.iter_mut().for_each(|job| job.terms.is_labelled = dice.chance(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_that_failed_before_have_none() {
        for seed in [81, 62_567, 63_423, 80_217, 316_551, 1_795_842_944_025_636, 1_795_859_802_023_406] {
            assert!(Scenario::draw(seed).jobs.iter().all(|job| !job.terms.is_labelled), "seed {seed}");
        }
    }
}
