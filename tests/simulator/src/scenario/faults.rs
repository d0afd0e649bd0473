//! What goes wrong in a world.

use super::{BUSY_UNTIL, HEALED_AT, Mode, Scenario};
use crate::clock::{MILLISECOND, SECOND, Time, nanos};
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};

impl Scenario {
    pub(super) fn draw_faults(&mut self, dice: &mut Dice) {
        self.draw_faults_of(&FaultKind::WITHIN_THE_PROMISE, dice);
        if self.mode == Mode::Hostile {
            self.draw_faults_of(&FaultKind::BEYOND_THE_PROMISE, dice);
        }
    }

    /// A swarm: a seed has most kinds not at all, so that a few are seen undisturbed by the others.
    fn draw_faults_of(&mut self, kinds: &[FaultKind], dice: &mut Dice) {
        for &kind in kinds {
            let many = if dice.chance(35) { 1 + dice.below(3) } else { 0 };
            for _ in 0..many {
                let begins_at = dice.time(0..=BUSY_UNTIL);
                let lasts = dice.magnitude(MILLISECOND..=BUSY_UNTIL / 2);
                let lasts = if kind == FaultKind::Amnesia { self.time_to_forget(lasts) } else { lasts };
                let node = dice.below(self.node_clocks.len());
                let client = dice.below(self.client_clocks.len());
                self.faults.push(Fault { kind, begins_at, lasts, node, client });
            }
        }
    }

    /// A node that comes back without its keys must have stayed away until every lock that it forgot is over, unless it
    /// is a world beyond the promise, or everybody guards against it.
    pub(super) fn time_to_forget(&self, lasts: Time) -> Time {
        if self.mode == Mode::Hostile || self.guard.is_on() {
            lasts
        } else {
            lasts + nanos(self.longest_ttl()) * 102 / 100
        }
    }

    /// From the healing on, so many nodes are down or hung as do not matter.
    pub(super) fn leave_a_minority_away(&mut self, dice: &mut Dice) {
        for fault in self.faults.iter_mut().filter(|fault| fault.begins_at + fault.lasts > HEALED_AT) {
            fault.lasts = HEALED_AT - fault.begins_at;
            // It would come back too early to have forgotten its keys.
            fault.kind = if fault.kind == FaultKind::Amnesia { FaultKind::Crash } else { fault.kind };
        }
        let nodes = self.node_clocks.len();
        for node in 0..dice.below(nodes - self.quorum() + 1) {
            let kind = dice.pick(&[FaultKind::Crash, FaultKind::Hang]);
            self.faults.push(Fault { kind, begins_at: HEALED_AT + 1, lasts: 600 * SECOND, node, client: 0 });
        }
    }
}
