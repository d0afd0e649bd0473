//! One world: nodes, handles, and the threads that share them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redlock_blocking::{AcquireError, Node as Way, NodeTimeout, Redlock, ReleaseVerdict};
use redlock_simulator::{Dice, MILLISECOND, SECOND, Time};

use crate::crowd::{self, Member, WANTED};
use crate::figures::Figures;
use crate::network::{Node, Route};
use crate::platform::{Readiness, SimulatedPlatform};
use crate::referee::Referee;
use crate::scenario::{Fault, HEALED_AT, Scenario};
use crate::scheduler::Scheduler;
use crate::user::User;

/// How long a node may take to answer.
pub(crate) const NODE_TIMEOUT: Time = 100 * MILLISECOND;
/// The longest wait for the next try to connect, to release, and to notice that a node goes on.
const SETTLES_WITHIN: Time = 4 * SECOND;
/// Nobody is busy for longer after everything has healed.
const BUSY_WITHIN: Time = 60 * SECOND;
/// A TTL whose share for a node is longer than any round trip.
const TTL: Duration = Duration::from_secs(10);

/// What all who are in it share.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) referee: Referee,
    nodes: Vec<Arc<Node>>,
    figures: Mutex<Figures>,
    members_left: AtomicUsize,
}

/// What is known of a world after its end.
pub(crate) struct Outcome {
    pub(crate) figures: Figures,
    pub(crate) failure: Option<String>,
    pub(crate) history: Vec<String>,
}

impl World {
    /// Lets the world of a seed come and go, on the calling thread and on others.
    pub(crate) fn run(seed: u64) -> Outcome {
        let mut dice = Dice::new(seed);
        let scenario = Scenario::draw(&mut dice);
        let scheduler = Scheduler::new(dice.fork(), scenario.threads);
        let hearing = scenario.hearing;
        let node = |&has_sources: &bool| Node::new(&scheduler, scenario.network, hearing, has_sources, dice.fork());
        let nodes = scenario.nodes.iter().map(node).collect();
        let world = Arc::new(Self {
            scheduler: scheduler.clone(),
            referee: Referee::default(),
            nodes,
            figures: Mutex::default(),
            members_left: AtomicUsize::new(0),
            scenario,
        });
        scheduler.tell(|| format!("{:#?}", world.scenario));
        // A failure unwinds to here.
        let _ = catch_unwind(AssertUnwindSafe(|| world.live(&mut dice)));
        let (history, failure, turns) = scheduler.finish();
        let mut figures = world.figures.lock().unwrap().clone();
        (figures.seeds, figures.turns) = (1, turns);
        Outcome { figures, failure, history }
    }

    fn live(self: &Arc<Self>, dice: &mut Dice) {
        self.plan_faults();
        let handles = (0..self.scenario.handles).map(|process| self.handle(process, dice)).collect::<Vec<_>>();
        for handle in &handles {
            for _ in 0..self.scenario.users {
                User::start(self, handle, dice.fork());
            }
        }
        self.watch(handles, dice);
    }

    pub(crate) fn count(&self, kind: &'static str) {
        self.figures.lock().unwrap().count(kind);
    }

    fn handle(&self, process: usize, dice: &mut Dice) -> Redlock {
        let readiness = Readiness::new(&self.scheduler);
        let platform = SimulatedPlatform::new(&self.scheduler, &readiness, dice.fork());
        let ways = self.nodes.iter().enumerate().map(|(number, node)| {
            let route = Route { node: node.clone(), process, readiness: readiness.clone() };
            Way::new(format!("node {number}"), route)
        });
        Redlock::builder()
            .nodes(ways)
            .node_timeout(NodeTimeout::fixed(Duration::from_nanos(NODE_TIMEOUT)))
            .silence_timeout(Duration::from_nanos(self.scenario.silence_timeout))
            .build_on(platform)
            .unwrap()
    }

    fn plan_faults(self: &Arc<Self>) {
        for &(at, node, fault) in &self.scenario.faults {
            let world = self.clone();
            self.scheduler.note(at + SECOND, move || {
                world.scheduler.tell(|| format!("node {node}: {fault:?}"));
                world.count(match fault {
                    Fault::Down(_) => "fault: down",
                    Fault::Hang(_) => "fault: hang",
                    Fault::Cut => "fault: cut",
                    Fault::HungConnect(_) => "fault: hung connect",
                    Fault::Panic => "fault: panic",
                });
                world.nodes[node].suffer(fault);
            });
        }
    }

    /// Waits for the users, and looks whether all is well when they have gone and everything has healed.
    fn watch(self: &Arc<Self>, handles: Vec<Redlock>, dice: &mut Dice) {
        let scheduler = &self.scheduler;
        scheduler.sleep_until(HEALED_AT + SECOND);
        self.nodes.iter().for_each(|node| node.heal());
        scheduler.sleep_until(HEALED_AT + SECOND + BUSY_WITHIN);
        self.let_crowd_in(&handles, dice);
        for (process, redlock) in handles.into_iter().enumerate() {
            self.check_at_rest(process, &redlock);
            drop(redlock);
        }
        let left = scheduler.watch(scheduler.now() + SETTLES_WITHIN);
        scheduler.expect(left == 0, || format!("{left} threads do not come to an end"));
        for node in &self.nodes {
            let left = node.keys_left();
            scheduler.expect(left.is_empty(), || format!("keys are left: {left:?}"));
            for (kind, count) in node.take_counts() {
                self.figures.lock().unwrap().count_many(kind, count);
            }
        }
    }

    /// Lets all who want the same have their turns, and looks whether they leave no queue behind.
    fn let_crowd_in(self: &Arc<Self>, handles: &[Redlock], dice: &mut Dice) {
        let scheduler = &self.scheduler;
        if self.scenario.crowd.members == 0 {
            return;
        }
        // What has broken while the handles were idle is noticed by the next call.
        let is_open = |redlock: &&Redlock| !matches!(redlock.try_lock("any", TTL), Err(AcquireError::Closed));
        let open: Vec<_> = handles.iter().filter(is_open).collect();
        scheduler.sleep(SETTLES_WITHIN);
        let until = scheduler.now() + crowd::served_within(self);
        for redlock in open {
            for _ in 0..self.scenario.crowd.members {
                self.members_left.fetch_add(1, Ordering::Relaxed);
                Member::start(self, redlock, dice.fork());
            }
        }
        while self.members_left.load(Ordering::Relaxed) > 0 {
            scheduler.sleep(10 * MILLISECOND);
        }
        scheduler.sleep_until(until.max(scheduler.now() + SECOND));
        for node in &self.nodes {
            let waiting = node.waiting(WANTED);
            scheduler.expect(waiting == 0, || format!("{waiting} stay in a queue"));
        }
    }

    pub(crate) fn member_leaves(&self) {
        self.members_left.fetch_sub(1, Ordering::Relaxed);
    }

    /// A lock takes a round trip, a release as well, and nothing is owed.
    fn check_at_rest(&self, process: usize, redlock: &Redlock) {
        let scheduler = &self.scheduler;
        // What has broken while the handle was idle is noticed by the next call; nobody else is here.
        drop(redlock.try_lock("any", TTL));
        scheduler.sleep(SETTLES_WITHIN);
        let began_at = scheduler.now();
        match redlock.try_lock(format!("of {process}"), TTL) {
            Err(AcquireError::Closed) if self.scenario.closes > 0 => {}
            Err(error) => scheduler.fail(format!("nobody is in the way: {error}")),
            Ok(guard) => {
                self.check_round_trips(began_at, 1);
                let began_at = scheduler.now();
                let report = guard.release();
                self.check_round_trips(began_at, 1);
                scheduler.expect(report.verdict == ReleaseVerdict::Released, || report.to_string());
                scheduler.sleep(SETTLES_WITHIN);
                drop(redlock.try_lock(format!("of {process}"), TTL));
            }
        }
        let began_at = scheduler.now();
        let report = redlock.close();
        // The release is behind a SET that may have taken its time.
        self.check_round_trips(began_at, 2);
        let left = self.nodes.iter().flat_map(|node| node.keys_left()).collect::<Vec<_>>();
        scheduler.expect(left.is_empty(), || format!("keys are left after the close: {left:?}"));
        scheduler.expect((report.held, report.unsettled) == (0, 0), || format!("{report:?} at rest"));
    }

    fn check_round_trips(&self, began_at: Time, round_trips: Time) {
        let (took, longest) = (self.scheduler.now() - began_at, self.scenario.network.longest);
        // A thread that waits for one reply sends nothing meanwhile.
        let patience = if self.scenario.nodes.contains(&false) { 10 * MILLISECOND } else { 0 };
        let is_in_time = took <= round_trips * (2 * longest + patience) + MILLISECOND;
        self.scheduler.expect(is_in_time, || format!("nobody is in the way, but it took {took} ns"));
    }
}
