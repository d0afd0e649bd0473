//! What a seed decides ahead of time.

use std::time::Duration;

use redlock_driver::transport::Hearing;
use redlock_driver::{Cause, NodeTimeout};
use redlock_simulator::{Clock, Dice, MICROSECOND, MILLISECOND, SECOND, Time};

use crate::fault::{Fault, FaultKind};

/// Until then users and faults begin.
pub(crate) const BUSY_UNTIL: Time = SECOND;
/// The longest that a planned fault lasts.
const LONGEST_FAULT: Time = 600 * MILLISECOND;
/// From then on nothing goes wrong any more.
pub(crate) const HEALED_AT: Time = BUSY_UNTIL + LONGEST_FAULT;

/// No lock has a shorter TTL. A node may be given more time to answer than that.
pub(crate) const SHORTEST_TTL: Time = 20 * MILLISECOND;
/// Every clock is too fast or too slow by less than this, in millionths, so that two differ by less than one per cent.
const MOST_DRIFT: i32 = 4_900;

/// A world before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) node_clocks: Vec<Clock>,
    pub(crate) process_clocks: Vec<Clock>,
    /// How processes hear that they are called up, for each node.
    hearing: Vec<Hearing>,
    pub(crate) resources: usize,
    pub(crate) node_timeout: NodeTimeout,
    pub(crate) connect_timeout: Duration,
    pub(crate) habits: Habits,
    pub(crate) crowd: Crowd,
    pub(crate) network: Network,
    pub(crate) system: System,
    pub(crate) faults: Vec<Fault>,
    /// What a node says that refuses.
    pub(crate) refusal: Cause,
    pub(crate) dice: Dice,
}

/// How users go about their locks; chances are per cent.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) most_users: u32,
    pub(crate) most_jobs: u32,
    /// How often a future is dropped before it is ready.
    pub(crate) abandon: u32,
    pub(crate) extend: u32,
    pub(crate) close: u32,
}

/// Those who all want the same when nothing goes wrong any more.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// How many there are in each process.
    pub(crate) members: Vec<u32>,
    /// How often each takes a turn.
    pub(crate) rounds: u32,
    /// How many of a hundred give up while they wait.
    pub(crate) abandon: u32,
}

/// How messages travel; chances are per cent.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) shortest: Time,
    pub(crate) longest: Time,
    pub(crate) straggler: u32,
    pub(crate) broken_batch: u32,
    pub(crate) late_execution: u32,
    /// A batch is sent when its future is polled, not when the future is made.
    pub(crate) sends_when_polled: bool,
    /// A connection tells when it is closed.
    pub(crate) tells_closed: bool,
    pub(crate) lost_call_up: u32,
    pub(crate) double_call_up: u32,
    pub(crate) lost_subscription: u32,
    pub(crate) deafness: u32,
}

/// What the operating systems and the runtimes of the processes do; chances are per cent.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) late_timer: u32,
    pub(crate) late_task: u32,
    pub(crate) latest: Time,
    pub(crate) fidget: u32,
    pub(crate) no_entropy: u32,
    pub(crate) end_of_runtime: u32,
    /// The longest time that it takes to poll a task.
    pub(crate) longest_poll: Time,
}

impl Scenario {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let nodes = dice.pick(&[1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5]);
        let node_clocks = clocks(nodes, &mut dice);
        let processes = dice.pick(&[1, 2, 2, 3]);
        let process_clocks = clocks(processes, &mut dice);
        let hearing = hearing(nodes, &mut dice);
        let fixed = dice.time(100 * MILLISECOND..=500 * MILLISECOND);
        let node_timeout = dice.pick(&[NodeTimeout::DEFAULT, NodeTimeout::fixed(Duration::from_nanos(fixed))]);
        Self {
            node_clocks,
            process_clocks,
            hearing,
            resources: dice.pick(&[1, 1, 2, 3]),
            node_timeout,
            connect_timeout: Duration::from_nanos(dice.magnitude(50 * MILLISECOND..=SECOND)),
            habits: Habits::draw(&mut dice),
            crowd: Crowd::draw(processes, &mut dice),
            network: Network::draw(&mut dice),
            system: System::draw(&mut dice),
            faults: faults(nodes, processes, &mut dice),
            refusal: dice.pick(&REFUSALS),
            dice,
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.node_clocks.len()
    }

    /// How processes hear that they are called up by a node.
    pub(crate) fn hearing(&self, node: usize) -> Hearing {
        self.hearing[node]
    }

    /// Whether whoever waits is called up, as long as nothing goes wrong: all processes hear, none was told that it may not, and
    /// none finds out only when it wants to wait that it has subscribed in vain.
    pub(crate) fn is_called_up(&self) -> bool {
        let is_forbidden =
            self.refusal == Cause::NoPermission && self.faults.iter().any(|fault| fault.kind == FaultKind::Refusal);
        let may_be_lost = self.network.lost_subscription > 0;
        self.hearing.iter().any(|hearing| *hearing != Hearing::Never) && !is_forbidden && !may_be_lost
    }

    pub(crate) fn processes(&self) -> usize {
        self.process_clocks.len()
    }

    pub(crate) fn quorum(&self) -> usize {
        self.nodes() / 2 + 1
    }

    /// Until when a fault of this kind disturbs the process, the node or the way between them, if one does.
    pub(crate) fn ends_at(
        &self,
        kind: FaultKind,
        process: Option<usize>,
        node: Option<usize>,
        time: Time,
    ) -> Option<Time> {
        let faults = self.faults.iter().filter(|fault| fault.kind == kind && fault.hits(process, node, time));
        faults.map(|fault| fault.ends_at).max()
    }

    pub(crate) fn is_paused(&self, process: usize, time: Time) -> bool {
        self.ends_at(FaultKind::Pause, Some(process), None, time).is_some()
    }

    /// For how long a process stood still between two moments, at most.
    pub(crate) fn paused(&self, process: usize, from: Time, to: Time) -> Time {
        let pauses = self.faults.iter().filter(|fault| fault.kind == FaultKind::Pause && fault.process == process);
        pauses.map(|fault| fault.ends_at.min(to).saturating_sub(fault.begins_at.max(from))).sum()
    }
}

/// What a node may say that refuses, whether or not it proves that nothing was done.
const REFUSALS: [Cause; 7] = [
    Cause::Loading,
    Cause::ReadOnly,
    Cause::OutOfMemory,
    Cause::NotAuthenticated,
    Cause::NoPermission,
    Cause::Busy,
    Cause::Cluster,
];

impl Habits {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            most_users: dice.count(1..=4),
            most_jobs: dice.count(1..=6),
            abandon: dice.pick(&[0, 20, 40, 80]),
            extend: dice.pick(&[0, 30, 70]),
            close: dice.pick(&[0, 0, 15]),
        }
    }
}

impl Crowd {
    fn draw(processes: usize, dice: &mut Dice) -> Self {
        let is_there = dice.chance(25);
        let members = (0..processes).map(|_| if is_there { dice.count(1..=4) } else { 0 });
        Self { members: members.collect(), rounds: dice.count(1..=4), abandon: dice.pick(&[0, 30, 60]) }
    }

    /// How many turns they take all together.
    pub(crate) fn turns(&self) -> u64 {
        u64::from(self.members.iter().sum::<u32>() * self.rounds)
    }
}

impl Network {
    fn draw(dice: &mut Dice) -> Self {
        let longest = dice.magnitude(100 * MICROSECOND..=20 * MILLISECOND);
        Self {
            shortest: longest / 8,
            longest,
            straggler: sometimes(40, 10, dice),
            broken_batch: sometimes(40, 10, dice),
            late_execution: sometimes(50, 100, dice),
            sends_when_polled: dice.chance(50),
            tells_closed: dice.chance(50),
            lost_call_up: sometimes(30, 50, dice),
            double_call_up: sometimes(30, 30, dice),
            lost_subscription: sometimes(20, 30, dice),
            deafness: sometimes(20, 50, dice),
        }
    }
}

impl System {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            late_timer: sometimes(30, 30, dice),
            late_task: sometimes(30, 30, dice),
            latest: dice.magnitude(MILLISECOND..=50 * MILLISECOND),
            fidget: sometimes(30, 50, dice),
            no_entropy: sometimes(10, 10, dice),
            end_of_runtime: sometimes(20, 3, dice),
            longest_poll: dice.pick(&[0, MICROSECOND, 20 * MICROSECOND]),
        }
    }
}

/// A chance of up to `most` per cent, in `percent` of all worlds; none in the others.
fn sometimes(percent: u32, most: u32, dice: &mut Dice) -> u32 {
    if dice.chance(percent) { dice.count(1..=most) } else { 0 }
}

fn clocks(count: usize, dice: &mut Dice) -> Vec<Clock> {
    (0..count).map(|_| Clock::new(dice.time(0..=1_000 * SECOND), dice.number(-MOST_DRIFT..=MOST_DRIFT))).collect()
}

/// All nodes alike, or each in its way.
fn hearing(nodes: usize, dice: &mut Dice) -> Vec<Hearing> {
    let kinds = [Hearing::Never, Hearing::Shared, Hearing::Apart];
    let all = dice.pick(&[None, Some(kinds[0]), Some(kinds[1]), Some(kinds[1]), Some(kinds[2]), Some(kinds[2])]);
    (0..nodes).map(|_| all.unwrap_or_else(|| dice.pick(&kinds))).collect()
}

/// A swarm: each world has most kinds not at all, so that a few are seen undisturbed by the others.
fn faults(nodes: usize, processes: usize, dice: &mut Dice) -> Vec<Fault> {
    let mut faults = Vec::new();
    for kind in FaultKind::PLANNED {
        let count = if dice.chance(30) { dice.count(1..=3) } else { 0 };
        for _ in 0..count {
            let begins_at = dice.pick(&[0, 1, 1, 1]) * dice.time(0..=BUSY_UNTIL);
            let ends_at = begins_at + dice.magnitude(MILLISECOND..=LONGEST_FAULT);
            faults.push(Fault { kind, begins_at, ends_at, node: dice.below(nodes), process: dice.below(processes) });
        }
    }
    faults
}
