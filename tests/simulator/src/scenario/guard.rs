//! Draws how clients guard against nodes that have forgotten their keys.

use core::time::Duration;

use redlock_core::RestartGuard;

use super::{BUSY_UNTIL, Scenario};
use crate::clock::{MILLISECOND, SECOND};
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};

/// Separates the dice of the restart guard from all others.
const SALT: u64 = 402_656;

/// Separates the dice of clients that see a restart late from all others.
const LATE_SALT: u64 = 718_281;

/// Separates the dice of nodes that are replicas for a while from all others.
const DEMOTION_SALT: u64 = 577_215;

/// Which nodes have no vote because they may have forgotten what they had granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// None: they come back when everything that they forgot has expired.
    Off,
    /// Those that a client has seen to be started again. This is the default of every handle.
    Seen,
    /// Those that were started lately, whoever has seen it.
    Strict,
}

impl Guard {
    /// Draws what the seed decides.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ SALT);
        match (dice.chance(20), dice.chance(50)) {
            (false, _) => Self::Off,
            (true, false) => Self::Seen,
            (true, true) => Self::Strict,
        }
    }

    /// Lets a client see late that a node was started again: it cannot connect to it for seconds. The moment at which the node
    /// has a vote again then depends on when its server was started.
    pub(super) fn add_faults(self, scenario: &mut Scenario) {
        let mut dice = Dice::new(scenario.seed ^ LATE_SALT);
        if !self.is_on() || !dice.chance(40) {
            return;
        }
        let node = dice.below(scenario.node_clocks.len());
        let (begins_at, lasts) = (dice.time(0..=BUSY_UNTIL / 2), dice.magnitude(MILLISECOND..=SECOND / 2));
        let ends_late = lasts + dice.time(SECOND..=4 * SECOND);
        let client = dice.below(scenario.client_clocks.len());
        for (kind, lasts) in [(FaultKind::Amnesia, lasts), (FaultKind::Cut, ends_late)] {
            scenario.faults.push(Fault { kind, begins_at, lasts, node, client });
        }
    }

    /// Lets some nodes that forget their keys do so without ending: they are replicas meanwhile.
    pub(super) fn demote(self, scenario: &mut Scenario) {
        let mut dice = Dice::new(scenario.seed ^ DEMOTION_SALT);
        for fault in scenario.faults.iter_mut().filter(|fault| self.is_on() && fault.kind == FaultKind::Amnesia) {
            fault.kind = if dice.chance(30) { FaultKind::Demotion } else { fault.kind };
        }
    }

    /// Returns whether nodes that have forgotten their keys are back at once.
    pub(crate) fn is_on(self) -> bool {
        self != Self::Off
    }

    /// Returns the setting of all clients, where no key lives for longer than `longest_ttl`.
    pub(super) const fn of_clients(self, longest_ttl: Duration) -> RestartGuard {
        match self {
            Self::Off => RestartGuard::OFF,
            Self::Seen => RestartGuard::SEEN.longest_ttl(longest_ttl),
            Self::Strict => RestartGuard::STRICT.longest_ttl(longest_ttl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_guarded_worlds_have_the_default() {
        let worlds = |guard| (0..10_000).filter(|seed| Guard::draw(*seed) == guard).count();
        for guard in [Guard::Seen, Guard::Strict] {
            assert!((900..1_100).contains(&worlds(guard)), "{guard:?}: {}", worlds(guard));
        }
    }
}
