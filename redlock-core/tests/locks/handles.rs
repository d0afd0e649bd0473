//! Several handles over the same nodes, which answer at once, or not at all.

use std::collections::{BTreeMap, VecDeque};

use core::time::Duration;

use redlock_core::{
    Action, Cause, Config, Facts, Heard, Instant, LockKey, Locks, NodeId, NodeSet, Options, Reply, Request, Resources,
    Unavailable, WaiterId, model,
};

use crate::world::{TTL, at};

pub(crate) struct Handles {
    pub(crate) locks: Vec<Locks>,
    pub(crate) nodes: Vec<model::Node>,
    pub(crate) now: Instant,
    /// They take commands and do not answer.
    pub(crate) hung: NodeSet,
    /// To them a connection takes long.
    pub(crate) unconnected: NodeSet,
    /// Their replies are kept until they are taken one by one.
    pub(crate) late: NodeSet,
    late_replies: VecDeque<(usize, NodeId, Reply)>,
    /// Their users may not subscribe.
    pub(crate) forbidding: NodeSet,
    /// They do not answer subscriptions.
    pub(crate) mute: NodeSet,
    /// Who has subscribed and was not answered.
    subscribing: Option<WaiterId>,
    /// The handles that are told nothing more, as if their processes were stopped.
    pub(crate) stopped: Vec<usize>,
    /// The kinds of all commands and subscriptions that were carried, with the handle.
    pub(crate) log: Vec<(usize, NodeId, &'static str)>,
    subscriptions: BTreeMap<WaiterId, usize>,
    seeds: u16,
}

impl Handles {
    pub(crate) fn new(handles: usize) -> Self {
        Self::over(&["a", "b", "c"], handles)
    }

    /// Handles that have these nodes.
    pub(crate) fn over(nodes: &[&str], handles: usize) -> Self {
        let config = Config::builder(nodes.iter().copied()).ping_interval(None).build().unwrap();
        let mut this = Self {
            locks: (0..handles).map(|_| Locks::new(config.clone())).collect(),
            nodes: vec![model::Node::new(); nodes.len()],
            now: at(0),
            hung: NodeSet::EMPTY,
            unconnected: NodeSet::EMPTY,
            late: NodeSet::EMPTY,
            late_replies: VecDeque::new(),
            forbidding: NodeSet::EMPTY,
            mute: NodeSet::EMPTY,
            subscribing: None,
            stopped: Vec::new(),
            log: Vec::new(),
            subscriptions: BTreeMap::new(),
            seeds: 0,
        };
        // As with servers that were told the scripts when the connections were opened.
        let key = this.acquire(0, "any");
        this.give_back(0, key);
        this.log.clear();
        this
    }

    pub(crate) fn home(&self) -> NodeId {
        self.home_of("job")
    }

    pub(crate) fn home_of(&self, name: &str) -> NodeId {
        self.locks[0].config().home(&name.into()).unwrap()
    }

    pub(crate) fn begin(&mut self, handle: usize, names: impl Into<Resources>, options: Options) -> LockKey {
        let request = Request::new(self.locks[handle].config(), names, TTL, options).unwrap();
        self.seeds = self.seeds.wrapping_add(1);
        // Nobody comes in the same microsecond as another.
        self.now = self.now.saturating_add(Duration::from_micros(1));
        let seed = core::array::from_fn(|place| self.seeds.to_le_bytes()[place % 2]);
        let key = self.locks[handle].acquire(request, seed, self.now).unwrap();
        self.run();
        key
    }

    pub(crate) fn wait_for(&mut self, handle: usize) -> LockKey {
        self.begin(handle, "job", Options::new())
    }

    pub(crate) fn acquire(&mut self, handle: usize, names: impl Into<Resources>) -> LockKey {
        let key = self.begin(handle, names, Options::new());
        assert!(self.has(handle, key));
        key
    }

    pub(crate) fn has(&mut self, handle: usize, key: LockKey) -> bool {
        self.locks[handle].hand_over(key, self.now).is_some_and(|result| result.is_ok())
    }

    pub(crate) fn give_back(&mut self, handle: usize, key: LockKey) {
        self.locks[handle].abandon(key, self.now);
        self.run();
    }

    /// Lets all do what they have to do by then, one timer after the other.
    pub(crate) fn advance_to(&mut self, millis: u64) {
        while let Some(next) = self.next_timer().filter(|next| *next <= at(millis)) {
            self.now = self.now.max(next);
            self.run();
        }
        self.now = at(millis);
        self.run();
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let going = (0..self.locks.len()).filter(|handle| !self.stopped.contains(handle));
        going.filter_map(|handle| self.locks[handle].poll_timeout()).min()
    }

    /// Ends the opening of the connections of a handle.
    pub(crate) fn connect(&mut self, handle: usize) {
        for node in self.locks[handle].config().nodes().iter() {
            self.locks[handle].handle_connected(node, Facts::default(), true, self.now);
        }
    }

    /// Brings the oldest late reply to a handle.
    pub(crate) fn take_late_reply(&mut self, handle: usize) {
        let place = self.late_replies.iter().position(|(of, _, _)| *of == handle).unwrap();
        let (_, node, reply) = self.late_replies.remove(place).unwrap();
        self.locks[handle].handle_reply(node, reply, self.now);
    }

    /// Brings all late replies to a handle, also those that come late meanwhile.
    pub(crate) fn take_late_replies(&mut self, handle: usize) {
        while self.late_replies.iter().any(|(of, _, _)| *of == handle) {
            self.take_late_reply(handle);
            self.run();
        }
    }

    /// Breaks the connections of a handle, and it does not notice.
    pub(crate) fn disconnect(&mut self, handle: usize) {
        for (waiter, _) in self.subscriptions.iter().filter(|(_, subscriber)| **subscriber == handle) {
            self.nodes.iter_mut().for_each(|node| node.unsubscribe(waiter));
        }
    }

    /// The kinds of the commands since the last look, those of each handle together.
    pub(crate) fn take_kinds(&mut self, handle: usize) -> Vec<&'static str> {
        let (own, others) = self.log.drain(..).partition(|(of, _, _)| *of == handle);
        self.log = others;
        let own: Vec<(usize, NodeId, &str)> = own;
        own.into_iter().map(|(_, _, kind)| kind).collect()
    }

    /// Carries everything to everybody, until nothing is left to do at this moment.
    pub(crate) fn run(&mut self) {
        for handle in 0..self.locks.len() {
            if !self.stopped.contains(&handle) {
                self.locks[handle].handle_timeout(self.now);
            }
        }
        let mut rounds = 0;
        while (0..self.locks.len()).any(|handle| !self.stopped.contains(&handle) && self.carry(handle)) {
            rounds += 1;
            assert!(rounds < 10_000, "they never come to rest");
        }
    }

    /// Carries what one handle has to say to all nodes at this moment, and what comes of it; returns whether it had something.
    fn carry(&mut self, handle: usize) -> bool {
        let (locks, now) = (&mut self.locks[handle], self.now);
        let (mut said, mut subscribing) = (Vec::new(), Vec::new());
        while let Some(node) = locks.poll_ready() {
            if locks.poll_connect(node) && !self.unconnected.contains(node) {
                locks.handle_connected(node, Facts::default(), true, now);
            }
            let mut batch = Vec::new();
            locks.poll_batch(node, &mut batch, now);
            said.extend(batch.into_iter().map(|command| (node, command)));
            subscribing.extend(locks.poll_subscribe(node, now).map(|waiter| (node, waiter)));
        }
        let has_said = !said.is_empty() || !subscribing.is_empty();
        for (node, waiter) in subscribing {
            self.subscribe(handle, node, waiter);
        }
        for (node, command) in said {
            self.log.push((handle, node, kind(&command.action)));
            if !self.hung.contains(node) {
                let reply = self.nodes[node.index()].execute(&command, self.now);
                if self.late.contains(node) {
                    self.late_replies.push_back((handle, node, reply));
                } else {
                    self.locks[handle].handle_reply(node, reply, self.now);
                }
            }
            self.tell_call_ups(node);
        }
        has_said
    }

    fn subscribe(&mut self, handle: usize, node: NodeId, waiter: WaiterId) {
        self.log.push((handle, node, "subscribe"));
        if self.hung.contains(node) || self.mute.contains(node) {
            self.subscribing = Some(waiter);
            return;
        }
        let heard = if self.forbidding.contains(node) {
            Heard::Deaf(Unavailable::new(Cause::NoPermission))
        } else {
            self.nodes[node.index()].subscribe(&waiter);
            self.subscriptions.insert(waiter, handle);
            Heard::Subscribed
        };
        self.locks[handle].handle_heard(node, heard, self.now);
    }

    /// Ends a subscription that has not been answered.
    pub(crate) fn subscription_stands(&mut self, handle: usize, node: NodeId) {
        let waiter = self.subscribing.take().unwrap();
        self.mute.remove(node);
        self.subscribe(handle, node, waiter);
        self.run();
    }

    fn tell_call_ups(&mut self, node: NodeId) {
        while let Some((waiter, resource)) = self.nodes[node.index()].poll_call_up() {
            let handle = self.subscriptions[&waiter];
            if !self.stopped.contains(&handle) {
                self.locks[handle].handle_heard(node, Heard::CalledUp(resource), self.now);
            }
        }
    }
}

pub(crate) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Acquire { .. } => "acquire",
        Action::AcquireInTurn { .. } => "in turn",
        Action::Extend { .. } => "extend",
        Action::Release { .. } => "release",
        Action::Leave { .. } => "leave",
        _ => "other",
    }
}
