use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redlock_core::{Action, Command, Config, Lock, Options, Reply, Request, ScriptForm, Ttl};

use crate::bench::TTL;

/// One attempt at a lock with a token of its own: the commands that the core would make of it.
pub(crate) struct Attempt {
    acquire: Command,
}

impl Attempt {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let request = Request::new(&config(), name, TTL, Options::new()).expect("the name and the TTL are in bounds");
        let mut lock = Lock::acquire(&config(), request, seed, redlock_blocking::now());
        Self { acquire: lock.poll_command().expect("a lock begins with a command") }
    }

    pub(crate) fn acquire(&self) -> Command {
        self.acquire.clone()
    }

    pub(crate) fn extend(&self, ttl: Duration, form: ScriptForm) -> Command {
        let (resources, token) = (
            self.acquire.action.resources().expect("it is of a lock").clone(),
            *self.acquire.action.token().expect("it is of a lock"),
        );
        let ttl = Ttl::new(&config(), ttl).expect("the TTL is in bounds");
        self.acquire.with_action(Action::extend(resources, token, ttl), form)
    }

    pub(crate) fn release(&self, form: ScriptForm) -> Command {
        let (resources, token) = (
            self.acquire.action.resources().expect("it is of a lock").clone(),
            *self.acquire.action.token().expect("it is of a lock"),
        );
        self.acquire.with_action(Action::release(resources, token, self.acquire.nodes), form)
    }
}

fn config() -> Config {
    Config::builder(["node"]).build().expect("one node is enough")
}

/// Asserts what a node has said.
pub(crate) fn assert_replies(replies: &[Reply], expected: &[Reply]) {
    assert_eq!(replies, expected, "one reply for each command, in their order");
}
