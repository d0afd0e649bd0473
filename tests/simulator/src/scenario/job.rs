use core::time::Duration;

use redlock_core::Options;

use super::{BUSY_UNTIL, Mode, Scenario, Terms};
use crate::clock::{MILLISECOND, SECOND, Time};
use crate::dice::Dice;
use crate::names::Names;

/// One client's use of one lock, from the wish to have it to its end.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) client: usize,
    /// What it locks, all or none.
    pub(crate) names: Names,
    pub(crate) begins_at: Time,
    pub(crate) ttl: Duration,
    pub(crate) options: Options,
    /// How long the caller takes to come for the lock.
    pub(crate) hand_over_delay: Time,
    /// How long the user wants to keep it.
    pub(crate) hold: Time,
    pub(crate) renewal: Option<Renewal>,
    pub(crate) terms: Terms,
    /// The acquisition is cancelled at this step of it.
    pub(crate) cancelled_at: Option<u32>,
    /// It has a resource to itself after all faults are over, and so must get it within about one round trip.
    pub(crate) is_probe: bool,
}

/// How a user extends a lock again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewal {
    pub(crate) every: Time,
    pub(crate) ttl: Duration,
    /// Each extension is followed by another one.
    pub(super) second: Option<SecondExtension>,
}

/// An extension that begins soon after another, which may still be under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecondExtension {
    pub(super) after: Time,
    pub(super) ttl: Duration,
}

impl Renewal {
    /// Returns the TTL of an extension after so many others.
    pub(crate) fn ttl_of(self, earlier: u32) -> Duration {
        self.second.filter(|_| earlier % 2 == 1).map_or(self.ttl, |second| second.ttl)
    }

    pub(super) fn longest_ttl(self) -> Duration {
        self.second.map_or(self.ttl, |second| second.ttl.max(self.ttl))
    }

    /// Returns how long the user waits after so many extensions until the next.
    pub(crate) fn wait(self, earlier: u32) -> Time {
        self.second.filter(|_| earlier % 2 == 1).map_or(self.every, |second| second.after)
    }
}

impl Scenario {
    pub(super) fn draw_job(&self, dice: &mut Dice) -> Job {
        let ttl = dice.magnitude(50 * MILLISECOND..=1_500 * MILLISECOND);
        let hold = if dice.chance(70) { dice.time(0..=ttl / 2) } else { dice.time(0..=2 * ttl) };
        let renewal = dice.chance(45).then(|| draw_renewal(ttl, dice));
        Job {
            client: dice.below(self.client_clocks.len()),
            names: Names::one(dice.below(self.resources)),
            begins_at: dice.time(0..=BUSY_UNTIL) / [1, 1, 8][dice.below(3)],
            ttl: Duration::from_nanos(ttl),
            options: self.draw_options(ttl, dice),
            hand_over_delay: if dice.chance(10) { dice.magnitude(MILLISECOND..=2 * ttl) } else { 0 },
            hold: if renewal.is_some() { hold * 2 } else { hold },
            renewal,
            terms: Terms::NONE,
            cancelled_at: dice.chance(15).then(|| dice.number(1..=12).unsigned_abs()),
            is_probe: false,
        }
    }

    fn draw_options(&self, ttl: Time, dice: &mut Dice) -> Options {
        let mut options = Options::new().wait(Duration::from_nanos(match self.mode {
            Mode::Live if dice.chance(50) => 60 * SECOND,
            _ if dice.chance(25) => 0,
            _ => dice.magnitude(10 * MILLISECOND..=3 * SECOND),
        }));
        if dice.chance(10) {
            options = options.attempts(1 + dice.number(0..=2).unsigned_abs());
        }
        if dice.chance(10) {
            options = options.min_validity(Duration::from_nanos(ttl / 4));
        }
        options
    }

    /// A job that has a resource to itself after all faults are over.
    pub(super) fn probe(&self) -> Job {
        Job {
            client: 0,
            names: Names::one(self.resources),
            begins_at: self.progress_is_due_at() - SECOND / 2,
            ttl: Duration::from_secs(1),
            options: Options::new().wait(Duration::from_secs(1)),
            hand_over_delay: 0,
            hold: MILLISECOND,
            renewal: None,
            terms: Terms::NONE,
            cancelled_at: None,
            is_probe: true,
        }
    }
}

fn draw_renewal(ttl: Time, dice: &mut Dice) -> Renewal {
    let every = if dice.chance(80) { ttl / 3 } else { dice.time(MILLISECOND..=ttl) };
    let renewed = if dice.chance(70) { ttl } else { dice.time(20 * MILLISECOND..=2 * ttl) };
    Renewal { every, ttl: Duration::from_nanos(renewed), second: None }
}
