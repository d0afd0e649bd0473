//! Histories with every kind of event.

use core::time::Duration;

use redlock_core::observed::Observed;
use redlock_core::{
    Cause, Config, Facts, Instant, KeepAlive, Lock, LockKey, Locks, NodeId, Options, Request, Resources, RestartGuard,
    Unavailable, model,
};

pub(crate) const TTL: Duration = Duration::from_secs(10);

/// The name of the locks, which also stands in the reason for which one is not acquired.
pub(crate) const NAME: &str = "invoice:7";

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}

struct World {
    locks: Locks,
    nodes: Vec<model::Node>,
    /// Which server runs at the first node.
    run: &'static str,
    now: Instant,
}

/// Returns a history in which locks come to every end, and nodes too.
pub(crate) fn history() -> Vec<Observed> {
    let config = Config::builder(["one", "two", "three"]).restart_guard(RestartGuard::SEEN).build().unwrap();
    let mut locks = Locks::new(config);
    locks.observe(true);
    let mut world = World { locks, nodes: vec![model::Node::new(); 3], run: "first", now: at(0) };

    let keep_alive = KeepAlive::while_held();
    let key = world.acquire(NAME, Options::new().fenced(true).keep_alive(keep_alive));
    let refused = world.begin(Resources::all([NAME, "other"]), Options::new().attempts(1));
    world.locks.abandon(refused, world.now);
    let given_up = world.begin(NAME, Options::new());
    world.locks.abandon(given_up, world.now);
    world.go_on_at(4_000);
    world.go_on_at(11_500);
    world.locks.release(key, world.now);
    world.run();
    world.locks.abandon(key, world.now);

    world.restart_first_node();
    world.foreign_lock();
    let contended = world.begin(Resources::all([NAME, "taken"]), Options::new().attempts(1));
    world.run();
    assert!(world.locks.hand_over(contended, world.now).unwrap().is_err());
    world.locks.abandon(contended, world.now);

    let lost = world.acquire(NAME, Options::new());
    world.locks.extend(lost, TTL, world.now).unwrap();
    world.now = world.now.saturating_add(TTL);
    world.locks.handle_timeout(world.now);
    world.locks.abandon(lost, world.now);
    world.run();

    let detached = world.acquire("detached", Options::new());
    assert!(world.locks.detach(detached, world.now).is_ok());
    let mut history: Vec<Observed> = core::iter::from_fn(|| world.locks.poll_observed()).collect();
    history.push(Observed::Missed { count: 3 });
    history
}

impl World {
    fn begin(&mut self, names: impl Into<Resources>, options: Options) -> LockKey {
        let request = Request::new(self.locks.config(), names, TTL, options).unwrap();
        self.locks.acquire(request, [7; 32], self.now).unwrap()
    }

    fn acquire(&mut self, name: &str, options: Options) -> LockKey {
        let key = self.begin(name, options);
        self.run();
        assert!(self.locks.hand_over(key, self.now).unwrap().is_ok());
        key
    }

    fn go_on_at(&mut self, millis: u64) {
        self.now = at(millis);
        self.locks.handle_timeout(self.now);
        self.run();
    }

    fn run(&mut self) {
        let mut batch = Vec::new();
        while let Some(node) = self.locks.poll_ready() {
            if self.locks.poll_connect(node) {
                let mut facts = Facts::default();
                facts.note_info(&format!("redis_version:7.0.15\r\nrun_id:{}{}\r\n", self.run, node.index()));
                self.locks.handle_connected(node, facts, false, self.now);
            }
            self.locks.poll_batch(node, &mut batch, self.now);
            for command in batch.drain(..) {
                let reply = self.nodes[node.index()].execute(&command, self.now);
                self.locks.handle_reply(node, reply, self.now);
            }
        }
    }

    fn restart_first_node(&mut self) {
        self.run = "second";
        let first = NodeId::new(0).unwrap();
        self.locks.handle_disconnected(first, &Unavailable::new(Cause::Disconnected), self.now);
        self.run();
    }

    /// Lets somebody else hold one of the resources.
    fn foreign_lock(&mut self) {
        let config = self.locks.config().clone();
        let request = Request::new(&config, "taken", TTL, Options::new()).unwrap();
        let mut other = Lock::acquire(&config, request, [8; 32], self.now);
        while let Some(command) = other.poll_command() {
            for node in command.nodes.iter() {
                self.nodes[node.index()].execute(&command, self.now);
            }
        }
    }
}
