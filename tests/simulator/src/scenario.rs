mod crowd;
mod faults;
mod guard;
mod holding;
mod job;
mod labels;
mod network;
mod rollout;
mod variety;

use core::fmt;
use core::time::Duration;

use redlock_core::{Config, RestartGuard, RetryDelay};

use self::crowd::Crowd;
pub(crate) use self::guard::Guard;
use self::holding::Holding;
pub(crate) use self::holding::Terms;
pub(crate) use self::job::{Job, Renewal};
use self::labels::Labels;
pub(crate) use self::network::Network;
use self::rollout::Rollout;
use self::variety::Variety;

use crate::clock::{Clock, MILLISECOND, SECOND, Time, nanos};
use crate::dice::Dice;
use crate::fault::Fault;

/// Until then jobs and faults begin.
const BUSY_UNTIL: Time = 2 * SECOND;
/// In a live world all faults are over then.
pub(crate) const HEALED_AT: Time = 3 * SECOND;
/// What clocks run too fast or too slow at most, so that two of them differ by less than the drift of one per cent.
const DRIFT: i32 = 4_900;

/// Seeds that had failed before any of the additions to a world was there: they must not be changed by one.
#[cfg(test)]
const ONCE_FAILED: [u64; 7] = [81, 62_567, 63_423, 80_217, 316_551, 1_795_842_944_025_636, 1_795_859_802_023_406];

/// What a world is put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Faults within the promise: every invariant holds.
    Safe,
    /// As safe, but all faults end while locks are still wanted: somebody acquires each of them within a bounded time,
    /// also when a minority of the nodes stays away.
    Live,
    /// Faults beyond the promise, such as clock steps and lost keys: mutual exclusion may fail, the books still balance.
    Hostile,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Safe, Self::Live, Self::Hostile];

    /// The mode of a seed: by its last digit, so that the seed alone decides everything.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        match seed % 10 {
            0..7 => Self::Safe,
            7 | 8 => Self::Live,
            _ => Self::Hostile,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safe => "safe",
            Self::Live => "live",
            Self::Hostile => "hostile",
        })
    }
}

/// A world before it begins: everything that its seed decides ahead of time.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) config: Config,
    pub(crate) node_clocks: Vec<Clock>,
    pub(crate) client_clocks: Vec<Clock>,
    pub(crate) resources: usize,
    /// Fenced locks propose the clock of their client.
    pub(crate) proposes: bool,
    pub(crate) network: Network,
    pub(crate) jobs: Vec<Job>,
    pub(crate) faults: Vec<Fault>,
    /// Many want the same.
    pub(crate) is_crowded: bool,
    /// Which of the nodes have no vote that have forgotten their keys.
    pub(crate) guard: Guard,
    /// Not all clients know of all nodes.
    pub(crate) rollout: Option<Rollout>,
    /// Nodes say anything about their queues, until all is healed.
    pub(crate) lies: bool,
    /// The chance in the world itself: latencies, and whatever else is not planned.
    pub(crate) dice: Dice,
}

impl Scenario {
    /// Everything that the seed decides ahead of time.
    pub(crate) fn draw(seed: u64) -> Self {
        let mode = Mode::of(seed);
        let (mut dice, mut variety, mut crowd) = (Dice::new(seed), Variety::draw(seed), Crowd::draw(seed));
        let (mut holding, mut labels) = (Holding::draw(seed), Labels::draw(seed));
        let nodes = dice.pick(&[1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5]);
        let clients = crowd.clients(2 + dice.below(3));
        let resources = 1 + dice.below(2);
        let mut scenario = Self {
            seed,
            mode,
            config: variety.config(nodes, RestartGuard::OFF),
            node_clocks: clocks(nodes, mode, &mut dice),
            client_clocks: clocks(clients, mode, &mut dice),
            resources,
            proposes: false,
            network: Network::draw(mode, &mut dice),
            jobs: Vec::new(),
            faults: Vec::new(),
            is_crowded: false,
            guard: if mode == Mode::Hostile { Guard::Off } else { variety.guard },
            rollout: None,
            lies: false,
            dice: dice.fork(),
        };
        scenario.jobs = (0..5 + dice.below(7)).map(|_| scenario.draw_job(&mut dice)).collect();
        variety.vary_jobs(&mut scenario);
        crowd.vary(&mut scenario);
        holding.vary(&mut scenario);
        labels.vary(&mut scenario);
        scenario.draw_faults(&mut dice);
        variety.add_faults(&mut scenario);
        crowd.add_faults(&mut scenario);
        if scenario.guard.is_on() {
            // A client that is not told of a new connection cannot see that the node was started again.
            scenario.network.resends = false;
        }
        labels.add_faults(&mut scenario);
        scenario.guard.add_faults(&mut scenario);
        if mode == Mode::Live {
            scenario.leave_a_minority_away(&mut dice);
            crowd.add_last_burst(&mut scenario);
            scenario.jobs.push(holding.keep(scenario.probe()));
            scenario.resources += 1;
        }
        scenario.guard.demote(&mut scenario);
        scenario.config = variety.config(nodes, scenario.guard_of_clients());
        if mode == Mode::Safe {
            scenario.rollout =
                Rollout::draw(seed, clients, nodes, |nodes| variety.config(nodes, scenario.guard_of_clients()));
        }
        scenario
    }

    fn guard_of_clients(&self) -> RestartGuard {
        self.guard.of_clients(self.longest_ttl())
    }

    /// Returns the settings of a client.
    pub(crate) fn config_of(&self, client: usize) -> &Config {
        self.rollout.as_ref().and_then(|rollout| rollout.config_of(client)).unwrap_or(&self.config)
    }

    /// Returns how many nodes must agree for a client.
    pub(crate) fn quorum_of(&self, client: usize) -> usize {
        self.config_of(client).nodes().len() / 2 + 1
    }

    /// The worlds that lack one job, one fault, some names or one chance of this one.
    pub(crate) fn smaller(&self) -> impl Iterator<Item = Self> {
        let without_job = (0..self.jobs.len()).map(|job| {
            let mut smaller = self.clone();
            smaller.jobs.remove(job);
            smaller.jobs.iter_mut().for_each(|other| other.terms.forget(job));
            smaller
        });
        let without_fault = (0..self.faults.len()).map(|fault| {
            let mut smaller = self.clone();
            smaller.faults.remove(fault);
            smaller
        });
        let has_several_names = |&job: &usize| self.jobs[job].names.len() > 1;
        let with_one_name = (0..self.jobs.len()).filter(has_several_names).map(|job| {
            let mut smaller = self.clone();
            smaller.jobs[job].names = smaller.jobs[job].names.first();
            smaller
        });
        let calmer = self.network.calmer().map(|network| Self { network, ..self.clone() });
        without_job.chain(without_fault).chain(with_one_name).chain(calmer)
    }

    /// How many nodes must agree, by the rule and not by what the core makes of it.
    pub(crate) fn quorum(&self) -> usize {
        self.node_clocks.len() / 2 + 1
    }

    /// The longest TTL that any node is ever told.
    pub(crate) fn longest_ttl(&self) -> Duration {
        let renewals = self.jobs.iter().filter_map(|job| job.renewal).map(Renewal::longest_ttl);
        self.jobs.iter().map(|job| job.ttl.max(job.terms.min_hold)).chain(renewals).max().unwrap_or_default()
    }

    /// In a live world, when the lock must have been acquired by somebody again: what is left on the nodes is over after
    /// the longest TTL, silence is noticed, connections are opened anew within a second, and contenders who split the votes
    /// need a few turns.
    pub(crate) fn progress_is_due_at(&self) -> Time {
        let turns = 20 * (nanos(RetryDelay::DEFAULT.max()) + 2 * self.network.longest);
        HEALED_AT
            + self.silence_is_noticed_after()
            + self.trusted_after()
            + SECOND
            + 2 * nanos(self.longest_ttl())
            + turns
    }

    /// For how long a node that is back has no vote at most: an uptime is told in whole seconds, and of a clock that may be a
    /// second behind.
    fn trusted_after(&self) -> Time {
        if self.guard.is_on() { 2 * SECOND + nanos(self.longest_ttl()) * 102 / 100 } else { 0 }
    }

    /// Clocks run slow, and a round trip is on its way.
    fn silence_is_noticed_after(&self) -> Time {
        let config = &self.config;
        config.ping_interval().map_or(0, |interval| 2 * nanos(interval + config.silence_timeout()))
    }

    /// In a live world, how long an acquisition may take that nobody disturbs: one round trip.
    pub(crate) fn round_trip(&self) -> Time {
        2 * self.network.longest + MILLISECOND
    }
}

fn clocks(count: usize, mode: Mode, dice: &mut Dice) -> Vec<Clock> {
    let drift = if mode == Mode::Hostile && dice.chance(50) { 300_000 } else { DRIFT };
    let mut clock = || Clock::new(dice.time(0..=1_000 * SECOND), dice.number(-drift..=drift));
    (0..count).map(|_| clock()).collect()
}
