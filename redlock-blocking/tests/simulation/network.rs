//! Nodes, and connections to them.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use redlock_blocking::transport::{Action, Command, Connection, Heard, Hearing, Reply, Transport, WaiterId};
use redlock_blocking::{Cause, Unavailable};
use redlock_core::{CommandId, model};
use redlock_simulator::{Dice, SECOND, Time, nanos};

use crate::platform::{Readiness, instant};
use crate::scenario::{Fault, HEALED_AT, Network};
use crate::scheduler::Scheduler;

/// Longer than any key lives.
const LONGEST_LIFE: Time = 100_000_000_000;
/// The longest time in which a node notices that a connection is gone.
const NOTICES_WITHIN: Time = SECOND;

/// A Redis master with all that leads to it.
pub(crate) struct Node {
    scheduler: Arc<Scheduler>,
    network: Network,
    hearing: Hearing,
    has_sources: bool,
    state: Mutex<State>,
}

struct State {
    model: model::Node,
    dice: Dice,
    wires: Vec<Weak<Wire>>,
    down_until: Time,
    hung_until: Time,
    connects_hang_until: Time,
    panics: bool,
    /// Of all processes: the commands that were carried out, and the tokens that were released.
    carried: HashSet<(usize, Command)>,
    released: HashSet<Vec<u8>>,
    /// Tokens that were set after their connection had ended: nobody can know of them.
    late: BTreeSet<Vec<u8>>,
    /// Who hears that it is called up, and over which connections.
    subscriptions: Vec<(WaiterId, Weak<Wire>)>,
    counts: BTreeMap<&'static str, u64>,
}

/// The way from one process to a node.
pub(crate) struct Route {
    pub(crate) node: Arc<Node>,
    pub(crate) process: usize,
    pub(crate) readiness: Readiness,
}

/// A connection.
pub(crate) struct Wire {
    node: Arc<Node>,
    process: usize,
    readiness: Readiness,
    state: Mutex<WireState>,
}

#[derive(Default)]
struct WireState {
    /// By which its readiness is told.
    token: Option<usize>,
    /// The commands without a reply, as the client was told to send them.
    owed: VecDeque<CommandId>,
    /// What the node has not carried out.
    sent: VecDeque<Command>,
    /// What has arrived and was not read.
    inbox: VecDeque<Said>,
    /// What was read and not taken.
    replies: VecDeque<Reply>,
    heard: VecDeque<Heard>,
    /// When the last message arrives in each direction.
    last: [Time; 2],
    is_broken: bool,
    is_closed: bool,
    reader: Option<usize>,
}

/// What a node says over a connection.
enum Said {
    Reply(Reply),
    Heard(Heard),
}

impl Node {
    pub(crate) fn new(
        scheduler: &Arc<Scheduler>,
        network: Network,
        hearing: Hearing,
        has_sources: bool,
        dice: Dice,
    ) -> Arc<Self> {
        let state = State {
            model: model::Node::new(),
            dice,
            wires: Vec::new(),
            down_until: 0,
            hung_until: 0,
            connects_hang_until: 0,
            panics: false,
            carried: HashSet::new(),
            released: HashSet::new(),
            late: BTreeSet::new(),
            subscriptions: Vec::new(),
            counts: BTreeMap::new(),
        };
        Arc::new(Self { scheduler: scheduler.clone(), network, hearing, has_sources, state: Mutex::new(state) })
    }

    pub(crate) fn suffer(&self, fault: Fault) {
        let now = self.scheduler.now();
        let mut state = self.state();
        match fault {
            Fault::Down(time) => state.down_until = state.down_until.max(now + time),
            Fault::Hang(time) => state.hung_until = state.hung_until.max(now + time),
            Fault::HungConnect(time) => state.connects_hang_until = now + time,
            Fault::Panic => state.panics = true,
            Fault::Cut => {}
        }
        if matches!(fault, Fault::Down(_) | Fault::Cut) {
            let wires = std::mem::take(&mut state.wires);
            drop(state);
            wires.iter().filter_map(Weak::upgrade).for_each(|wire| wire.break_off());
        }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&self) {
        self.state().panics = false;
    }

    /// Whose keys are there, but for those that nobody can know of; and whether any would stay for ever.
    pub(crate) fn keys_left(&self) -> Vec<String> {
        let now = self.scheduler.now();
        let mut state = self.state();
        let State { model, late, .. } = &mut *state;
        let names: Vec<Vec<u8>> = model.keys(instant(now)).map(<[u8]>::to_vec).collect();
        let is_left = |name: &Vec<u8>| {
            let is_late = model.get(name, instant(now)).is_some_and(|token| late.contains(token));
            !is_late || model.get(name, instant(now + LONGEST_LIFE)).is_some()
        };
        names.into_iter().filter(is_left).map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    fn execute(&self, process: usize, command: &Command, is_late: bool) -> Reply {
        let now = self.scheduler.now();
        let mut state = self.state();
        if let Some(token) = command.action.token() {
            let is_release = matches!(command.action, Action::Release { .. });
            let token = token.as_bytes().to_vec();
            let is_first = state.carried.insert((process, command.clone()));
            self.scheduler.expect(is_first, || format!("{command:?} was sent twice"));
            let was_released = state.released.contains(&token);
            self.scheduler
                .expect(is_late || is_release || !was_released, || format!("{command:?} came after a release"));
            if is_release {
                state.released.insert(token);
            } else if is_late {
                state.late.insert(token);
            }
        }
        let reply = state.model.execute(command, instant(now));
        drop(state);
        self.scheduler.tell(|| format!("{:?} of {process} -> {reply:?}", command.action));
        self.tell_call_ups();
        reply
    }

    /// How many wait here for a name.
    pub(crate) fn waiting(&self, name: &str) -> u32 {
        let now = self.scheduler.now();
        self.state().model.waiting(&name.into(), instant(now))
    }

    /// What has happened here, in numbers.
    pub(crate) fn take_counts(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.state().counts)
    }

    fn count(&self, kind: &'static str) {
        *self.state().counts.entry(kind).or_default() += 1;
    }

    fn subscribe(&self, waiter: &WaiterId, wire: &Arc<Wire>) {
        self.count("subscription");
        let mut state = self.state();
        state.model.subscribe(waiter);
        state.subscriptions.push((waiter.clone(), Arc::downgrade(wire)));
    }

    /// Notices that a connection is gone: whoever hears over no other is not called up any more.
    fn hang_up(&self, wire: &Arc<Wire>) {
        let mut state = self.state();
        let State { subscriptions, model, .. } = &mut *state;
        let gone: Vec<_> = subscriptions.extract_if(.., |(_, other)| other.as_ptr() == Arc::as_ptr(wire)).collect();
        for (waiter, _) in gone {
            if !subscriptions.iter().any(|(other, _)| *other == waiter) {
                model.unsubscribe(&waiter);
            }
        }
    }

    /// Tells those whom it calls up, over all connections on which they have subscribed.
    fn tell_call_ups(&self) {
        loop {
            let mut state = self.state();
            let Some((waiter, resource)) = state.model.poll_call_up() else { return };
            let hears = state.subscriptions.iter().filter(|(other, _)| *other == waiter);
            let wires: Vec<_> = hears.filter_map(|(_, wire)| wire.upgrade()).collect();
            drop(state);
            self.count("call-up");
            for wire in wires {
                self.scheduler.tell(|| format!("calls up {} for {resource}", wire.process));
                (0..self.copies()).for_each(|_| wire.say(Said::Heard(Heard::CalledUp(resource.clone()))));
            }
        }
    }

    /// How often a message arrives that nobody has asked for.
    fn copies(&self) -> usize {
        let is_healed = self.scheduler.now() >= HEALED_AT + SECOND;
        let Network { lost_call_up, double_call_up, .. } = self.network;
        if !is_healed && self.state().dice.chance(lost_call_up) {
            self.count("call-up lost");
            0
        } else if !is_healed && self.state().dice.chance(double_call_up) {
            self.count("call-up told twice");
            2
        } else {
            1
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn way(&self) -> Time {
        let Network { shortest, longest, .. } = self.network;
        self.state().dice.time(shortest..=longest)
    }
}

impl Transport for Route {
    type Connection = SimulatedConnection;

    fn connect(&mut self, timeout: Duration) -> Result<SimulatedConnection, Unavailable> {
        let scheduler = &self.node.scheduler;
        let (until, way) = (scheduler.now() + nanos(timeout), self.node.way());
        let hangs_until = self.node.state().connects_hang_until;
        scheduler.sleep_until(hangs_until.max(scheduler.now() + 2 * way).min(until));
        if scheduler.now() >= until {
            return Err(Unavailable::with_detail(Cause::NotSent, "it takes too long"));
        }
        if self.node.state().down_until > scheduler.now() {
            return Err(Unavailable::with_detail(Cause::NotSent, "nobody listens"));
        }
        let wire = Arc::new(Wire {
            node: self.node.clone(),
            process: self.process,
            readiness: self.readiness.clone(),
            state: Mutex::default(),
        });
        self.node.state().wires.push(Arc::downgrade(&wire));
        Ok(SimulatedConnection { wire })
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().unwrap()
    }

    fn check(state: &WireState) -> Result<(), Unavailable> {
        let broken = || Unavailable::with_detail(Cause::Disconnected, "cut");
        if state.is_broken { Err(broken()) } else { Ok(()) }
    }

    fn break_off(self: &Arc<Self>) {
        self.node.scheduler.tell(|| format!("a connection of {} breaks", self.process));
        self.state().is_broken = true;
        self.tell_reader();
        self.hang_up();
    }

    /// The node notices that the connection is gone, at once or later.
    fn hang_up(self: &Arc<Self>) {
        let later = {
            let mut node = self.node.state();
            node.dice.pick(&[0, 1]) * node.dice.time(0..=NOTICES_WITHIN)
        };
        let wire = self.clone();
        self.node.scheduler.note(self.node.scheduler.now() + later, move || wire.node.hang_up(&wire));
    }

    /// A subscription arrives at the node.
    fn subscription_arrives(self: Arc<Self>, waiter: WaiterId) {
        let (now, hung_until) = (self.node.scheduler.now(), self.node.state().hung_until);
        if hung_until > now {
            let node = self.node.clone();
            return node.scheduler.note(hung_until, move || self.subscription_arrives(waiter));
        }
        if self.state().is_broken || self.state().is_closed {
            return;
        }
        self.node.scheduler.tell(|| format!("{} subscribes", self.process));
        self.node.subscribe(&waiter, &self);
        self.say(Said::Heard(Heard::Subscribed));
    }

    /// Lets the process have something to read, behind all that was said before.
    fn say(self: &Arc<Self>, said: Said) {
        let (at, wire) = (self.next(1), self.clone());
        self.node.scheduler.note(at, move || {
            if !wire.state().is_broken {
                wire.state().inbox.push_back(said);
                wire.tell_reader();
            }
        });
    }

    /// There is something new for whoever reads.
    fn tell_reader(&self) {
        let state = self.state();
        let (reader, token) = (state.reader, state.token.filter(|_| !state.is_closed));
        drop(state);
        if let Some(reader) = reader {
            self.node.scheduler.wake(reader);
        }
        if let Some(token) = token {
            self.readiness.add(token);
        }
    }

    /// A command arrives at the node: the oldest one is carried out now, or when the node goes on.
    fn arrive(self: Arc<Self>) {
        let (now, hung_until) = (self.node.scheduler.now(), self.node.state().hung_until);
        if hung_until > now {
            let node = self.node.clone();
            return node.scheduler.note(hung_until, move || self.arrive());
        }
        let (command, is_late) = {
            let mut state = self.state();
            (state.sent.pop_front().unwrap(), state.is_broken || state.is_closed)
        };
        if is_late && self.node.state().dice.chance(50) {
            return;
        }
        let reply = self.node.execute(self.process, &command, is_late);
        self.say(Said::Reply(reply));
    }

    /// When the next message in a direction arrives.
    fn next(&self, direction: usize) -> Time {
        let arrives_at = self.node.scheduler.now() + self.node.way();
        let mut state = self.state();
        state.last[direction] = state.last[direction].max(arrives_at);
        state.last[direction]
    }
}

/// A connection as a process has it.
pub(crate) struct SimulatedConnection {
    wire: Arc<Wire>,
}

impl Connection for SimulatedConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        let node = &self.wire.node;
        node.scheduler.interrupt();
        Wire::check(&self.wire.state())?;
        let (at, wire) = (self.wire.next(0), self.wire.clone());
        self.wire.state().owed.push_back(command.id);
        self.wire.state().sent.push_back(command.clone());
        node.scheduler.note(at, move || wire.arrive());
        Ok(())
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        self.wire.node.has_sources.then_some(self)
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let scheduler = &self.wire.node.scheduler;
        let until = scheduler.now() + nanos(timeout);
        loop {
            if std::mem::take(&mut self.wire.node.state().panics) {
                scheduler.tell(|| "a transport panics".into());
                std::panic::resume_unwind(Box::new("as it was told to"));
            }
            let mut state = self.wire.state();
            scheduler.expect(state.owed.front() == Some(&command.id), || format!("{command:?} is not the oldest"));
            if state.replies.is_empty() {
                state.read();
            }
            if let Some(reply) = state.replies.pop_front() {
                state.owed.pop_front();
                return Ok(Some(reply));
            }
            Wire::check(&state)?;
            if until <= scheduler.now() {
                return Ok(None);
            }
            state.reader = Some(Scheduler::current());
            drop(state);
            scheduler.wait_for_wake(Some(until));
            self.wire.state().reader = None;
        }
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        let mut state = self.wire.state();
        state.read();
        Wire::check(&state)
    }

    fn hearing(&self) -> Hearing {
        self.wire.node.hearing
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        self.wire.node.scheduler.interrupt();
        Wire::check(&self.wire.state())?;
        let (at, wire, waiter) = (self.wire.next(0), self.wire.clone(), waiter.clone());
        self.wire.node.scheduler.note(at, move || wire.subscription_arrives(waiter));
        Ok(())
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.wire.state().heard.pop_front()
    }
}

impl WireState {
    /// Reads all that has arrived.
    fn read(&mut self) {
        for said in self.inbox.drain(..) {
            match said {
                Said::Reply(reply) => self.replies.push_back(reply),
                Said::Heard(heard) => self.heard.push_back(heard),
            }
        }
    }
}

impl Source for SimulatedConnection {
    fn register(&mut self, _: &Registry, token: Token, _: Interest) -> io::Result<()> {
        self.wire.state().token = Some(token.0);
        Ok(())
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        unreachable!("it is registered once")
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        unreachable!("it is closed instead")
    }
}

impl Drop for SimulatedConnection {
    fn drop(&mut self) {
        self.wire.state().is_closed = true;
        self.wire.hang_up();
    }
}
