//! Waiting in the queues of nodes, where other handles wait, too.

use core::time::Duration;

use smallvec::SmallVec;

use super::entry::{Entry, Standing};
use super::node::Node;
use super::outbox::Ticket;
use super::{LockKey, Locks};
use crate::lock::{NoTurn, Turn};
use crate::{
    Action, Cause, Command, Config, Grace, Heard, Instant, LockMachine, NodeId, NodeSet, Resource, Resources,
    Unavailable,
};

/// For so long a command about a queue may wait to be sent.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// Where a lock may wait in a queue.
pub(super) enum Place {
    /// Nowhere: all nodes that could keep the queue are out of use, or keep none for this handle.
    None,
    /// At a home, as soon as this handle hears there of its turn.
    Unheard,
    /// At a home.
    Turn(Turn),
}

impl Locks {
    /// Takes what this handle hears of a node, over whichever connection.
    ///
    /// As soon as it hears, those who want to wait in the queues of the node do so. When it hears no more, they try now and
    /// then. Whoever waits for the resource for which it is called up tries at once.
    pub fn handle_heard(&mut self, node: NodeId, heard: Heard, now: Instant) {
        match heard {
            Heard::Subscribed => self.subscribed(node, now),
            Heard::Deaf(why) => self.deaf(node, &why, now),
            Heard::CalledUp(resource) => self.called_up(node, resource, now),
        }
        self.deliver(now);
    }

    /// Lets the one ask that waits for the resource. Where it does not ask the node in turn, and where nobody waits, the turn
    /// is given back: behind the key of the one that asks, if it takes one.
    ///
    /// A call that comes when the turn was taken already, and is kept, is no news.
    fn called_up(&mut self, node: NodeId, resource: Resource, now: Instant) {
        let first = self.queues.first(&resource);
        if first.and_then(|key| self.lock(key)).is_some_and(|lock| lock.keeps_turn(node, &resource)) {
            return;
        }
        let first = first.filter(|key| self.waits_there(*key, &resource));
        if let Some(key) = first {
            self.step(key, now, |lock, context| lock.call_up(context, node, now));
        }
        if !first.is_some_and(|key| self.asks_in_turn(key, node)) {
            self.leave(node, resource, now);
        }
    }

    fn asks_in_turn(&self, key: LockKey, node: NodeId) -> bool {
        self.lock(key).and_then(LockMachine::turn).is_some_and(|turn| turn.home == node)
    }

    /// Returns whether the first lock that wants a resource waits for it. One of several may wait for another, one has it
    /// already or is giving it back, and then it is the next one's turn at the node.
    fn waits_there(&self, key: LockKey, resource: &Resource) -> bool {
        let waits = |lock: &LockMachine| lock.is_acquiring() && lock.deadline().is_none();
        let is_there = |lock: &LockMachine| lock.resources().only().is_some() || lock.waits_for(resource);
        self.lock(key).is_some_and(|lock| waits(lock) && is_there(lock))
    }

    fn subscribed(&mut self, node: NodeId, now: Instant) {
        if self.nodes.get_mut(node.index()).is_some_and(Node::subscribed) {
            self.queue_up_all(now);
        }
    }

    fn deaf(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.deaf(why, now);
            self.lose_turns(node, now);
        }
    }

    /// Lets a lock leave the line that is in nobody's way any more, and one that was refused wait in a queue, and learns what
    /// homes have said.
    pub(super) fn move_in_queues(&mut self, key: LockKey, now: Instant) {
        let Self { entries, queues, contention, config, next_in_line, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        if !entry.moves_in_queues() {
            return;
        }
        let leaves_line = entry.leaves_line();
        let lock = &mut entry.lock;
        if let Some((home, others_want)) = lock.take_word_of_home() {
            let resources = lock.resources();
            // Of several, it speaks of those whose queues it keeps.
            let is_meant = |resource: &&Resource| resources.only().is_some() || config.home(resource) == Some(home);
            for resource in resources.as_slice().iter().filter(is_meant) {
                contention.learn(resource, others_want, now);
            }
        }
        let (wants_turn, lost_home) = (lock.wants_turn(), lock.take_lost_home());
        let mut left = None;
        if leaves_line {
            entry.standing = Standing::Left;
            left = lock.turn().cloned();
            lock.give_back_turns();
            queues.leave(lock.resources(), key, now, |next| next_in_line.push_back(next));
        }
        let given_back = lock.take_given_back();
        let place_of = |turn: Turn| Some((turn.home, turn.resource(lock.resources())?.clone()));
        let given_back: SmallVec<[_; 1]> = given_back.into_iter().filter_map(place_of).collect();
        let left = left.and_then(place_of);
        if let Some((home, why)) = lost_home {
            self.lose_home(home, why, now);
        }
        for (home, resource) in given_back.into_iter().chain(left) {
            if !leaves_line || !self.passes_on(home, &resource, now) {
                self.leave(home, resource, now);
            }
        }
        if wants_turn {
            self.queue_up(key, now);
        } else {
            self.come_home(key, now);
        }
    }

    /// Lets a lock that stands in the queue of another node, because the home could not be used, wait where others do as soon as
    /// it can. There it is called up, and here hardly ever.
    fn come_home(&mut self, key: LockKey, now: Instant) {
        let Some(lock) = self.lock(key) else { return };
        let place = lock.stands_in_queue().and_then(|turn| Some((turn.home, turn.resource(lock.resources())?)));
        let Some((stands_at, resource)) = place else { return };
        let resource = resource.clone();
        let Some(home) = self.open_home(&resource, now).filter(|home| *home != stands_at) else { return };
        if self.config.home_among(NodeSet::from_iter([home, stands_at]), &resource) == Some(home) {
            self.leave(stands_at, resource, now);
            self.step(key, now, |lock, context| lock.lose_turn(context, now));
        }
    }

    /// Lets a lock that was refused wait in the queue of the home, if it can.
    fn queue_up(&mut self, key: LockKey, now: Instant) {
        let Some(lock) = self.lock(key).filter(|lock| lock.wants_turn()) else { return };
        let resources = lock.resources().clone();
        let waits_for = lock.would_wait_for().or_else(|| self.contended(&resources, now));
        let Some((waits_for, resource)) = waits_for.and_then(|place| Some((place, resources.at(place)?))) else {
            return;
        };
        self.contention.note(resource, now);
        if let Place::Turn(turn) = self.place(resource, waits_for, now) {
            self.step(key, now, |lock, context| lock.begin_in_turn(context, turn, now));
        }
    }

    /// Returns the first of the resources that somebody else was seen to want, counted from 0.
    fn contended(&self, resources: &Resources, now: Instant) -> Option<u8> {
        resources.place(|resource| self.contention.is_seen(resource, now))
    }

    /// Returns where a lock that comes to the head of the line asks in turn. Nowhere, if nobody else was seen to want one of the
    /// resources.
    pub(super) fn place_at_head(&mut self, key: LockKey, now: Instant) -> Place {
        match self.contended_at_head(key, now) {
            Some((waits_for, resource)) => self.place(&resource, waits_for, now),
            None => Place::None,
        }
    }

    /// Returns for which resource a lock that comes to the head of the line waits in a queue, if somebody else was seen to want
    /// it, and which one that is, counted from 0.
    fn contended_at_head(&self, key: LockKey, now: Instant) -> Option<(u8, Resource)> {
        let resources = self.lock(key).filter(|lock| lock.may_stand_in_queue())?.resources();
        let waits_for = self.contended(resources, now)?;
        Some((waits_for, resources.at(waits_for)?.clone()))
    }

    /// Returns the home at which this handle may wait for a resource: the first one in the order that all handles compute
    /// alike of those that can be used.
    pub(super) fn open_home(&self, resource: &Resource, now: Instant) -> Option<NodeId> {
        open_home(&self.config, &self.nodes, resource, now)
    }

    /// Returns where a lock may wait for one of its resources. If this handle would not hear there of its turn, it is to
    /// subscribe.
    fn place(&mut self, resource: &Resource, waits_for: u8, now: Instant) -> Place {
        let home = self.open_home(resource, now);
        let state = home.and_then(|home| self.nodes.get_mut(home.index()));
        let (Some(home), Some(state), Some(waiter)) = (home, state, self.waiter.clone()) else { return Place::None };
        if state.is_subscribed() {
            return Place::Turn(Turn { home, waiter, waits_for, kept_for: Grace::NONE });
        }
        state.want_subscription(now);
        if state.wants_subscription() {
            self.ready.insert(home);
        }
        Place::Unheard
    }

    /// Lets all locks that were refused wait in the queues of their homes, as far as they can.
    pub(super) fn queue_up_all(&mut self, now: Instant) {
        let wants_turn = |(_, entry): &(usize, &Entry)| entry.lock.wants_turn();
        let waiting = self.entries.iter().filter(wants_turn).map(|(index, entry)| entry.key_at(index));
        let keys: SmallVec<[LockKey; 4]> = waiting.collect();
        for key in keys {
            self.queue_up(key, now);
        }
    }

    /// Takes the handle out of the queue of a node.
    fn leave(&mut self, node: NodeId, resource: Resource, now: Instant) {
        if let (Some(waiter), Some(state)) = (&self.waiter, self.nodes.get_mut(node.index())) {
            let action = Action::leave(resource, waiter.clone());
            state.push_aside(Ticket::Aside, action, SEND_WITHIN, now);
            self.ready.insert(node);
        }
    }

    /// Lets those try now and then who wait in the queues of a node: they would not hear of their turn.
    pub(super) fn lose_turns(&mut self, node: NodeId, now: Instant) {
        let keys: SmallVec<[LockKey; 4]> = self.waiting_at(node).collect();
        for key in keys {
            self.step(key, now, |lock, context| lock.lose_turn(context, now));
        }
    }

    /// Returns the locks that wait in the queues of a node. One that was given up meanwhile leaves the queue yet.
    fn waiting_at(&self, node: NodeId) -> impl Iterator<Item = LockKey> {
        let is_there = move |lock: &LockMachine| lock.turn().is_some_and(|turn| turn.home == node);
        let waits = move |(_, entry): &(usize, &Entry)| entry.lock.is_acquiring() && is_there(&entry.lock);
        self.entries.iter().filter(waits).map(|(index, entry)| entry.key_at(index))
    }

    /// Leaves a place in the queue of a node, or a turn there, to another one of this handle; returns whether that one asks there
    /// for it next. One of several resources may wait for another one, or have to, and one may have no time left: then
    /// everybody else would wait until the time of the turn is over.
    fn passes_on(&mut self, home: NodeId, resource: &Resource, now: Instant) -> bool {
        let Some(next) = self.next_for(resource) else { return false };
        self.contention.note(resource, now);
        let is_over = self.lock(next).and_then(LockMachine::poll_timeout).is_some_and(|at| at <= now);
        if is_over || !self.is_first(next) {
            return false;
        }
        let Place::Turn(turn) = self.place_at_head(next, now) else { return false };
        turn.home == home && self.lock(next).is_some_and(|lock| turn.resource(lock.resources()) == Some(resource))
    }

    /// Returns the lock of this handle that may ask for a resource next. Once closed, it asks for nothing more.
    fn next_for(&self, resource: &Resource) -> Option<LockKey> {
        self.queues.first(resource).filter(|_| !self.is_closed)
    }

    /// Notes that a lock could not wait at a home.
    fn lose_home(&mut self, home: NodeId, why: NoTurn, now: Instant) {
        let Some(state) = self.nodes.get_mut(home.index()) else { return };
        match why {
            NoTurn::Silent => state.distrust(now),
            NoTurn::NoQueue => {
                let why = "it lets the user keep no wait queue: permit the commands for it";
                state.close_queue(Unavailable::with_detail(Cause::NoPermission, why));
                self.lose_turns(home, now);
            }
        }
    }
}

/// Lets a release call up who waits where this handle would wait, if a home is out of use.
pub(super) fn with_open_homes(mut command: Command, config: &Config, nodes: &[Node], now: Instant) -> Command {
    if let Action::Release { resources, homes, .. } = &mut command.action
        && !homes.iter().all(|node| is_open(nodes, node, now))
    {
        for resource in resources.as_slice() {
            if let Some(home) = open_home(config, nodes, resource, now) {
                homes.insert(home);
            }
        }
    }
    command
}

/// Returns the first node in the order of which the home is the first that can be used; `None` as long as it is not known
/// whether one before it can: others may know.
fn open_home(config: &Config, nodes: &[Node], resource: &Resource, now: Instant) -> Option<NodeId> {
    let is_unknown = |node: NodeId| nodes.get(node.index()).is_some_and(Node::is_unknown);
    let may_be_open = |node: &NodeId| is_open(nodes, *node, now) || is_unknown(*node);
    let home = config.home_among(config.nodes().iter().filter(may_be_open).collect(), resource);
    home.filter(|home| !is_unknown(*home))
}

/// Returns those of the nodes that will not answer soon.
pub(super) fn unanswering(among: NodeSet, nodes: &[Node], now: Instant) -> NodeSet {
    let may_answer = |node: &NodeId| nodes.get(node.index()).is_some_and(|state| state.may_answer(now));
    among.iter().filter(|node| !may_answer(node)).collect()
}

fn is_open(nodes: &[Node], node: NodeId, now: Instant) -> bool {
    nodes.get(node.index()).is_some_and(|state| state.is_queue_open(now))
}
