use super::Mode;
use crate::clock::{MICROSECOND, MILLISECOND, Time};
use crate::dice::Dice;

/// How messages travel and what libraries do to them; chances are per cent.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) shortest: Time,
    pub(crate) longest: Time,
    /// A message takes up to a hundred times as long.
    pub(crate) straggler: u32,
    pub(crate) double_reply: u32,
    pub(crate) late_timer: u32,
    /// What arrived on a broken connection is carried out all the same.
    pub(crate) late_execution: u32,
    /// Clients send again what was unanswered when a connection broke.
    pub(crate) resends: bool,
    /// Clients hear that they are called up, unless something goes wrong with that.
    pub(crate) announces: bool,
    /// A call-up is not told.
    pub(crate) lost_call_up: u32,
    /// A call-up is told twice.
    pub(crate) double_call_up: u32,
    /// A client hears that it is called up after it has heard something else.
    pub(crate) stray_call_up: u32,
}

impl Network {
    pub(super) fn draw(mode: Mode, dice: &mut Dice) -> Self {
        let mut sometimes =
            |percent: u32, most: i32| if dice.chance(percent) { dice.number(1..=most).unsigned_abs() } else { 0 };
        let (straggler, double_reply, late_timer) = (sometimes(40, 10), sometimes(30, 20), sometimes(30, 20));
        let late_execution = sometimes(50, 100);
        // In a live world a round trip must fit into the shortest node timeout, or there can be no progress.
        let slowest = if mode == Mode::Live { 8 * MILLISECOND } else { 20 * MILLISECOND };
        let longest = dice.magnitude(100 * MICROSECOND..=slowest);
        let (resends, announces) = (dice.chance(25) && mode != Mode::Live, !dice.chance(30));
        Self {
            shortest: longest / 8,
            longest,
            straggler,
            double_reply,
            late_timer,
            late_execution,
            resends,
            announces,
            lost_call_up: 0,
            double_call_up: 0,
            stray_call_up: 0,
        }
    }

    /// The networks that lack one chance of this one.
    pub(super) fn calmer(&self) -> impl Iterator<Item = Self> {
        let chances: [fn(&mut Self) -> &mut u32; 7] = [
            |network| &mut network.straggler,
            |network| &mut network.double_reply,
            |network| &mut network.late_timer,
            |network| &mut network.late_execution,
            |network| &mut network.lost_call_up,
            |network| &mut network.double_call_up,
            |network| &mut network.stray_call_up,
        ];
        chances.into_iter().filter_map(|chance| {
            let mut calmer = self.clone();
            (core::mem::take(chance(&mut calmer)) > 0).then_some(calmer)
        })
    }
}
