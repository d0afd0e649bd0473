//! Locks over nodes that answer at once.

use core::time::Duration;

use redlock_core::{AcquireError, Config, Facts, Heard, Instant, LockKey, Locks, Options, Request, Resources, model};

pub(crate) const TTL: Duration = Duration::from_secs(10);

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}

pub(crate) struct World {
    pub(crate) locks: Locks,
    pub(crate) nodes: Vec<model::Node>,
    pub(crate) now: Instant,
    /// It hears when it is called up.
    pub(crate) hears: bool,
    seeds: u8,
}

impl World {
    pub(crate) fn new() -> Self {
        let config = Config::builder(["a", "b", "c"]).ping_interval(None).build().unwrap();
        Self { locks: Locks::new(config), nodes: vec![model::Node::new(); 3], now: at(0), hears: true, seeds: 0 }
    }

    pub(crate) fn begin(&mut self, name: impl Into<Resources>, options: Options) -> Result<LockKey, AcquireError> {
        let request = Request::new(self.locks.config(), name, TTL, options).unwrap();
        self.seeds = self.seeds.wrapping_add(1);
        self.locks.acquire(request, [self.seeds; 32], self.now)
    }

    pub(crate) fn acquire(&mut self, name: &str) -> LockKey {
        let key = self.begin(name, Options::new()).unwrap();
        self.run();
        assert!(self.hand_over(key).unwrap().is_ok());
        key
    }

    pub(crate) fn hand_over(&mut self, key: LockKey) -> Option<Result<Instant, AcquireError>> {
        self.locks.hand_over(key, self.now)
    }

    /// Carries everything to everybody, until nothing is left to do at this moment.
    pub(crate) fn run(&mut self) {
        let mut batch = Vec::new();
        self.locks.handle_timeout(self.now);
        while let Some(node) = self.locks.poll_ready() {
            if self.locks.poll_connect(node) {
                self.locks.handle_connected(node, Facts::default(), self.hears, self.now);
            }
            if let Some(waiter) = self.locks.poll_subscribe(node, self.now) {
                self.nodes[node.index()].subscribe(&waiter);
                self.locks.handle_heard(node, Heard::Subscribed, self.now);
            }
            self.locks.poll_batch(node, &mut batch, self.now);
            for command in batch.drain(..) {
                let reply = self.nodes[node.index()].execute(&command, self.now);
                self.locks.handle_reply(node, reply, self.now);
            }
        }
    }

    pub(crate) fn finished(&mut self) -> Vec<LockKey> {
        core::iter::from_fn(|| self.locks.poll_finished()).collect()
    }

    pub(crate) fn keys_on_nodes(&mut self) -> usize {
        let now = self.now;
        self.nodes.iter_mut().map(|node| node.keys(now).count()).sum()
    }
}
