mod crowd;
mod guard;
mod holding;
mod labels;
mod rollout;
mod variety;

use core::fmt;
use core::time::Duration;

use redlock_core::{Config, Options, RestartGuard, RetryDelay};

use self::crowd::Crowd;
pub(crate) use self::guard::Guard;
use self::holding::Holding;
pub(crate) use self::holding::Terms;
use self::labels::Labels;
use self::rollout::Rollout;
use self::variety::Variety;

use crate::clock::{Clock, MICROSECOND, MILLISECOND, SECOND, Time, nanos};
use crate::dice::Dice;
use crate::fault::{Fault, FaultKind};
use crate::names::Names;

/// Until then jobs and faults begin.
const BUSY_UNTIL: Time = 2 * SECOND;
/// In a live world all faults are over then.
pub(crate) const HEALED_AT: Time = 3 * SECOND;
/// What clocks run too fast or too slow at most, so that two of them differ by less than the drift of one per cent.
const DRIFT: i32 = 4_900;

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
    second: Option<SecondExtension>,
}

/// An extension that begins soon after another, which may still be under way.
#[derive(Clone, Copy, Debug)]
struct SecondExtension {
    after: Time,
    ttl: Duration,
}

impl Renewal {
    /// Returns the TTL of an extension after so many others.
    pub(crate) fn ttl_of(self, earlier: u32) -> Duration {
        self.second.filter(|_| earlier % 2 == 1).map_or(self.ttl, |second| second.ttl)
    }

    fn longest_ttl(self) -> Duration {
        self.second.map_or(self.ttl, |second| second.ttl.max(self.ttl))
    }

    /// Returns how long the user waits after so many extensions until the next.
    pub(crate) fn wait(self, earlier: u32) -> Time {
        self.second.filter(|_| earlier % 2 == 1).map_or(self.every, |second| second.after)
    }
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

    fn draw_job(&self, dice: &mut Dice) -> Job {
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

    fn draw_faults(&mut self, dice: &mut Dice) {
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
    fn time_to_forget(&self, lasts: Time) -> Time {
        if self.mode == Mode::Hostile || self.guard.is_on() {
            lasts
        } else {
            lasts + nanos(self.longest_ttl()) * 102 / 100
        }
    }

    /// From the healing on, so many nodes are down or hung as do not matter.
    fn leave_a_minority_away(&mut self, dice: &mut Dice) {
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

    fn probe(&self) -> Job {
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

impl Network {
    fn draw(mode: Mode, dice: &mut Dice) -> Self {
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
}

impl Network {
    /// The networks that lack one chance of this one.
    fn calmer(&self) -> impl Iterator<Item = Self> {
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

fn clocks(count: usize, mode: Mode, dice: &mut Dice) -> Vec<Clock> {
    let drift = if mode == Mode::Hostile && dice.chance(50) { 300_000 } else { DRIFT };
    let mut clock = || Clock::new(dice.time(0..=1_000 * SECOND), dice.number(-drift..=drift));
    (0..count).map(|_| clock()).collect()
}

fn draw_renewal(ttl: Time, dice: &mut Dice) -> Renewal {
    let every = if dice.chance(80) { ttl / 3 } else { dice.time(MILLISECOND..=ttl) };
    let renewed = if dice.chance(70) { ttl } else { dice.time(20 * MILLISECOND..=2 * ttl) };
    Renewal { every, ttl: Duration::from_nanos(renewed), second: None }
}
