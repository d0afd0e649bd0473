//! What becomes of fences when nodes lose their counters: the real machine over model nodes, some of which forget everything
//! between two acquisitions.
//!
//! The promise of `redlock_core::fence` ends where counters are lost; this says how much is left of it then. Nobody else wants
//! the lock, so that each acquisition begins after the one before was granted, and its fence should be larger.

use core::time::Duration;

use redlock_core::fence::Fence;
use redlock_core::{Cause, Config, Instant, Lock, NodeId, Options, Reply, Request, Unavailable, model};
use redlock_simulator::Dice;

/// Much shorter than the time between two acquisitions, so that no key of one is left at the next.
const TTL: Duration = Duration::from_millis(10);

/// The number of acquisitions before and after the loss.
const ACQUISITIONS: usize = 5;

/// The number of clients that take turns.
const CLIENTS: usize = 8;

/// November 2026, for clients that know the time.
const PRESENT: Duration = Duration::from_secs(1_795_000_000);

/// What is measured: a lock on some nodes, and a loss.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// The number of nodes.
    pub nodes: usize,
    /// The number of nodes that lose their keys and counters, all at the same moment.
    pub lost: usize,
    /// A minority of the nodes, another one each time, is away for each acquisition; else nobody is.
    pub minority_away: bool,
    /// The wall clocks of the clients are off by up to that; `None` for clients that do not know the time.
    pub clocks_off_by: Option<Duration>,
    /// The time between two acquisitions.
    pub interval: Duration,
}

/// What became of the fences, by the worst that has happened after each loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// The number of losses.
    pub losses: u64,
    /// The losses after which a fence was granted again that had been granted before.
    pub repeated: u64,
    /// The losses after which a fence was granted that was not larger than all before, but none again.
    pub smaller: u64,
}

impl Loss {
    /// Lets it happen that often, each time to new nodes.
    ///
    /// # Panics
    ///
    /// If a free lock is not acquired, which cannot be.
    #[must_use]
    pub fn measure(&self, losses: u64, seed: u64) -> Outcomes {
        let mut dice = Dice::new(seed);
        let mut outcomes = Outcomes { losses, ..Outcomes::default() };
        for _ in 0..losses {
            let fences = Place::new(*self, &mut dice).fences(&mut dice);
            let is_repeated = |index: usize| fences[..index].contains(&fences[index]);
            let is_smaller = |index: usize| fences[..index].iter().max() > Some(&fences[index]);
            let after = ACQUISITIONS..fences.len();
            if after.clone().any(is_repeated) {
                outcomes.repeated = outcomes.repeated.saturating_add(1);
            } else if after.clone().any(is_smaller) {
                outcomes.smaller = outcomes.smaller.saturating_add(1);
            }
        }
        outcomes
    }
}

impl Outcomes {
    /// Returns the share of losses after which a fence was not larger than all before, in per cent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn percent(&self) -> f64 {
        self.repeated.saturating_add(self.smaller) as f64 / self.losses.max(1) as f64 * 100.0
    }
}

/// Nodes, and clients that take a lock in turn.
struct Place {
    loss: Loss,
    config: Config,
    nodes: Vec<model::Node>,
    /// By how much the wall clock of each client is behind one that is ahead of all.
    behind: Vec<Duration>,
    now: Instant,
}

impl Place {
    fn new(loss: Loss, dice: &mut Dice) -> Self {
        let names = (0..loss.nodes).map(|node| format!("node {node}"));
        let mut node = model::Node::new();
        node.set_epoch(PRESENT);
        let spread = loss.clocks_off_by.unwrap_or_default().as_nanos().saturating_mul(2);
        let spread = u64::try_from(spread).unwrap_or(u64::MAX);
        Self {
            loss,
            config: Config::builder(names).build().expect("the names are distinct"),
            nodes: vec![node; loss.nodes],
            behind: (0..CLIENTS).map(|_| Duration::from_nanos(dice.time(0..=spread))).collect(),
            now: Instant::EPOCH,
        }
    }

    /// Returns the fences of all acquisitions; in the middle counters are lost.
    fn fences(mut self, dice: &mut Dice) -> Vec<Fence> {
        let mut fences: Vec<_> = (0..ACQUISITIONS).map(|_| self.acquire(dice)).collect();
        for node in draw(self.loss.lost, self.loss.nodes, dice) {
            self.nodes[node].wipe();
        }
        fences.extend((0..ACQUISITIONS).map(|_| self.acquire(dice)));
        fences
    }

    fn acquire(&mut self, dice: &mut Dice) -> Fence {
        self.now = self.now.saturating_add(self.loss.interval);
        let mut request = Request::new(&self.config, "job", TTL, Options::new().fenced(true)).expect("a valid request");
        let client = dice.below(CLIENTS);
        if let Some(off_by) = self.loss.clocks_off_by {
            let ahead_of_all = PRESENT.saturating_add(self.now.since_epoch()).saturating_add(off_by);
            request = request.at_wall_clock(ahead_of_all.saturating_sub(self.behind[client]));
        }
        let minority = if self.loss.minority_away { self.loss.nodes.saturating_sub(1) / 2 } else { 0 };
        let (away, order) = (draw(minority, self.loss.nodes, dice), draw(self.loss.nodes, self.loss.nodes, dice));
        let mut lock = Lock::acquire(&self.config, request, dice.bytes(), self.now);
        self.carry(&mut lock, &order, &away);
        assert!(lock.hand_over(self.now), "a lock that nobody else wants is acquired");
        let fence = lock.fences().and_then(|fences| fences.as_slice().first()).copied();
        lock.release(self.now);
        self.carry(&mut lock, &order, &away);
        fence.expect("it is fenced")
    }

    /// Carries all commands to the nodes that are not away, in this order.
    fn carry(&mut self, lock: &mut Lock, order: &[usize], away: &[usize]) {
        while let Some(command) = lock.poll_command() {
            for &node in order {
                let id = NodeId::new(node).expect("there are few nodes");
                if !command.nodes.contains(id) {
                    continue;
                }
                let reply = if away.contains(&node) {
                    Reply::Unavailable(Unavailable::new(Cause::NotSent))
                } else {
                    self.nodes[node].execute(&command, self.now)
                };
                lock.handle_reply(command.id, id, reply, self.now);
            }
        }
    }
}

/// Draws some of the numbers below a bound, in any order.
fn draw(many: usize, bound: usize, dice: &mut Dice) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..bound).collect();
    for place in 0..many {
        let other = place.saturating_add(dice.below(bound.saturating_sub(place)));
        numbers.swap(place, other);
    }
    numbers.truncate(many);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Loss =
        Loss { nodes: 5, lost: 2, minority_away: false, clocks_off_by: None, interval: Duration::from_millis(20) };

    /// What the documentation of `redlock_core::fence` promises.
    #[test]
    fn a_fence_that_all_nodes_have_kept_outlives_the_loss_of_a_minority() {
        for (nodes, lost) in [(3, 1), (5, 2)] {
            let outcomes = Loss { nodes, lost, ..LOSS }.measure(200, 1);
            assert_eq!(outcomes, Outcomes { losses: 200, repeated: 0, smaller: 0 }, "{lost} of {nodes}");
        }
    }

    #[test]
    fn beyond_that_only_clocks_that_agree_keep_fences_apart() {
        for loss in [Loss { lost: 3, ..LOSS }, Loss { lost: 1, minority_away: true, ..LOSS }] {
            assert!(loss.measure(200, 2).percent() > 1.0, "{loss:?}");
            let outcomes = Loss { clocks_off_by: Some(Duration::from_millis(5)), ..loss }.measure(200, 3);
            assert_eq!((outcomes.repeated, outcomes.smaller), (0, 0), "{loss:?}");
        }
    }
}
