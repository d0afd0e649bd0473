//! One world: nodes, processes, and the time that passes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use redlock_driver::Instant;
use redlock_driver::Unavailable;
use redlock_driver::transport::{Command, Heard, Reply, WaiterId};
use redlock_simulator::{Agenda, Dice, MILLISECOND, SECOND, Time};

use crate::crowd::WANTED;
use crate::executor::{Executor, Owner, Polled};
use crate::fault::{Fault, FaultKind};
use crate::figures::Figures;
use crate::invariant::{Invariant, Violation};
use crate::ledger::{Broken, Ledger, describe, is_acquisition};
use crate::process::Process;
use crate::referee::Referee;
use crate::scenario::{HEALED_AT, Scenario};
use crate::server::Server;
use crate::token::TokenId;
use crate::wire::Wire;

/// So long after the last user, and after everything has healed, the tasks of a driver may go on: a few waits for the
/// next try to connect and the next try to release, of a second at most each.
const SETTLES_WITHIN: Time = 8 * SECOND;
/// The longest time from the beginning of an attempt until a node that hangs has set the key. By so much may the key
/// outlive the driver's interest, which ends a TTL after the beginning.
const LONGEST_WAY: Time = 3 * SECOND;
/// Longer than any key lives.
const LONGEST_LIFE: Time = 100 * SECOND;
/// No world takes longer.
const END_OF_TIME: Time = 600 * SECOND;

/// No world has more polls, sleeps and occurrences; the usual one has a thousand.
const MOST_EVENTS: u64 = 200_000;

/// Something that happens by itself: a message arrives, a sleep is over, a fault begins.
type Occurrence = Box<dyn FnOnce() + Send>;

/// Everything that there is, shared by all who are in it.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) executor: Executor,
    pub(crate) referee: Referee,
    now: AtomicU64,
    /// How many users have not gone, and when the last one went.
    users_left: AtomicUsize,
    last_user_left_at: AtomicU64,
    agenda: Mutex<Agenda<Occurrence>>,
    servers: Vec<Mutex<Server>>,
    wires: Mutex<Vec<Weak<Wire>>>,
    ledger: Mutex<Ledger>,
    dice: Mutex<Dice>,
    figures: Mutex<Figures>,
    violation: Mutex<Option<Violation>>,
    history: Option<Mutex<Vec<String>>>,
}

/// What is known of a world after its end.
pub(crate) struct Outcome {
    pub(crate) figures: Figures,
    pub(crate) violation: Option<Violation>,
    /// Line by line, if it was asked for.
    pub(crate) history: Vec<String>,
}

/// Nothing panics while it holds a mutex of the world.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl World {
    /// Lets the world of a seed come and go.
    pub(crate) fn run(seed: u64, has_history: bool) -> Outcome {
        let world = Arc::new(Self::new(Scenario::draw(seed), has_history));
        world.figures().seeds = 1;
        world.tell(|| format!("{:#?}", world.scenario));
        world.plan_faults();
        for process in 0..world.scenario.processes() {
            Process::new(&world, process).populate();
        }
        world.live();
        world.check_nodes();
        world.clear();
        let history = world.history.as_ref().map(|history| lock(history).clone()).unwrap_or_default();
        Outcome { figures: lock(&world.figures).clone(), violation: lock(&world.violation).clone(), history }
    }

    fn new(scenario: Scenario, has_history: bool) -> Self {
        let ledger = Ledger::new(scenario.processes(), scenario.nodes());
        Self {
            executor: Executor::default(),
            referee: Referee::default(),
            now: AtomicU64::new(0),
            users_left: AtomicUsize::new(0),
            last_user_left_at: AtomicU64::new(0),
            agenda: Mutex::default(),
            servers: scenario.node_clocks.iter().map(|&clock| Mutex::new(Server::new(clock))).collect(),
            wires: Mutex::default(),
            ledger: Mutex::new(ledger),
            dice: Mutex::new(scenario.dice.clone()),
            figures: Mutex::default(),
            violation: Mutex::default(),
            history: has_history.then(Mutex::default),
            scenario,
        }
    }
}

/// # Time
impl World {
    pub(crate) fn now(&self) -> Time {
        self.now.load(Ordering::Relaxed)
    }

    /// Lets something happen at a time.
    pub(crate) fn note(&self, at: Time, occurrence: impl FnOnce() + Send + 'static) {
        lock(&self.agenda).note(at, Box::new(occurrence));
    }

    /// Time passes only when nobody can do anything, and while a task is polled.
    fn live(self: &Arc<Self>) {
        let mut dice = self.dice().fork();
        while !self.executor.is_empty() && lock(&self.violation).is_none() {
            self.let_happen();
            let now = self.now();
            match self.executor.take_woken(|process| !self.scenario.is_paused(process, now), &mut dice) {
                Some(task) => self.poll(task),
                None => self.advance_to_next(),
            }
        }
    }

    /// Polls a task, or lets it wait for a processor.
    fn poll(self: &Arc<Self>, task: usize) {
        let (now, system) = (self.now(), &self.scenario.system);
        if self.executor.owner(task) == Owner::User && self.goes_wrong(FaultKind::LateTask, system.late_task) {
            let (waker, late) = (self.executor.waker(task), self.dice().time(0..=system.latest));
            return self.note(now + late, move || waker.wake());
        }
        let process = self.executor.process(task);
        let is_needed = self.executor.owner(task) == Owner::Driver && self.executor.count(process, Owner::User) > 0;
        if is_needed && self.goes_wrong(FaultKind::EndOfRuntime, system.end_of_runtime) {
            self.tell(|| format!("process {process}: its runtime ends"));
            self.executor.end(task);
            return self.ledger().go_on(process);
        }
        let polled = self.executor.poll(task);
        self.count_event();
        self.advance_to(now + self.dice().time(0..=system.longest_poll));
        self.look_after(&polled);
    }

    /// Whoever does something over and over while no time passes is stopped, be it within one poll.
    pub(crate) fn count_event(&self) {
        let mut figures = self.figures();
        figures.events += 1;
        let is_busy = figures.events > MOST_EVENTS;
        drop(figures);
        assert!(!is_busy, "somebody is busy for ever");
    }

    fn let_happen(&self) {
        while let Some(occurrence) = self.take_due() {
            self.count_event();
            occurrence();
        }
    }

    /// Takes out what happens next, if its time has come.
    fn take_due(&self) -> Option<Occurrence> {
        let mut agenda = lock(&self.agenda);
        agenda.next_at().filter(|at| *at <= self.now())?;
        agenda.take_next().map(|(_, occurrence)| occurrence)
    }

    fn advance_to_next(&self) {
        let next = lock(&self.agenda).next_at();
        match next {
            None => self.violate(Invariant::Progress, "somebody waits, and nothing is left that could happen".into()),
            Some(next) if next > END_OF_TIME => {
                self.violate(Invariant::Progress, "somebody waits for ever".into());
            }
            Some(next) => self.advance_to(next),
        }
    }

    fn advance_to(&self, time: Time) {
        self.now.store(time.max(self.now()), Ordering::Relaxed);
    }

    /// The end of a task may be the end of a driver, or must soon be followed by it.
    fn look_after(self: &Arc<Self>, polled: &Polled) {
        let process = polled.process;
        if !polled.has_ended || self.executor.count(process, polled.owner) > 0 {
            return;
        }
        if polled.owner == Owner::Driver {
            self.tell(|| format!("process {process}: all tasks of the driver have ended"));
            let now = self.clock_of(process);
            let checked = self.ledger().check_undone(process, now);
            self.check(checked);
            return;
        }
        let world = self.clone();
        self.note(self.now().max(HEALED_AT) + SETTLES_WITHIN, move || {
            if world.executor.count(process, Owner::User) == 0 && world.executor.count(process, Owner::Driver) > 0 {
                world.violate(Invariant::Books, format!("the driver of process {process} does not come to an end"));
            }
        });
    }

    pub(crate) fn user_comes(&self) {
        self.users_left.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn user_leaves(&self) {
        self.users_left.fetch_sub(1, Ordering::Relaxed);
        self.last_user_left_at.store(self.now(), Ordering::Relaxed);
    }

    pub(crate) fn users_left(&self) -> usize {
        self.users_left.load(Ordering::Relaxed)
    }

    pub(crate) fn last_user_left_at(&self) -> Time {
        self.last_user_left_at.load(Ordering::Relaxed).max(HEALED_AT)
    }

    fn clock_of(&self, process: usize) -> Instant {
        self.scenario.process_clocks[process].at(self.now())
    }
}

/// # Faults
impl World {
    /// Whether something goes wrong by chance.
    pub(crate) fn goes_wrong(&self, kind: FaultKind, percent: u32) -> bool {
        let goes_wrong = self.now() < HEALED_AT && self.dice().chance(percent);
        if goes_wrong {
            self.figures().count_fault(kind);
        }
        goes_wrong
    }

    fn plan_faults(self: &Arc<Self>) {
        for &fault in &self.scenario.faults {
            let world = self.clone();
            self.note(fault.begins_at, move || world.begin(fault));
            // Who stood still can go on.
            self.note(fault.ends_at, || ());
        }
    }

    fn begin(&self, fault: Fault) {
        self.tell(|| format!("fault: {fault}"));
        if matches!(fault.kind, FaultKind::Crash | FaultKind::ScriptFlush) {
            self.server(fault.node).forget_scripts();
        }
        if matches!(fault.kind, FaultKind::Crash | FaultKind::ScriptFlush | FaultKind::Pause) {
            self.figures().count_fault(fault.kind);
        }
        let wires: Vec<_> = lock(&self.wires).iter().filter_map(Weak::upgrade).collect();
        for wire in wires.iter().filter(|wire| fault.breaks(wire.process, wire.node)) {
            if wire.break_off(fault.kind != FaultKind::Crash) && fault.kind != FaultKind::Crash {
                self.figures().count_fault(FaultKind::Cut);
            }
        }
    }

    /// A connection was made, and will break if it is cut.
    pub(crate) fn connect(&self, wire: &Arc<Wire>) {
        lock(&self.wires).push(Arc::downgrade(wire));
    }
}

/// # Invariants
impl World {
    /// Only the first violation counts: the world ends with it.
    pub(crate) fn violate(&self, invariant: Invariant, what: String) {
        self.tell(|| format!("VIOLATION of {invariant}: {what}"));
        lock(&self.violation).get_or_insert(Violation { invariant, at: self.now(), what });
    }

    pub(crate) fn expect(&self, holds: bool, invariant: Invariant, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(invariant, what());
        }
    }

    pub(crate) fn check(&self, checked: Result<(), Broken>) {
        if let Err((invariant, what)) = checked {
            self.violate(invariant, what);
        }
    }

    /// How many nodes have a token.
    pub(crate) fn votes(&self, resource: &[u8], acquisition: usize) -> usize {
        let now = self.now();
        let is_vote = |holder: Option<TokenId>| holder.is_some_and(|holder| holder.acquisition == acquisition);
        self.servers.iter().filter(|server| is_vote(lock(server).holder(resource, now))).count()
    }

    /// At the end no node has a key, unless it was set late; and those are over some time.
    fn check_nodes(&self) {
        let (now, mut late) = (self.now() + LONGEST_WAY, 0);
        for (node, server) in self.servers.iter().enumerate() {
            for holder in lock(server).holders(now) {
                late += 1;
                self.expect(self.ledger().was_late(holder), Invariant::NothingLeft, || {
                    format!("lock {holder} is left on node {node}")
                });
            }
            let is_empty = lock(server).holders(now + LONGEST_LIFE).is_empty();
            self.expect(is_empty, Invariant::NothingLeft, || format!("a key on node {node} lives for ever"));
            let waiting = lock(server).waiting(&WANTED.into(), self.now());
            self.expect(waiting == 0, Invariant::Turn, || format!("{waiting} stay in the queue of node {node}"));
        }
        self.figures().late_keys += late;
    }

    /// A command arrives at a node.
    pub(crate) fn execute(&self, node: usize, command: &Command) -> Reply {
        let now = self.now();
        let refusal = self.scenario.ends_at(FaultKind::Refusal, None, Some(node), now).map(|_| self.scenario.refusal);
        let executed = self.server(node).execute(command, refusal, now);
        self.tell_call_ups(node);
        if refusal.is_some() && matches!(executed.reply, Reply::Unavailable(_)) {
            self.figures().count_fault(FaultKind::Refusal);
        }
        self.tell(|| format!("node {node}: {} -> {:?}", describe(command), executed.reply));
        self.expect(!executed.has_touched_another, Invariant::ForeignKey, || describe(command));
        executed.reply
    }

    /// A command arrives at a node on a connection that is broken.
    pub(crate) fn execute_late(&self, node: usize, command: &Command) {
        self.figures().count_fault(FaultKind::LateExecution);
        self.tell(|| format!("node {node}: what follows is late"));
        if self.execute(node, command) == Reply::Done && is_acquisition(&command.action) {
            self.ledger().set_late(&command.action);
        }
    }
}

/// # Call-ups
impl World {
    /// A subscription arrives at a node.
    pub(crate) fn subscribe(&self, wire: &Arc<Wire>, waiter: &WaiterId) -> Heard {
        let (node, now) = (wire.node, self.now());
        if self.scenario.ends_at(FaultKind::Refusal, None, Some(node), now).is_some() {
            self.figures().count_fault(FaultKind::Refusal);
            return Heard::Deaf(Unavailable::new(self.scenario.refusal));
        }
        self.figures().subscriptions += 1;
        self.tell(|| format!("node {node}: SUBSCRIBE of process {}", wire.process));
        self.server(node).subscribe(waiter, wire);
        Heard::Subscribed
    }

    /// A node notices that a connection is gone.
    pub(crate) fn hang_up(&self, wire: &Arc<Wire>) {
        self.server(wire.node).hang_up(wire);
    }

    /// A node tells those whom it calls up.
    fn tell_call_ups(&self, node: usize) {
        let next = || self.server(node).take_call_up();
        for (resource, wires) in std::iter::from_fn(next) {
            self.figures().call_ups += 1;
            for wire in wires {
                self.tell(|| format!("node {node}: calls up process {} for {resource}", wire.process));
                wire.call_up(&resource);
            }
        }
    }
}

/// # Parts
impl World {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub(crate) fn dice(&self) -> MutexGuard<'_, Dice> {
        lock(&self.dice)
    }

    pub(crate) fn figures(&self) -> MutexGuard<'_, Figures> {
        lock(&self.figures)
    }

    /// Notes what happens for people to read.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(history) = &self.history {
            let now = self.now();
            let line = format!("{:>6}.{:06} ms  {}", now / MILLISECOND, now % MILLISECOND, what());
            lock(history).push(line);
        }
    }

    fn server(&self, node: usize) -> MutexGuard<'_, Server> {
        lock(&self.servers[node])
    }

    /// Everybody in the world knows the world, so it does not go away by itself.
    fn clear(&self) {
        self.executor.clear();
        let agenda = std::mem::take(&mut *lock(&self.agenda));
        drop(agenda);
        self.referee.clear();
    }
}
