use redlock_core::model::Node;
use redlock_core::{
    Cause, Command, Facts, Heard, Instant, LockKey, LockMachine, Locks, Reply, Resource, ScriptForm, Unavailable,
    WaiterId,
};

use super::action::Action;
use super::link::{Link, Way};
use super::scenario::{Late, NAME, Scenario};
use super::violation::Violation;
use crate::kept::Kept;
use crate::scenario::node_id;

/// A world: the real machines with their users, and nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) scenario: Scenario,
    pub(super) now: Instant,
    pub(super) left: Budget,
    /// Something came late or was lost.
    pub(super) is_disturbed: bool,
    pub(super) handles: Vec<Kept<Locks>>,
    pub(super) nodes: Vec<Kept<Node>>,
    /// Those of a handle are next to each other.
    pub(super) links: Vec<Kept<Link>>,
    pub(super) users: Vec<User>,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) lost_call_ups: u8,
    pub(super) breaks: u8,
    pub(super) give_ups: u8,
    pub(super) jumps: u8,
}

/// One who wants the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct User {
    pub(super) stage: Stage,
    /// How often it has begun to acquire.
    rounds: u8,
}

impl User {
    pub(super) const fn has_begun(self) -> bool {
        self.rounds > 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Idle,
    Acquiring(LockKey),
    Holding(LockKey),
    /// It wants the lock no more.
    Over,
}

impl State {
    /// Returns the world in which all handles are connected and nobody has asked for anything.
    pub(super) fn genesis(scenario: &Scenario) -> Result<Self, Violation> {
        let Scenario { lost_call_ups, breaks, give_ups, jumps, .. } = *scenario;
        let (config, links) = (scenario.config(), scenario.handles().saturating_mul(scenario.nodes));
        let mut state = Self {
            scenario: *scenario,
            now: Instant::EPOCH,
            left: Budget { lost_call_ups, breaks, give_ups, jumps },
            is_disturbed: false,
            handles: (0..scenario.handles()).map(|_| Kept::new(Locks::new(config.clone()))).collect(),
            nodes: vec![Kept::new(Node::new()); scenario.nodes],
            links: vec![Kept::new(Link::default()); links],
            users: vec![User { stage: Stage::Idle, rounds: 0 }; scenario.users.len()],
        };
        for handle in 0..state.handles.len() {
            state.settle(handle)?;
            for node in (0..scenario.nodes).filter(|_| scenario.are_subscribed) {
                state.nodes[node].subscribe(&waiter(handle));
                state.handles[handle].handle_heard(node_id(node), Heard::Subscribed, Instant::EPOCH);
            }
        }
        Ok(state)
    }

    /// Lets something happen, and then all that a driver does after each call.
    pub(super) fn apply(&mut self, action: Action) -> Result<(), Violation> {
        match action {
            Action::Begin(user) => self.begin(user),
            Action::Release(user) | Action::GiveUp(user) => self.abandon(user, action),
            Action::Execute(way) => {
                self.execute_next(way);
                Ok(())
            }
            Action::Deliver(way) => self.deliver(way),
            Action::Subscribe(way) => {
                self.subscribe(way);
                Ok(())
            }
            Action::Hear(way) => self.hear(way),
            Action::LoseCallUp(way) => {
                self.lose_call_up(way);
                Ok(())
            }
            Action::Break { way, is_late } => self.break_connection(way, is_late),
            Action::Jump => self.jump(),
        }
    }

    pub(super) fn link(&self, way: Way) -> &Link {
        &self.links[self.place(way)]
    }

    fn link_mut(&mut self, way: Way) -> &mut Link {
        let place = self.place(way);
        &mut self.links[place]
    }

    fn place(&self, way: Way) -> usize {
        way.handle.saturating_mul(self.nodes.len()).saturating_add(way.node)
    }
}

/// # Users
impl State {
    fn begin(&mut self, user: usize) -> Result<(), Violation> {
        let handle = self.scenario.users[user];
        let User { stage, rounds } = &mut self.users[user];
        *rounds = rounds.saturating_add(1);
        let locks = &mut self.handles[handle];
        let request = Scenario::request(locks.config(), NAME);
        let seed = seed(handle, user, *rounds);
        *stage = Stage::Acquiring(locks.acquire(request, seed, self.now).expect("nobody closes a handle"));
        self.settle(handle)
    }

    fn abandon(&mut self, user: usize, why: Action) -> Result<(), Violation> {
        let handle = self.scenario.users[user];
        let User { stage, rounds } = &mut self.users[user];
        let (Stage::Acquiring(key) | Stage::Holding(key)) = *stage else { return Ok(()) };
        let is_over = *rounds >= self.scenario.rounds || matches!(why, Action::GiveUp(_));
        *stage = if is_over { Stage::Over } else { Stage::Idle };
        if matches!(why, Action::GiveUp(_)) {
            self.left.give_ups = self.left.give_ups.saturating_sub(1);
        }
        self.handles[handle].abandon(key, self.now);
        self.settle(handle)
    }

    /// Lets the user that was woken take its lock, or learn that it was lost.
    fn look(&mut self, handle: usize, key: LockKey) -> Result<(), Violation> {
        let has_key = |user: &User| matches!(user.stage, Stage::Acquiring(own) | Stage::Holding(own) if own == key);
        let is_meant = |user: &usize| self.scenario.users[*user] == handle && has_key(&self.users[*user]);
        let Some(user) = (0..self.users.len()).find(is_meant) else { return Ok(()) };
        let locks = &mut self.handles[handle];
        if matches!(self.users[user].stage, Stage::Holding(_)) {
            if locks.check(key, self.now).is_err() {
                locks.abandon(key, self.now);
                self.users[user].stage = Stage::Over;
            }
            return Ok(());
        }
        match locks.hand_over(key, self.now) {
            Some(Ok(_)) => self.users[user].stage = Stage::Holding(key),
            Some(Err(_)) => return Err(Violation::GaveUp),
            None => {}
        }
        Ok(())
    }
}

/// # Nodes and what is under way
impl State {
    fn execute_next(&mut self, way: Way) {
        if let Some(command) = self.link_mut(way).commands.pop_front() {
            let reply = self.execute(way.node, &command);
            self.link_mut(way).replies.push_back(reply);
        }
    }

    /// A node knows all scripts, and calls up whom a command lets it.
    fn execute(&mut self, node: usize, command: &Command) -> Reply {
        let now = self.now;
        let model = &mut self.nodes[node];
        let reply = match model.execute(command, now) {
            Reply::UnknownScript => {
                model.execute(&command.with_action(command.action.clone(), ScriptForm::Source), now)
            }
            reply => reply,
        };
        while let Some((called, resource)) = self.nodes[node].poll_call_up() {
            for handle in (0..self.handles.len()).filter(|handle| waiter(*handle) == called) {
                let link = self.link_mut(Way { handle, node });
                link.heard.push_back(Heard::CalledUp(resource.clone()));
                link.has_lost_call_up = false;
            }
        }
        reply
    }

    fn deliver(&mut self, way: Way) -> Result<(), Violation> {
        if let Some(reply) = self.link_mut(way).replies.pop_front() {
            self.handles[way.handle].handle_reply(way.node_id(), reply, self.now);
        }
        self.settle(way.handle)
    }

    fn subscribe(&mut self, way: Way) {
        self.nodes[way.node].subscribe(&waiter(way.handle));
        let link = self.link_mut(way);
        link.is_subscribing = false;
        link.heard.push_back(Heard::Subscribed);
    }

    fn hear(&mut self, way: Way) -> Result<(), Violation> {
        let (place, is_called_up) = (self.place(way), self.link(way).hears_call_up());
        let locks = &mut self.handles[way.handle];
        if let Some(heard) = self.links[place].heard.pop_front() {
            locks.handle_heard(way.node_id(), heard, self.now);
        }
        let sleeps = |key| locks.lock(key).is_some_and(LockMachine::is_waiting);
        if is_called_up && locks.keys().any(sleeps) {
            return Err(Violation::SleepsOn);
        }
        self.settle(way.handle)
    }

    fn lose_call_up(&mut self, way: Way) {
        self.left.lost_call_ups = self.left.lost_call_ups.saturating_sub(1);
        self.is_disturbed = true;
        let link = self.link_mut(way);
        link.heard.pop_front();
        link.has_lost_call_up = true;
    }

    fn break_connection(&mut self, way: Way, is_late: bool) -> Result<(), Violation> {
        self.left.breaks = self.left.breaks.saturating_sub(1);
        self.is_disturbed = true;
        while is_late && !self.link(way).commands.is_empty() {
            self.execute_next(way);
        }
        *self.link_mut(way) = Link { has_lost_call_up: true, ..Link::default() };
        self.nodes[way.node].unsubscribe(&waiter(way.handle));
        let why = Unavailable::new(Cause::Disconnected);
        self.handles[way.handle].handle_disconnected(way.node_id(), &why, self.now);
        self.settle(way.handle)
    }

    fn jump(&mut self) -> Result<(), Violation> {
        self.left.jumps = self.left.jumps.saturating_sub(1);
        self.is_disturbed |= !self.links.iter().all(|link| link.is_quiet());
        self.now = self.next_timer().map_or(self.now, |at| at.max(self.now));
        for node in &mut self.nodes {
            // What is over is forgotten, so that worlds that differ in nothing else are one.
            let _ = node.keys(self.now).count();
        }
        for handle in 0..self.handles.len() {
            while self.handles[handle].poll_timeout().is_some_and(|at| at <= self.now) {
                self.handles[handle].handle_timeout(self.now);
            }
            self.settle(handle)?;
        }
        Ok(())
    }

    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.handles.iter().filter_map(|locks| locks.poll_timeout()).min()
    }
}

/// # The driver
impl State {
    /// Does what is to be done after every call of a handle.
    fn settle(&mut self, handle: usize) -> Result<(), Violation> {
        loop {
            while let Some(node) = self.handles[handle].poll_ready() {
                let way = Way { handle, node: node.index() };
                let (locks, now) = (&mut self.handles[handle], self.now);
                if locks.poll_connect(node) {
                    locks.handle_connected(node, Facts::default(), true, now);
                }
                self.send(way);
            }
            let Some(key) = self.handles[handle].poll_finished() else { return Ok(()) };
            self.look(handle, key)?;
        }
    }

    fn send(&mut self, way: Way) {
        let (locks, node) = (&mut self.handles[way.handle], way.node_id());
        let mut batch = Vec::new();
        locks.poll_batch(node, &mut batch, self.now);
        let is_subscribing = locks.poll_subscribe(node, self.now).is_some();
        let is_late = self.is_late(way.node);
        if is_subscribing || (is_late && !batch.is_empty()) {
            let link = self.link_mut(way);
            link.is_subscribing |= is_subscribing;
            if is_late {
                link.commands.extend(batch.drain(..));
            }
        }
        for command in batch {
            let reply = self.execute(way.node, &command);
            self.handles[way.handle].handle_reply(node, reply, self.now);
        }
    }

    /// Returns whether a user has a lock that is valid.
    pub(super) fn holds(&self, user: usize) -> bool {
        let Stage::Holding(key) = self.users[user].stage else { return false };
        let lock = self.handles[self.scenario.users[user]].lock(key);
        lock.is_some_and(|lock| lock.loss().is_none() && lock.deadline().is_some_and(|end| self.now < end))
    }

    fn is_late(&self, node: usize) -> bool {
        let is_home = self.home() == Some(node);
        match self.scenario.late {
            Late::All => true,
            Late::Home => is_home,
            Late::Others => !is_home,
        }
    }

    fn home(&self) -> Option<usize> {
        let home = self.handles[0].config().home(&Resource::from(NAME));
        home.map(redlock_core::NodeId::index)
    }
}

/// Returns the name under which a handle waits.
pub(super) fn waiter(handle: usize) -> WaiterId {
    WaiterId::new([small(handle); 16])
}

/// Returns a seed whose first half makes the tokens of a lock, and whose second half names the handle.
fn seed(handle: usize, user: usize, round: u8) -> [u8; 32] {
    core::array::from_fn(|place| match place {
        0 => small(user),
        1 => round,
        2..16 => 0,
        _ => small(handle),
    })
}

fn small(number: usize) -> u8 {
    u8::try_from(number).expect("a small number")
}
