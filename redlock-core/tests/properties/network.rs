//! Clients and model nodes, with every message between them under way on its own and every clock at its own rate.

use core::time::Duration;
use std::collections::VecDeque;

use redlock_core::strategy::Step;
use redlock_core::{
    Action, Cause, Command, CommandId, Config, Event, Instant, Lock, NodeId, Options, Reply, Request, Token,
    Unavailable, model,
};

const NAME: &str = "job";

/// So often everything that is under way arrives, at most, until all locks are settled.
const MOST_TIDES: u32 = 200;

pub(crate) struct Network {
    config: Config,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    now: Instant,
    /// For how long a command was under way, at most.
    longest_delay: Duration,
}

struct Node {
    model: model::Node,
    /// How much faster its clock goes than it should, in parts per million.
    fast_ppm: i32,
}

struct Client {
    lock: Lock,
    /// The token of its last attempt.
    token: Option<Token>,
    /// One to each node.
    connections: Vec<Connection>,
    /// All events so far.
    heard: Vec<Event>,
}

/// What is under way, in order.
#[derive(Clone, Default)]
struct Connection {
    /// With the moment at which each was sent.
    commands: VecDeque<(Instant, Command)>,
    replies: VecDeque<(CommandId, Reply)>,
}

/// # What happens
impl Network {
    /// A node for each clock, and a client for each seed, all of which begin to acquire the same resource.
    pub(crate) fn new(config: &Config, ttl: Duration, clocks: &[i32], seeds: &[[u8; 32]]) -> Self {
        let nodes = clocks.iter().map(|&fast_ppm| Node { model: model::Node::new(), fast_ppm }).collect();
        let request = Request::new(config, NAME, ttl, Options::new()).unwrap();
        let client = |seed| Client {
            lock: Lock::acquire(config, request.clone(), seed, Instant::EPOCH),
            token: None,
            connections: vec![Connection::default(); clocks.len()],
            heard: Vec::new(),
        };
        let clients = seeds.iter().copied().map(client).collect();
        let mut network =
            Self { config: config.clone(), nodes, clients, now: Instant::EPOCH, longest_delay: Duration::ZERO };
        for client in 0..seeds.len() {
            network.act(client, Lock::handle_timeout);
        }
        network
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Execute { client, node } => self.execute(client, node),
            Step::Answer { client, node } => self.answer(client, node),
            Step::Disconnect { client, node } => self.clients[client].disconnect(node, self.now),
            Step::Wake { client } => self.act(client, Lock::handle_timeout),
            Step::Elapse(time) => self.now = self.now.saturating_add(time),
            _ => panic!("no such step is drawn: {step:?}"),
        }
    }

    /// A client does something with its lock.
    pub(crate) fn act<T>(&mut self, client: usize, action: impl FnOnce(&mut Lock, Instant) -> T) {
        let client = &mut self.clients[client];
        action(&mut client.lock, self.now);
        client.poll(self.now);
    }

    /// All that is under way between a client and the nodes arrives.
    pub(crate) fn deliver_all(&mut self, client: usize) {
        for node in self.config.nodes().iter() {
            while !self.clients[client].connections[node.index()].is_silent() {
                self.execute(client, node);
                self.answer(client, node);
            }
        }
    }

    /// All clients release, and everything arrives, until no lock has anything to do any more.
    pub(crate) fn wind_up(&mut self) {
        for client in 0..self.clients.len() {
            self.act(client, Lock::release);
        }
        let mut tides = 0;
        while !self.clients.iter().all(|client| client.lock.is_settled() && client.is_silent()) {
            for client in 0..self.clients.len() {
                self.act(client, Lock::handle_timeout);
                self.deliver_all(client);
            }
            self.now = self.now.saturating_add(Duration::from_millis(10));
            tides += 1;
            assert!(tides <= MOST_TIDES, "a lock is never settled");
        }
    }

    fn execute(&mut self, client: usize, node: NodeId) {
        let connection = &mut self.clients[client].connections[node.index()];
        if let Some((sent_at, command)) = connection.commands.pop_front() {
            self.longest_delay = self.longest_delay.max(self.now.saturating_since(sent_at));
            let reply = self.nodes[node.index()].execute(&command, self.now);
            connection.replies.push_back((command.id, reply));
        }
    }

    fn answer(&mut self, client: usize, node: NodeId) {
        if let Some((id, reply)) = self.clients[client].connections[node.index()].replies.pop_front() {
            self.act(client, |lock, now| lock.handle_reply(id, node, reply, now));
        }
    }
}

/// # What there is to see
impl Network {
    /// The clients that hold the lock now.
    pub(crate) fn holders(&self) -> Vec<usize> {
        let holds = |client: &usize| self.clients[*client].lock.is_held(self.now);
        (0..self.clients.len()).filter(holds).collect()
    }

    /// On how many nodes the key has the token of the client.
    pub(crate) fn keys_of(&mut self, client: usize) -> usize {
        let Some(token) = self.clients[client].token else { return 0 };
        let now = self.now;
        self.nodes.iter_mut().filter_map(|node| node.key(now).filter(|key| *key == token.as_bytes()).map(drop)).count()
    }

    /// On how many nodes there is a key, whoever's, when the longest delay is over once more. A lock counts the life of
    /// its keys from when it released them; one that came to a node late lives as much longer.
    pub(crate) fn leftovers(&mut self) -> usize {
        let now = self.now.saturating_add(self.longest_delay);
        self.nodes.iter_mut().filter_map(|node| node.key(now).map(drop)).count()
    }

    pub(crate) fn heard(&self) -> impl Iterator<Item = &Event> {
        self.clients.iter().flat_map(|client| &client.heard)
    }
}

impl Node {
    fn execute(&mut self, command: &Command, now: Instant) -> Reply {
        let now = self.clock(now);
        self.model.execute(command, now)
    }

    fn key(&mut self, now: Instant) -> Option<&[u8]> {
        let now = self.clock(now);
        self.model.get(NAME.as_bytes(), now)
    }

    fn clock(&self, now: Instant) -> Instant {
        let elapsed = now.since_epoch();
        let gap = elapsed * self.fast_ppm.unsigned_abs() / 1_000_000;
        if self.fast_ppm < 0 { now.saturating_sub(gap) } else { now.saturating_add(gap) }
    }
}

impl Client {
    /// Sends the lock's commands and hears its events.
    fn poll(&mut self, now: Instant) {
        while let Some(command) = self.lock.poll_command() {
            if let Action::Acquire { token, .. } = &command.action {
                self.token = Some(*token);
            }
            for node in command.nodes.iter() {
                self.connections[node.index()].commands.push_back((now, command.clone()));
            }
        }
        self.heard.extend(core::iter::from_fn(|| self.lock.poll_event()));
    }

    fn disconnect(&mut self, node: NodeId, now: Instant) {
        let Connection { commands, replies } = core::mem::take(&mut self.connections[node.index()]);
        for id in replies.iter().map(|(id, _)| *id).chain(commands.iter().map(|(_, command)| command.id)) {
            let reply = Reply::Unavailable(Unavailable::new(Cause::Disconnected));
            self.lock.handle_reply(id, node, reply, now);
        }
        self.poll(now);
    }

    fn is_silent(&self) -> bool {
        self.connections.iter().all(Connection::is_silent)
    }
}

impl Connection {
    fn is_silent(&self) -> bool {
        self.commands.is_empty() && self.replies.is_empty()
    }
}
