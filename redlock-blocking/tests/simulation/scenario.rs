//! What a world is like.

use redlock_blocking::transport::Hearing;
use redlock_simulator::{Dice, MICROSECOND, MILLISECOND, SECOND, Time};

/// From here on nothing goes wrong any more.
pub(crate) const HEALED_AT: Time = 4 * SECOND;

/// How threads behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads {
    /// How often, in a hundred places, another thread goes first.
    pub(crate) switch: u32,
    /// How often a thread stands still for a while.
    pub(crate) stall: u32,
    pub(crate) longest_stall: Time,
    /// How often a thread comes back from parking for no reason.
    pub(crate) caprice: u32,
}

/// How long messages take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) shortest: Time,
    pub(crate) longest: Time,
    /// How often, in a hundred, a process is not told that it is called up, or is told twice.
    pub(crate) lost_call_up: u32,
    pub(crate) double_call_up: u32,
}

/// Those who all want the same when nothing goes wrong any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// How many there are in each handle.
    pub(crate) members: u32,
    /// How often each takes a turn.
    pub(crate) rounds: u32,
    /// How many of a hundred give up while they wait.
    pub(crate) aborts: u32,
}

/// What goes wrong with a node, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All connections break, and nobody can connect for a while.
    Down(Time),
    /// It stands still for a while, then goes on with all that has arrived.
    Hang(Time),
    /// All connections break; what is under way is lost, or carried out without an answer.
    Cut,
    /// Tries to connect do not come to an end for a while.
    HungConnect(Time),
    /// The next reply that is asked for makes the transport panic.
    Panic,
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) threads: Threads,
    pub(crate) network: Network,
    /// For each node, whether its connections can be waited for together with others.
    pub(crate) nodes: Vec<bool>,
    /// How processes hear that they are called up, by nodes whose connections can be waited for together.
    pub(crate) hearing: Hearing,
    pub(crate) crowd: Crowd,
    pub(crate) faults: Vec<(Time, usize, Fault)>,
    pub(crate) handles: usize,
    /// For each handle.
    pub(crate) users: usize,
    pub(crate) jobs: u32,
    pub(crate) names: usize,
    /// For how long a connection may owe a reply without giving any.
    pub(crate) silence_timeout: Time,
    /// How often, in a hundred, an acquisition is aborted, and a handle is closed early.
    pub(crate) aborts: u32,
    pub(crate) closes: u32,
}

impl Scenario {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let threads = Threads {
            switch: dice.pick(&[0, 10, 50]),
            stall: dice.pick(&[0, 0, 1, 3]),
            longest_stall: dice.pick(&[1, 30]) * MILLISECOND,
            caprice: dice.pick(&[0, 0, 10]),
        };
        let shortest = dice.magnitude(MICROSECOND..=MILLISECOND);
        let network = Network {
            shortest,
            longest: shortest * dice.pick(&[1, 2, 10]),
            lost_call_up: dice.pick(&[0, 0, 30]),
            double_call_up: dice.pick(&[0, 0, 30]),
        };
        let kind = dice.below(3);
        let nodes =
            (0..dice.pick(&[1, 3, 3, 5])).map(|_| kind == 0 || (kind == 1 && dice.chance(50))).collect::<Vec<_>>();
        let faults = (0..dice.pick(&[0, 0, 2, 6, 12]))
            .map(|_| (dice.time(0..=HEALED_AT - SECOND), dice.below(nodes.len()), Fault::draw(dice)))
            .collect();
        Self {
            threads,
            network,
            nodes,
            hearing: dice.pick(&[Hearing::Never, Hearing::Shared, Hearing::Shared, Hearing::Apart, Hearing::Apart]),
            crowd: Crowd::draw(dice),
            faults,
            handles: dice.pick(&[1, 1, 2, 3]),
            users: dice.pick(&[1, 2, 3, 5]),
            jobs: dice.pick(&[3, 6]),
            names: dice.pick(&[1, 2, 4]),
            silence_timeout: dice.pick(&[SECOND, 10 * SECOND]),
            aborts: dice.pick(&[0, 15]),
            closes: dice.pick(&[0, 0, 0, 20]),
        }
    }
}

impl Scenario {
    /// Whether whoever waits is called up, as long as nothing goes wrong.
    pub(crate) fn is_called_up(&self) -> bool {
        self.hearing != Hearing::Never && self.nodes.contains(&true)
    }

    /// How many turns the crowd takes all together.
    pub(crate) fn turns_in_crowd(&self) -> u64 {
        u64::from(self.crowd.members * self.crowd.rounds) * self.handles as u64
    }

    /// How long a message takes at most; a thread that waits for one reply sends nothing meanwhile.
    pub(crate) fn longest_way(&self) -> Time {
        self.network.longest + if self.nodes.contains(&false) { 10 * MILLISECOND } else { 0 }
    }
}

impl Crowd {
    fn draw(dice: &mut Dice) -> Self {
        let members = dice.pick(&[0, 0, 1]) * dice.count(1..=3);
        Self { members, rounds: dice.count(1..=3), aborts: dice.pick(&[0, 30]) }
    }
}

impl Fault {
    fn draw(dice: &mut Dice) -> Self {
        let time = dice.magnitude(MILLISECOND..=3 * SECOND);
        match dice.below(9) {
            0 | 1 => Self::Down(time),
            2 | 3 => Self::Hang(time),
            4 | 5 => Self::Cut,
            6 | 7 => Self::HungConnect(time),
            _ => Self::Panic,
        }
    }
}
