//! Nodes, and connections to them.

mod route;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use redlock_blocking::transport::{Action, Command, Heard, Hearing, Reply, WaiterId};
use redlock_core::model;
use redlock_simulator::{Dice, SECOND, Time};

pub(crate) use self::route::Route;
use self::wire::{Said, Wire};
use crate::platform::instant;
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
