//! What a lane works on: its locks and its ways to the nodes.

use std::sync::Arc;
use std::time::Duration;

use redlock_core::{Config, Event, Instant, Lock, NodeId, Unavailable};
use slab::Slab;

use crate::Connection;
use crate::dialer::Dialer;
use crate::expiry::Expiry;
use crate::keeper::MIN_PAUSE;
use crate::lock_key::LockKey;
use crate::port::{Answers, Port, Received, Wanted};
use crate::timers::{Timer, Timers};

/// For so long a lane may be idle before its connections are looked at again.
const IDLE: Duration = Duration::from_secs(1);

/// Everything behind a lane's mutex.
///
/// A step with a lock sends the lock's commands at once, so nothing can come between a SET and the release that undoes
/// it on any connection.
pub(crate) struct Work {
    locks: Slab<Entry>,
    next_serial: u64,
    ports: Vec<Port>,
    /// What has not been handed to its lock.
    answers: Answers,
    /// The nodes to which a connection is wanted.
    wanted: Vec<(NodeId, Wanted)>,
    timers: Timers,
    used_at: Instant,
}

struct Entry {
    serial: u64,
    lock: Lock,
    /// A call or a guard stands for this lock.
    owned: bool,
    /// The end of the operation that was begun last.
    outcome: Option<Event>,
    /// What the guard looks at.
    expiry: Arc<Expiry>,
    timer: Timer,
}

/// What a held lock takes on its lane, at most: its place, when the slab has just doubled, and what its guard looks at.
#[cfg(feature = "cache")]
pub(crate) const HELD_LOCK_BYTES: usize = 2 * size_of::<Entry>() + size_of::<Expiry>();

/// How many locks there are, by what is still to be done about them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    pub(crate) unsettled: usize,
    pub(crate) held: usize,
}

/// # Locks
impl Work {
    pub(crate) fn new(config: &Config, dialers: &[Dialer], now: Instant) -> Self {
        Self {
            locks: Slab::new(),
            next_serial: 0,
            ports: dialers.iter().map(|dialer| Port::new(dialer.node(), dialer.misses())).collect(),
            answers: Answers::new(),
            wanted: config.nodes().iter().map(|node| (node, Wanted::Now)).collect(),
            timers: Timers::default(),
            used_at: now,
        }
    }

    /// Takes up a lock that has just begun to be acquired. Late replies come first: one may say that a release was not
    /// carried out yet.
    pub(crate) fn insert(&mut self, lock: Lock, now: Instant) -> LockKey {
        self.drain(now);
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let entry = Entry { serial, lock, owned: true, outcome: None, expiry: Arc::default(), timer: Timer::default() };
        let key = LockKey { serial, index: self.locks.insert(entry) };
        self.update(key, now, |_| ());
        key
    }

    /// Takes a step with a lock, then carries out all that follows from it. `None` when there is no such lock.
    pub(crate) fn update<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let result = self.step(key, now, step);
        self.hand_out(now);
        result
    }

    /// Does what is due.
    pub(crate) fn fire_due(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.pop_due(now) {
            if self.entry(key).is_some_and(|entry| entry.timer.rings_at(at)) {
                self.update(key, now, |lock| lock.handle_timeout(now));
            }
        }
    }

    pub(crate) fn take_outcome(&mut self, key: LockKey) -> Option<Event> {
        self.entry(key).and_then(|entry| entry.outcome.take())
    }

    /// Releases what there may be; nobody will ask for this lock again.
    pub(crate) fn abandon(&mut self, key: LockKey, now: Instant) {
        self.disown(key);
        self.update(key, now, |lock| lock.release(now));
    }

    /// Nobody will ask for this lock again; what is under way for it is brought to an end.
    pub(crate) fn disown(&mut self, key: LockKey) {
        if let Some(entry) = self.entry(key) {
            entry.owned = false;
            if entry.lock.is_settled() {
                self.locks.remove(key.index);
            }
        }
    }

    pub(crate) fn lock(&self, key: LockKey) -> Option<&Lock> {
        self.locks.get(key.index).filter(|entry| entry.serial == key.serial).map(|entry| &entry.lock)
    }

    pub(crate) fn expiry(&self, key: LockKey) -> Option<Arc<Expiry>> {
        let entry = self.locks.get(key.index).filter(|entry| entry.serial == key.serial);
        entry.map(|entry| entry.expiry.clone())
    }

    pub(crate) fn keys(&self) -> Vec<LockKey> {
        self.locks.iter().map(|(index, entry)| LockKey { serial: entry.serial, index }).collect()
    }

    pub(crate) fn census(&self) -> Census {
        let unsettled = |entry: &Entry| entry.lock.deadline().is_none() && !entry.lock.is_settled();
        Census {
            unsettled: self.locks.iter().filter(|(_, entry)| unsettled(entry)).count(),
            held: self.locks.iter().filter(|(_, entry)| entry.lock.deadline().is_some()).count(),
        }
    }

    /// When somebody should look after what nobody waits for. Nothing of it is so urgent that it could not wait for
    /// more of its kind.
    pub(crate) fn wants_attention_at(&self, now: Instant) -> Option<Instant> {
        let soon = now.saturating_add(MIN_PAUSE);
        if self.owed() > 0 { Some(soon) } else { self.timers.next().map(|at| at.max(soon)) }
    }

    /// No timer is due before that.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether a call was made a moment ago.
    pub(crate) fn is_in_use(&self, now: Instant) -> bool {
        now.saturating_since(self.used_at) < MIN_PAUSE.saturating_mul(2)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }
}

/// # Nodes
impl Work {
    /// Reads the next reply of the healthiest node that owes this lock one, for at most `patience`.
    pub(crate) fn receive_for(&mut self, key: LockKey, patience: Duration) -> Received {
        let owing = self.ports.iter_mut().filter(|port| port.owes(key));
        let Some(port) = owing.min_by_key(|port| port.health()) else { return Received::Nothing };
        let (received, wanted) = port.receive(patience, &mut self.answers);
        let node = port.node();
        self.want(node, wanted);
        self.hand_out(redlock_system::now());
        received
    }

    /// Whether a node owes this lock a reply that can be read.
    pub(crate) fn is_owed(&self, key: LockKey) -> bool {
        self.ports.iter().any(|port| port.owes(key))
    }

    /// How many replies can be read by and by.
    pub(crate) fn owed(&self) -> usize {
        self.ports.iter().map(Port::owed).sum()
    }

    /// Takes in all replies that have come, without waiting.
    pub(crate) fn drain(&mut self, now: Instant) {
        self.for_each_port(now, Port::drain);
    }

    /// Takes a connection that was made.
    pub(crate) fn opened(&mut self, node: NodeId, connection: Box<dyn Connection>, now: Instant) {
        if let Some(port) = self.ports.get_mut(node.index()) {
            let wanted = port.opened(connection, now, &mut self.answers);
            self.want(node, wanted);
            self.hand_out(now);
        }
    }

    /// A try to connect has failed.
    pub(crate) fn refused(&mut self, node: NodeId, why: Unavailable, now: Instant) {
        if let Some(port) = self.ports.get_mut(node.index()) {
            port.refused(why, &mut self.answers);
            self.hand_out(now);
        }
    }

    /// Gives up all connections, because nobody knows what was read of them.
    pub(crate) fn break_off(&mut self, why: &Unavailable, now: Instant) {
        self.for_each_port(now, |port, answers| port.is_open().then(|| port.break_off(why, answers)));
    }

    /// The nodes to which a connection was wanted since this was last asked.
    pub(crate) fn take_wanted(&mut self) -> Vec<(NodeId, Wanted)> {
        std::mem::take(&mut self.wanted)
    }

    /// A connection that broke while nobody used the lane is replaced now rather than found broken by a command.
    pub(crate) fn check_after_idling(&mut self, now: Instant) {
        if now.saturating_since(self.used_at) > IDLE {
            self.for_each_port(now, Port::check);
        }
        self.used_at = now;
    }

    fn for_each_port(&mut self, now: Instant, mut work: impl FnMut(&mut Port, &mut Answers) -> Option<Wanted>) {
        for port in &mut self.ports {
            let wanted = work(port, &mut self.answers);
            self.wanted.extend(wanted.map(|wanted| (port.node(), wanted)));
        }
        self.hand_out(now);
    }

    fn want(&mut self, node: NodeId, wanted: Option<Wanted>) {
        self.wanted.extend(wanted.map(|wanted| (node, wanted)));
    }
}

impl Work {
    fn entry(&mut self, key: LockKey) -> Option<&mut Entry> {
        self.locks.get_mut(key.index).filter(|entry| entry.serial == key.serial)
    }

    /// Hands each answer to its lock; that may lead to more of them.
    fn hand_out(&mut self, now: Instant) {
        while let Some(answer) = self.answers.pop_front() {
            self.step(answer.key, now, |lock| lock.handle_reply(answer.id, answer.node, answer.reply, now));
        }
    }

    fn step<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let entry = self.locks.get_mut(key.index).filter(|entry| entry.serial == key.serial)?;
        let result = step(&mut entry.lock);
        while let Some(command) = entry.lock.poll_command() {
            for node in command.nodes.iter() {
                if let Some(port) = self.ports.get_mut(node.index()) {
                    let wanted = port.send(key, &command, now, &mut self.answers);
                    self.wanted.extend(wanted.map(|wanted| (node, wanted)));
                }
            }
        }
        while let Some(event) = entry.lock.poll_event() {
            entry.handle_event(event);
        }
        self.timers.schedule(key, &mut entry.timer, entry.lock.poll_timeout());
        if !entry.owned && entry.lock.is_settled() {
            self.locks.remove(key.index);
        }
        Some(result)
    }
}

impl Entry {
    /// A loss can be seen at the guard; the end of an operation is kept for the caller.
    fn handle_event(&mut self, event: Event) {
        if !matches!(event, Event::Lost(_)) {
            self.outcome = Some(event);
        }
        if let Some(deadline) = self.lock.deadline() {
            self.expiry.set(deadline);
        }
    }
}
