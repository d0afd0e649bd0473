use redlock_core::{
    Action as Verb, Cause, Command, Facts, Instant, LockKey, LockMachine, Locks, NodeId, Reply, Unavailable,
};

use super::action::Action;
use super::checks::check_delivery;
use super::scenario::{Scenario, TTL};
use super::site::{Letter, Link, Origin, Parcel, Site};
use super::user::{Stage, User};
use super::violation::Violation;
use crate::kept::Kept;
use crate::scenario::node_id;

/// A world: the real machine, its users, and nodes with their connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) scenario: Scenario,
    pub(super) now: Instant,
    pub(super) locks: Kept<Locks>,
    pub(super) sites: Vec<Kept<Site>>,
    pub(super) users: Vec<User>,
    pub(super) left: Budget,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) breaks: u8,
    pub(super) failures: u8,
    pub(super) extensions: u8,
    pub(super) jumps: u8,
}

impl State {
    /// Returns the world in which the first connections are being opened.
    pub(super) fn genesis(scenario: &Scenario) -> Result<Self, Violation> {
        let Scenario { breaks, failures, extensions, jumps, .. } = *scenario;
        let config = scenario.config();
        let mut site = Site::new(scenario.users);
        if scenario.knows_scripts {
            site.teach(&config);
        }
        let mut state = Self {
            scenario: *scenario,
            now: Instant::EPOCH,
            locks: Kept::new(Locks::new(config)),
            sites: vec![Kept::new(site); scenario.nodes],
            users: vec![User::default(); scenario.users],
            left: Budget { breaks, failures, extensions, jumps },
        };
        state.settle()?;
        Ok(state)
    }

    /// Lets something happen, and then all that a driver does after each call.
    pub(super) fn apply(&mut self, action: Action) -> Result<(), Violation> {
        let now = self.now;
        match action {
            Action::Begin(user) => self.begin(user),
            Action::HandOver(user) => self.hand_over(user),
            Action::Extend(user) => self.extend(user),
            Action::Release(user) => self.release(user),
            Action::Abandon(user) => self.abandon(user),
            Action::Open(node) => {
                self.sites[node].link = Link::Open;
                self.locks.handle_connected(node_id(node), Facts::default(), false, now);
            }
            Action::Fail(node) => {
                self.left.failures = self.left.failures.saturating_sub(1);
                self.disconnect(node, Cause::NotSent);
            }
            Action::Break { node, is_late } => {
                self.left.breaks = self.left.breaks.saturating_sub(1);
                self.sites[node].break_connection(is_late);
            }
            Action::Notice(node) => self.disconnect(node, Cause::Disconnected),
            Action::Execute(node) => self.execute(node)?,
            Action::ExecuteLate(node) => self.execute_late(node)?,
            Action::Deliver(node) => self.deliver(node)?,
            Action::Jump => self.jump(),
        }
        self.settle()
    }

    pub(super) fn key(&self, user: usize) -> LockKey {
        self.users[user].key.expect("the user has begun")
    }
}

/// # Users
impl State {
    fn begin(&mut self, user: usize) {
        let request = self.scenario.request(self.locks.config(), user);
        let seed = [u8::try_from(user).expect("a small number"); 32];
        self.users[user].key = self.locks.acquire(request, seed, self.now).ok();
        self.users[user].stage = Stage::Acquiring;
    }

    fn hand_over(&mut self, user: usize) {
        let key = self.key(user);
        self.users[user].is_woken = false;
        match self.locks.hand_over(key, self.now) {
            Some(Ok(_)) => {
                self.users[user].stage = Stage::Holding;
                self.users[user].held_since = self.scenario.keeps_alive.then_some(self.now);
            }
            Some(Err(_)) => self.abandon(user),
            None => {}
        }
    }

    fn extend(&mut self, user: usize) {
        let key = self.key(user);
        self.left.extensions = self.left.extensions.saturating_sub(1);
        if let Ok(operation) = self.locks.extend(key, TTL, self.now) {
            self.users[user].stage = Stage::Extending(operation);
        }
    }

    fn release(&mut self, user: usize) {
        let key = self.key(user);
        self.locks.release(key, self.now);
        self.users[user].stage = Stage::Releasing;
    }

    fn abandon(&mut self, user: usize) {
        let key = self.key(user);
        self.locks.abandon(key, self.now);
        self.users[user].stage = Stage::Over;
    }

    /// Lets a user that was woken take what has ended.
    fn look(&mut self, user: usize) {
        let key = self.key(user);
        match self.users[user].stage {
            Stage::Extending(operation) if self.locks.take_extended(key, operation).is_some() => {
                self.users[user].stage = Stage::Holding;
            }
            Stage::Releasing if self.locks.take_released(key).is_some() => self.abandon(user),
            Stage::Acquiring => return,
            _ => {}
        }
        self.users[user].is_woken = false;
    }
}

/// # Nodes
impl State {
    fn disconnect(&mut self, node: usize, cause: Cause) {
        self.sites[node].close();
        self.locks.handle_disconnected(node_id(node), &Unavailable::new(cause), self.now);
    }

    fn execute(&mut self, node: usize) -> Result<(), Violation> {
        let Some(Parcel { user, command }) = self.sites[node].commands.pop_front() else { return Ok(()) };
        let reply = self.sites[node].execute(&command, self.now)?;
        if reply == Reply::Done {
            self.note_origin(node, user, &command, Origin::InTime);
        }
        self.sites[node].replies.push_back(Letter { user, id: command.id, reply });
        Ok(())
    }

    fn execute_late(&mut self, node: usize) -> Result<(), Violation> {
        let Some(Parcel { user, command }) = self.sites[node].late.pop_front() else { return Ok(()) };
        if self.sites[node].execute(&command, self.now)? == Reply::Done {
            self.note_origin(node, user, &command, Origin::BrokenConnection);
        }
        Ok(())
    }

    /// Notes where a key comes from that a command has set or lengthened.
    fn note_origin(&mut self, node: usize, user: usize, command: &Command, way: Origin) {
        let is_after = self.users[user].released_at.is_some_and(|at| at < self.now);
        let time = if is_after { Origin::AfterRelease } else { Origin::InTime };
        let origin = &mut self.sites[node].origins[user];
        match command.action {
            Verb::Acquire { .. } => *origin = time.max(way),
            Verb::Extend { .. } => *origin = time.max(*origin),
            _ => {}
        }
    }

    fn deliver(&mut self, node: usize) -> Result<(), Violation> {
        let Some(letter) = self.sites[node].replies.pop_front() else { return Ok(()) };
        let before = self.locks.clone();
        self.locks.handle_reply(node_id(node), letter.reply.clone(), self.now);
        check_delivery(&before, &self.locks, self.key(letter.user), node_id(node), &letter, self.now)
    }

    fn jump(&mut self) {
        self.left.jumps = self.left.jumps.saturating_sub(1);
        self.now = self.locks.poll_timeout().map_or(self.now, |at| at.max(self.now));
        for site in &mut self.sites {
            // Keys that are over are forgotten, so that worlds that differ in nothing else are one.
            let _ = site.node.keys(self.now).count();
        }
        self.locks.handle_timeout(self.now);
    }
}

/// # The driver
impl State {
    /// Does what is to be done after every call.
    fn settle(&mut self) -> Result<(), Violation> {
        loop {
            (0..self.users.len()).for_each(|user| self.note_release(user));
            while let Some(node) = self.locks.poll_ready() {
                self.connect(node)?;
                self.send(node)?;
            }
            let Some(key) = self.locks.poll_finished() else { return Ok(()) };
            if let Some(user) = self.users.iter().position(|user| user.key == Some(key)) {
                self.users[user].is_woken = true;
                self.look(user);
            }
        }
    }

    fn note_release(&mut self, user: usize) {
        let Some(key) = self.users[user].key else { return };
        let is_alive = |lock: &LockMachine| lock.is_acquiring() || (lock.deadline().is_some() && lock.loss().is_none());
        if !self.locks.lock(key).is_some_and(is_alive) {
            self.users[user].released_at.get_or_insert(self.now);
        }
    }

    fn connect(&mut self, node: NodeId) -> Result<(), Violation> {
        if self.locks.poll_connect(node) {
            let link = &mut self.sites[node.index()].link;
            if *link != Link::Closed {
                return Err(Violation::ConnectedTwice);
            }
            *link = Link::Opening;
        }
        Ok(())
    }

    fn send(&mut self, node: NodeId) -> Result<(), Violation> {
        let in_time = |(_, command): &(LockKey, &Command)| command.send_by >= self.now && self.locks.has_batch(node);
        let queued = self.locks.queued(node).filter(in_time).map(|(key, command)| (key, command.clone()));
        let expected: Vec<(LockKey, Command)> = queued.collect();
        let mut batch = Vec::new();
        self.locks.poll_batch(node, &mut batch, self.now);
        let mut sent = batch.into_iter();
        for (key, command) in expected {
            if sent.as_slice().first() == Some(&command) {
                sent.next();
                self.post(node.index(), key, command)?;
            } else if !matches!(command.action, Verb::Release { .. }) || self.locks.lock(key).is_some() {
                // Only what was to undo something that was not sent in time is left out.
                return Err(Violation::BatchUnlikeQueue);
            }
        }
        if sent.next().is_some() { Err(Violation::BatchUnlikeQueue) } else { Ok(()) }
    }

    fn post(&mut self, node: usize, key: LockKey, command: Command) -> Result<(), Violation> {
        let Some(user) = self.users.iter().position(|user| user.key == Some(key)) else { return Ok(()) };
        self.users[user].token = Some(*command.action.token().expect("it is of a lock"));
        let site = &mut self.sites[node];
        let is_release = matches!(command.action, Verb::Release { .. });
        if site.is_released[user] && !is_release {
            return Err(Violation::SentAfterRelease);
        }
        site.is_released[user] = is_release;
        if site.last_sent[user].replace(command.id) >= Some(command.id) {
            return Err(Violation::SentAgain);
        }
        match site.link {
            Link::Open => site.commands.push_back(Parcel { user, command }),
            Link::Broken => site.lost = site.lost.saturating_add(1),
            Link::Closed | Link::Opening => return Err(Violation::SentWithoutConnection),
        }
        Ok(())
    }
}
