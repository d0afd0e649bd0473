//! Two workers never run the same job at once: a property test without Redis, network or clock.

use core::time::Duration;

use proptest::{collection::vec, prelude::*};
use redlock_core::{Config, Event, Instant, Lock, NodeSet, Options, Request, model, strategy};

/// Your own code: a worker that runs a job while it holds the job's lock.
struct Worker(Lock);

impl Worker {
    fn new(config: &Config, seed: [u8; 32], now: Instant) -> Self {
        let request = Request::new(config, "job", Duration::from_secs(1), Options::new()).expect("within the bounds");
        Self(Lock::acquire(config, request, seed, now))
    }

    fn take_turn(&mut self, nodes: &mut [model::Node], reachable: NodeSet, now: Instant) {
        self.0.handle_timeout(now);
        while let Some(command) = self.0.poll_command() {
            for node in command.nodes.iter().filter(|&node| reachable.contains(node)) {
                let reply = nodes[node.index()].execute(&command, now);
                self.0.handle_reply(command.id, node, reply, now);
            }
        }
        while let Some(event) = self.0.poll_event() {
            let _runs = matches!(event, Event::Acquired { .. }) && self.0.hand_over(now);
        }
    }

    fn runs_the_job(&self, now: Instant) -> bool {
        self.0.is_held(now)
    }
}

fn main() {
    let config = Config::builder(["one", "two", "three"]).build().expect("three nodes");
    let turn = (0..2_usize, strategy::nodes(&config), (0..600_u64).prop_map(Duration::from_millis));
    let settings = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(seeds in [strategy::seed(), strategy::seed()], turns in vec(turn, 0..40))| {
        let (mut nodes, mut now) = (vec![model::Node::new(); 3], Instant::EPOCH);
        let mut workers = seeds.map(|seed| Worker::new(&config, seed, now));
        for (worker, reachable, pause) in turns {
            now = now.saturating_add(pause);
            workers[worker].take_turn(&mut nodes, reachable, now);
            let running = workers.iter().filter(|worker| worker.runs_the_job(now)).count();
            prop_assert!(running <= 1, "two workers run the job at {now:?}");
        }
    });
}
