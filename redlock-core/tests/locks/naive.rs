//! The same as [`Locks`](redlock_core::Locks), without a thought of how fast it is: one machine a key, in a map.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use redlock_core::{Cause, Command, CommandId, Event, Instant, Lock, LockKey, NodeId, NodeSet, Reply, Unavailable};

#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) locks: BTreeMap<LockKey, Lock>,
    pub(crate) nodes: Vec<Node>,
    abandoned: BTreeSet<LockKey>,
    /// The locks whose operation has ended since this was last looked at.
    pub(crate) finished: BTreeSet<LockKey>,
}

#[derive(Default)]
pub(crate) struct Node {
    pub(crate) is_connected: bool,
    is_useful: bool,
    /// Why commands are refused.
    failure: Option<Unavailable>,
    queue: VecDeque<(LockKey, Command)>,
    owed: VecDeque<(LockKey, CommandId)>,
}

impl Naive {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes: (0..nodes).map(|_| Node::default()).collect(), ..Self::default() }
    }

    pub(crate) fn insert(&mut self, key: LockKey, lock: Lock, now: Instant) {
        assert!(self.locks.insert(key, lock).is_none(), "a key names one lock");
        self.update(key, now, |_| ());
    }

    pub(crate) fn abandon(&mut self, key: LockKey, now: Instant) {
        self.abandoned.insert(key);
        self.update(key, now, |lock| lock.release(now));
    }

    pub(crate) fn is_over(&self, key: LockKey) -> bool {
        self.abandoned.contains(&key) && self.locks[&key].is_settled()
    }

    pub(crate) fn update<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let lock = self.locks.get_mut(&key)?;
        let result = step(lock);
        let mut refused = VecDeque::new();
        loop {
            let lock = self.locks.get_mut(&key)?;
            while let Some(command) = lock.poll_command() {
                for node in command.nodes.iter() {
                    let state = &mut self.nodes[node.index()];
                    match &state.failure {
                        Some(why) => refused.push_back((node, command.id, why.clone().unsent())),
                        None => state.queue.push_back((key, command.clone())),
                    }
                }
            }
            while let Some(event) = lock.poll_event() {
                if !matches!(event, Event::Lost(_)) {
                    self.finished.insert(key);
                }
            }
            let Some((node, id, why)) = refused.pop_front() else { break };
            lock.handle_reply(id, node, Reply::Unavailable(why), now);
        }
        if self.is_over(key) {
            self.locks.remove(&key);
        }
        Some(result)
    }

    pub(crate) fn keys(&self) -> Vec<LockKey> {
        self.locks.keys().copied().collect()
    }

    pub(crate) fn connected(&mut self, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        (state.is_connected, state.is_useful, state.failure) = (true, false, None);
    }

    pub(crate) fn disconnected(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        let state = &mut self.nodes[node.index()];
        let is_broken = std::mem::take(&mut state.is_connected) && state.is_useful;
        state.failure = (!is_broken).then(|| why.clone());
        self.unanswered(node, usize::MAX, why, now);
        if !is_broken {
            let refused = std::mem::take(&mut self.nodes[node.index()].queue);
            for (key, command) in refused {
                self.answer(key, command.id, node, Reply::Unavailable(why.clone().unsent()), now);
            }
        }
    }

    pub(crate) fn unanswered(&mut self, node: NodeId, count: usize, why: &Unavailable, now: Instant) {
        let owed = &mut self.nodes[node.index()].owed;
        let tickets: Vec<_> = owed.drain(..count.min(owed.len())).collect();
        for (key, id) in tickets {
            self.answer(key, id, node, Reply::Unavailable(why.clone()), now);
        }
    }

    /// Takes note of what a connection got: nothing late, everything else, and that of each lock in order.
    pub(crate) fn sent(&mut self, node: NodeId, batch: &[Command], now: Instant) {
        let state = &mut self.nodes[node.index()];
        for command in batch {
            let place = state
                .queue
                .iter()
                .position(|(_, waiting)| is_for(waiting, node, command))
                .expect("a lock has sent it, once");
            let (key, command) = state.queue.remove(place).expect("it is there");
            assert!(
                state.queue.iter().take(place).all(|(other, earlier)| *other != key || earlier.send_by < now),
                "in order"
            );
            assert!(state.is_connected && command.send_by >= now);
            state.owed.push_back((key, command.id));
        }
        let overdue = if state.is_connected { std::mem::take(&mut state.queue) } else { VecDeque::new() };
        for (key, command) in overdue {
            assert!(command.send_by < now, "it could be sent");
            self.answer(key, command.id, node, Reply::Unavailable(Unavailable::new(Cause::NotSent)), now);
        }
    }

    pub(crate) fn reply(&mut self, node: NodeId, reply: Reply, now: Instant) {
        let state = &mut self.nodes[node.index()];
        state.is_useful = true;
        if let Some((key, id)) = state.owed.pop_front() {
            self.answer(key, id, node, reply, now);
        }
    }

    fn answer(&mut self, key: LockKey, id: CommandId, node: NodeId, reply: Reply, now: Instant) {
        self.update(key, now, |lock| lock.handle_reply(id, node, reply, now));
    }
}

/// Whether what goes to one node is what a lock has sent to several.
fn is_for(sent: &Command, node: NodeId, command: &Command) -> bool {
    sent.nodes.contains(node) && sent.with_nodes(NodeSet::from_iter([node])) == *command
}
