//! What comes in: connections, replies, call-ups and the time.

use core::hint::black_box;
use core::iter;

use smallvec::SmallVec;

use super::node::{Due, Node};
use super::outbox::{MAX_BATCH, Ticket};
use super::{LockKey, Locks};
use crate::{Facts, Instant, NodeId, Reply, Unavailable};

/// So many locks are brought from memory together.
const AT_ONCE: usize = 32;

/// # What comes in
impl Locks {
    /// Takes a connection to a node, over which [`poll_batch`](Self::poll_batch) gives commands from now on, and what the
    /// server has said about itself; [`Facts::default`] if that is nothing.
    ///
    /// `hears` says whether this handle can hear that it is called up, over the connection or over another one beside it:
    /// then [`poll_subscribe`](Self::poll_subscribe) says when it is to subscribe, over each connection again. Else it is
    /// never asked to, and locks try now and then instead of waiting in the node's queues.
    pub fn handle_connected(&mut self, node: NodeId, facts: Facts, hears: bool, now: Instant) {
        self.learn(node, facts, now);
        let Self { nodes, config, .. } = self;
        if let Some(state) = nodes.get_mut(node.index()) {
            state.connected(hears, config, now);
            self.refusals.forget(node);
            self.ready.insert(node);
            self.observe_connected(node, now);
            self.lose_turns(node, now);
            self.queue_up_all(now);
            self.deliver(now);
        }
    }

    /// Notes that a try to connect has failed, or that the connection broke: no reply to what is under way will come.
    ///
    /// After a connection that has answered something, commands wait for the next try, which begins at once. After a
    /// failure they are refused for the reason given until a try succeeds, and the tries are 20 ms to 1 s apart.
    ///
    /// The connection counts as open until `now`: its server may have granted locks to others for so long. A shell that does not
    /// watch a connection all the time says [until when](Self::handle_found_disconnected) it has seen it open.
    pub fn handle_disconnected(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        self.handle_found_disconnected(node, why, now, now);
    }

    /// Notes that a connection is found broken that was open when it was last looked at, at `open_until`. It does as
    /// [`handle_disconnected`](Self::handle_disconnected) does.
    ///
    /// A server that was started since counts as started again, and not as another one that had been running beside it.
    pub fn handle_found_disconnected(&mut self, node: NodeId, why: &Unavailable, open_until: Instant, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.disconnected(why, open_until, now);
            self.ready.insert(node);
            self.answer_for(node, why, now);
            self.deliver(now);
        }
    }

    /// Takes the reply of a node to the oldest command that it has not answered.
    ///
    /// A server that refuses a command because it is a replica is left: its name may lead to its master by now. Nothing more
    /// is sent to it. When it has answered what is under way, and after a pause of 20 ms to 1 s,
    /// [`poll_connect`](Self::poll_connect) wants another connection in the place of this one. Until then commands are refused
    /// for that reason.
    pub fn handle_reply(&mut self, node: NodeId, reply: Reply, now: Instant) {
        let Some(state) = self.nodes.get_mut(node.index()) else { return };
        state.heard(now);
        let ticket = state.take_ticket();
        let left = reply.of_replica().filter(|why| state.leave_replica(why, now)).cloned();
        match ticket {
            Some(Ticket::Lock { key, id, is_acquisition, verb }) => {
                if is_acquisition {
                    self.refusals.note(node, &reply);
                }
                let reply = if is_acquisition { self.without_vote_of_restarted(node, reply, now) } else { reply };
                self.observe_answer(node, key, verb, &reply, now);
                self.update(key, now, |lock, context| lock.handle_reply(context, id, node, reply, now));
            }
            Some(Ticket::Inspection(key)) => {
                self.inspected(key, node, reply, now);
                self.deliver(now);
            }
            Some(Ticket::Clock { asked_at }) => {
                if let Reply::Time(time) = reply {
                    state.trust.clock.looked(time, asked_at, now);
                }
            }
            Some(Ticket::Aside) | None => {}
        }
        if let Some(why) = left {
            self.wait_no_longer_for(node, &why, now);
        }
    }

    /// Notes that the oldest `count` commands that a node has not answered will not be answered: they may have been
    /// carried out or not.
    pub fn handle_unanswered(&mut self, node: NodeId, count: usize, why: &Unavailable, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.leaves_unanswered();
        }
        self.answer_under_way(node, why, count);
        self.deliver(now);
    }

    /// Notes that a node will never be connected again: all commands to it are refused, for the reason given.
    pub fn give_up(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.give_up(why, now);
            self.answer_for(node, why, now);
            self.deliver(now);
        }
    }

    /// Notes that all connections are gone, together with whoever drove them: new ones are wanted as at the beginning.
    pub fn start_over(&mut self, why: &Unavailable, now: Instant) {
        for node in self.config.nodes().iter() {
            if let Some(state) = self.nodes.get_mut(node.index()) {
                state.start_over();
            }
            self.observe_disconnected(node, why, now);
            self.answer_under_way(node, why, usize::MAX);
        }
        self.ready = self.config.nodes();
        self.deliver(now);
    }

    /// Refuses all commands that wait to be sent, because nobody is there who could send them.
    pub fn refuse_waiting(&mut self, why: &Unavailable, now: Instant) {
        for node in self.config.nodes().iter() {
            self.refuse_waiting_of(node, why);
        }
        self.deliver(now);
    }

    /// Does what has become due. To be called at [`poll_timeout`](Self::poll_timeout), and harmless at any other time.
    ///
    /// It looks at up to 256 locks. When more are due, [`poll_timeout`](Self::poll_timeout) goes on to give a moment that
    /// has passed: commands and replies of others need not wait until all is done.
    pub fn handle_timeout(&mut self, now: Instant) {
        for node in self.config.nodes().iter() {
            self.handle_timeout_of(node, now);
        }
        self.deliver(now);
        self.expire_inspections(now);
        // A lock that wants to be woken at once again must not keep the caller in here: it is due in the next call.
        let mut left = self.timers.len().min(MAX_BATCH);
        while left > 0 {
            let due: SmallVec<[LockKey; AT_ONCE]> =
                iter::from_fn(|| self.timers.pop_due(now)).take(left.min(AT_ONCE)).collect();
            if due.is_empty() {
                break;
            }
            left = left.saturating_sub(due.len());
            self.fetch(&due);
            due.into_iter().for_each(|key| self.handle_timeout_of_lock(key, now));
        }
        // An operation that ended in time leaves its timer behind; nobody is to be woken by it.
        self.timers.skip_what_no_longer_counts();
    }
}

impl Locks {
    /// Has locks brought from memory that were at rest for long. The processor waits for them one after the other if each is
    /// dealt with before the next one is looked at, and not so if they are looked at first.
    fn fetch(&self, keys: &[LockKey]) {
        let entries = keys.iter().filter_map(|key| self.entries.get(key.index));
        black_box(entries.fold(0, |seen, entry| seen ^ entry.glance()));
    }

    fn handle_timeout_of(&mut self, node: NodeId, now: Instant) {
        let Self { nodes, config, .. } = self;
        match nodes.get_mut(node.index()).map_or(Due::Nothing, |state| state.handle_timeout(config, now)) {
            Due::Nothing => {}
            Due::Ready => self.ready.insert(node),
            Due::Silent(why) => {
                self.ready.insert(node);
                self.answer_for(node, &why, now);
            }
        }
    }

    /// Answers in the place of a node whose connection is gone, and lets nobody wait for its word.
    fn answer_for(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        self.answer_under_way(node, why, usize::MAX);
        self.wait_no_longer_for(node, why, now);
    }

    /// Lets nobody wait for a node to which nothing is sent for the time being.
    fn wait_no_longer_for(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        self.observe_disconnected(node, why, now);
        self.refuse_waiting_if_down(node);
        self.deliver(now);
        self.lose_turns(node, now);
    }

    /// Does what is due with a lock that wanted to be woken. What has ended in time has nothing to do.
    fn handle_timeout_of_lock(&mut self, key: LockKey, now: Instant) {
        let Self { entries, queues, timers, .. } = self;
        let Some(entry) = entries.get_mut(key.index).filter(|entry| entry.serial == key.serial) else { return };
        let wakes_at = entry.wakes_at(queues);
        if wakes_at.is_some_and(|at| at <= now) {
            self.update(key, now, |lock, context| lock.handle_timeout(context, now));
        } else {
            timers.schedule(key, wakes_at);
        }
    }

    /// Answers the oldest `count` commands that are under way to a node.
    fn answer_under_way(&mut self, node: NodeId, why: &Unavailable, count: usize) {
        let Self { nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        let tickets = iter::from_fn(|| state.take_ticket()).take(count);
        stand_ins.extend(tickets.map(|ticket| (node, ticket, Reply::Unavailable(why.clone()))));
    }

    fn refuse_waiting_if_down(&mut self, node: NodeId) {
        let refusal = self.nodes.get(node.index()).and_then(Node::refusal);
        if let Some(why) = refusal.cloned() {
            self.refuse_waiting_of(node, &why.unsent());
        }
    }

    fn refuse_waiting_of(&mut self, node: NodeId, why: &Unavailable) {
        let Self { nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        stand_ins.extend(state.forget_waiting().map(|ticket| (node, ticket, Reply::Unavailable(why.clone()))));
    }
}
