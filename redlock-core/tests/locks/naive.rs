//! The same as [`Locks`](redlock_core::Locks), without a thought of how fast it is: one machine a key, in a map.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use core::time::Duration;

use redlock_core::{
    Action, Cause, Command, CommandId, Event, Instant, Lock, LockKey, NodeId, NodeSet, Reply, Resource, Unavailable,
};

/// When the locks of a handle have had a resource for so long, others get a chance.
const LONGEST_RUN: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) locks: BTreeMap<LockKey, Lock>,
    pub(crate) nodes: Vec<Node>,
    /// The nodes that will answer soon, as far as is known.
    pub(crate) answering: NodeSet,
    abandoned: BTreeSet<LockKey>,
    /// Given in the place of nodes, and not handed out yet.
    answers: VecDeque<(LockKey, NodeId, CommandId, Unavailable)>,
    /// Who wants each resource, the first in front, and since when that goes on.
    lines: BTreeMap<Resource, Line>,
    pub(crate) is_closed: bool,
    /// The locks whose operation has ended since this was last looked at.
    pub(crate) finished: BTreeSet<LockKey>,
}

#[derive(Default)]
pub(crate) struct Line {
    /// When one of them had to wait for the first time.
    since: Option<Instant>,
    keys: VecDeque<LockKey>,
    /// The first one lets others try before it.
    has_break: bool,
}

#[derive(Default)]
pub(crate) struct Node {
    pub(crate) is_connected: bool,
    is_useful: bool,
    /// Why commands are refused.
    failure: Option<Unavailable>,
    queue: VecDeque<(LockKey, Command)>,
    /// What waits for a connection although commands are refused.
    told_in_vain: VecDeque<(LockKey, Command)>,
    owed: VecDeque<(LockKey, CommandId)>,
}

impl Naive {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes: (0..nodes).map(|_| Node::default()).collect(), ..Self::default() }
    }

    pub(crate) fn insert(&mut self, key: LockKey, lock: Lock, now: Instant) {
        let lines = lock.resources().as_slice().iter().filter_map(|resource| self.lines.get(resource));
        let all = (0..self.nodes.len()).filter_map(NodeId::new).collect();
        for alone in lines.filter(|line| line.keys.len() == 1).map(|line| line.keys[0]).collect::<Vec<_>>() {
            self.update(alone, now, |lock| lock.expect_no_word(all));
        }
        for resource in lock.resources().as_slice() {
            let line = self.lines.entry(resource.clone()).or_default();
            if !line.keys.is_empty() {
                line.since = line.since.or(Some(now));
            }
            line.keys.push_back(key);
        }
        assert!(self.locks.insert(key, lock).is_none(), "a key names one lock");
        let is_first = self.is_first(key);
        self.update(key, now, |lock| if is_first { lock.begin(now) } else { lock.wait_in_line(now) });
    }

    /// When a lock is to be looked at.
    pub(crate) fn wakes_at(&self, key: LockKey) -> Option<Instant> {
        let is_waited_for = self.lines.values().any(|line| line.keys.contains(&key) && line.keys.len() > 1);
        let lock = &self.locks[&key];
        let makes_way_at = lock.makes_way_at().filter(|_| is_waited_for);
        [lock.poll_timeout(), makes_way_at].into_iter().flatten().min()
    }

    /// Returns the lock whose time has come first by `now`, and the time.
    pub(crate) fn next_due(&self, now: Instant) -> Option<(Instant, LockKey)> {
        let due = self.locks.keys().filter_map(|key| Some((self.wakes_at(*key)?, *key)));
        due.filter(|(at, _)| *at <= now).min()
    }

    fn is_first(&self, key: LockKey) -> bool {
        self.lines.values().all(|line| !line.keys.contains(&key) || line.keys[0] == key)
    }

    /// Takes a lock that is in nobody's way out of all lines; whoever is the first in all of its own then comes on.
    fn leave_lines(&mut self, key: LockKey, now: Instant) {
        let mut next = VecDeque::new();
        for line in self.lines.values_mut().filter(|line| line.keys.contains(&key)) {
            let was_first = line.keys[0] == key;
            line.keys.retain(|other| *other != key);
            if was_first {
                let is_long = line.since.is_some_and(|since| now.saturating_since(since) >= LONGEST_RUN);
                line.has_break = is_long || (line.has_break && Some(now) == line.since);
                line.since = if is_long { Some(now) } else { line.since };
                next.extend(line.keys.front());
            }
        }
        self.lines.retain(|_, line| !line.keys.is_empty());
        for key in next {
            if self.is_first(key) {
                self.come_on(key, now);
            }
        }
    }

    fn come_on(&mut self, key: LockKey, now: Instant) {
        if self.is_closed {
            return;
        }
        self.update(key, now, |lock| lock.handle_timeout(now));
        let has_break = self.lines.values().any(|line| line.has_break && line.keys.contains(&key));
        self.update(key, now, |lock| if has_break { lock.begin_later(now) } else { lock.begin(now) });
    }

    pub(crate) fn abandon(&mut self, key: LockKey, now: Instant) {
        self.abandoned.insert(key);
        self.update(key, now, |lock| lock.release(now));
    }

    pub(crate) fn is_over(&self, key: LockKey) -> bool {
        self.abandoned.contains(&key) && self.locks[&key].is_settled()
    }

    pub(crate) fn update<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let result = self.step(key, now, step);
        self.deliver(now);
        result
    }

    /// Hands out the answers that were given in the place of nodes, and what comes of it.
    fn deliver(&mut self, now: Instant) {
        while let Some((key, node, id, why)) = self.answers.pop_front() {
            self.step(key, now, |lock| lock.handle_reply(id, node, Reply::Unavailable(why), now));
        }
    }

    fn step<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let lock = self.locks.get_mut(&key)?;
        let result = step(lock);
        // It matters only where there are queues.
        lock.take_others_want();
        while let Some(command) = lock.poll_command() {
            if let Action::Release { homes, .. } = command.action {
                lock.expect_no_word(homes.without(self.answering));
            }
            for node in command.nodes.iter() {
                let state = &mut self.nodes[node.index()];
                match &state.failure {
                    Some(_) if command.is_repeated => state.told_in_vain.push_back((key, command.clone())),
                    Some(why) => self.answers.push_back((key, node, command.id, why.clone().unsent())),
                    None => state.queue.push_back((key, command.clone())),
                }
            }
        }
        while let Some(event) = lock.poll_event() {
            if !matches!(event, Event::Lost(_)) {
                self.finished.insert(key);
            }
        }
        let is_over = self.is_over(key);
        let is_in_the_way = self.locks[&key].is_in_the_way();
        if is_over {
            self.locks.remove(&key);
        }
        if !is_in_the_way {
            self.leave_lines(key, now);
        }
        Some(result)
    }

    pub(crate) fn keys(&self) -> Vec<LockKey> {
        self.locks.keys().copied().collect()
    }

    pub(crate) fn connected(&mut self, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        (state.is_connected, state.is_useful, state.failure) = (true, false, None);
        let later = std::mem::replace(&mut state.queue, std::mem::take(&mut state.told_in_vain));
        state.queue.extend(later);
    }

    /// A connection that was of use is opened again at once, if none before it has just broken as well.
    pub(crate) fn disconnected(&mut self, node: NodeId, why: &Unavailable, is_at_once: bool, now: Instant) {
        let state = &mut self.nodes[node.index()];
        let is_broken = std::mem::take(&mut state.is_connected) && state.is_useful && is_at_once;
        state.failure = (!is_broken).then(|| why.clone());
        self.answer_owed(node, usize::MAX, why);
        if !is_broken {
            self.refuse_queued(node, why);
        }
        self.deliver(now);
    }

    fn refuse_queued(&mut self, node: NodeId, why: &Unavailable) {
        let refused = std::mem::take(&mut self.nodes[node.index()].queue).into_iter();
        self.answers.extend(refused.map(|(key, command)| (key, node, command.id, why.clone().unsent())));
    }

    pub(crate) fn unanswered(&mut self, node: NodeId, count: usize, why: &Unavailable, now: Instant) {
        self.answer_owed(node, count, why);
        self.deliver(now);
    }

    fn answer_owed(&mut self, node: NodeId, count: usize, why: &Unavailable) {
        let owed = &mut self.nodes[node.index()].owed;
        let owed = owed.drain(..count.min(owed.len()));
        self.answers.extend(owed.map(|(key, id)| (key, node, id, why.clone())));
    }

    /// Takes note of what a connection got: nothing late, and that of each lock in order. Everything else it got as well, but for
    /// the releases of what it was not sent in time.
    pub(crate) fn sent(&mut self, node: NodeId, batch: &[Command], now: Instant) {
        let state = &mut self.nodes[node.index()];
        for command in batch {
            let place = state
                .queue
                .iter()
                .position(|(_, waiting)| is_for(waiting, node, command))
                .expect("a lock has sent it, once");
            let (key, command) = state.queue.remove(place).expect("it is there");
            let mut earlier = state.queue.iter().take(place);
            let is_left_out = |command: &Command| command.send_by < now || is_release(command);
            assert!(earlier.all(|(other, earlier)| *other != key || is_left_out(earlier)), "in order");
            assert!(state.is_connected && command.send_by >= now);
            state.owed.push_back((key, command.id));
        }
        let left = if state.is_connected { std::mem::take(&mut state.queue) } else { VecDeque::new() };
        let (overdue, left): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, command)| command.send_by < now);
        for (key, command) in overdue {
            self.answer(key, command.id, node, Reply::Unavailable(Unavailable::new(Cause::NotSent)), now);
        }
        let is_over = |key| !self.locks.contains_key(key);
        assert!(left.iter().all(|(key, command)| is_release(command) && is_over(key)), "it could be sent");
    }

    /// Nothing more is sent to a server that says that it is a replica.
    pub(crate) fn reply(&mut self, node: NodeId, reply: Reply, now: Instant) {
        let state = &mut self.nodes[node.index()];
        state.is_useful = true;
        let answered = state.owed.pop_front();
        let left = match &reply {
            Reply::Unavailable(why) if reply.is_of_replica() && state.is_connected => Some(why.clone()),
            _ => None,
        };
        if let Some(why) = &left {
            (state.is_connected, state.failure) = (false, Some(why.clone()));
        }
        if let Some((key, id)) = answered {
            self.answer(key, id, node, reply, now);
        }
        if let Some(why) = left {
            self.refuse_queued(node, &why);
            self.deliver(now);
        }
    }

    fn answer(&mut self, key: LockKey, id: CommandId, node: NodeId, reply: Reply, now: Instant) {
        self.update(key, now, |lock| lock.handle_reply(id, node, reply, now));
    }
}

fn is_release(command: &Command) -> bool {
    matches!(command.action, Action::Release { .. })
}

/// Whether what goes to one node is what a lock has sent to several.
/// The grace is for the machine of many to know, which sees how long the nodes take.
fn is_for(sent: &Command, node: NodeId, command: &Command) -> bool {
    let mut one = sent.with_nodes(NodeSet::from_iter([node]));
    one.grace = command.grace;
    sent.nodes.contains(node) && one == *command
}
