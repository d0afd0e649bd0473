//! A node that answers, and takes its time for it, while the others answer at once.

use std::collections::VecDeque;
use std::time::Duration;

use redlock_core::{Command, DEFAULT_SILENCE_TIMEOUT, LockKey, NodeId, Options, Request};

use crate::world::{World, at};

/// It takes so long for each batch, and is not silent: two are under way at a time.
const MILLIS_PER_BATCH: u64 = 400;
const BATCHES_UNDER_WAY: usize = 2;

const HELD_AT_A_TIME: usize = 100;

/// In this time, it is sent twice as many commands as it can answer.
const MILLIS: u64 = 40_000;

/// So many locks may be not settled: the node is behind by as long as a command may wait, and by what is under way.
const MOST_UNSETTLED: usize = 1_500;

/// So many commands may wait for the node to be sent.
const MOST_QUEUED: usize = 1_500;

/// So many commands may wait for a node that hangs: twice those that came within the second in which they can be sent.
const MOST_QUEUED_OF_HANGING: usize = 4_500;

struct Slow {
    world: World,
    node: NodeId,
    under_way: VecDeque<Vec<Command>>,
    seed: u64,
}

impl Slow {
    fn new() -> Self {
        let mut world = World::new();
        world.run();
        let node = world.locks.config().nodes().iter().last().unwrap();
        Self { world, node, under_way: VecDeque::new(), seed: 0 }
    }

    /// Takes a lock that is free.
    fn acquire(&mut self) -> LockKey {
        self.seed += 1;
        let (name, mut seed) = (format!("job:{}", self.seed), [0; 32]);
        seed[..8].copy_from_slice(&self.seed.to_be_bytes());
        let hour = Duration::from_secs(3_600);
        let request = Request::new(self.world.locks.config(), name, hour, Options::new()).unwrap();
        let key = self.world.locks.acquire(request, seed, self.world.now).unwrap();
        self.carry();
        assert!(self.world.hand_over(key).unwrap().is_ok(), "the others are a quorum");
        key
    }

    fn abandon(&mut self, key: LockKey) {
        self.world.locks.abandon(key, self.world.now);
        self.carry();
    }

    fn carry(&mut self) {
        let mut batch = Vec::new();
        self.world.locks.handle_timeout(self.world.now);
        while let Some(node) = self.world.locks.poll_ready() {
            if node != self.node {
                self.world.locks.poll_batch(node, &mut batch, self.world.now);
                self.answer(node, batch.drain(..));
            }
        }
        while self.under_way.len() < BATCHES_UNDER_WAY {
            self.world.locks.poll_batch(self.node, &mut batch, self.world.now);
            if batch.is_empty() {
                break;
            }
            self.under_way.push_back(std::mem::take(&mut batch));
        }
        self.world.finished();
    }

    /// Lets the slow node answer one batch.
    fn go_on(&mut self) {
        if let Some(batch) = self.under_way.pop_front() {
            self.answer(self.node, batch.into_iter());
            self.carry();
        }
    }

    fn answer(&mut self, node: NodeId, batch: impl Iterator<Item = Command>) {
        for command in batch {
            let reply = self.world.nodes[node.index()].execute(&command, self.world.now);
            self.world.locks.handle_reply(node, reply, self.world.now);
        }
    }
}

#[test]
fn what_waits_for_a_node_that_is_too_slow_does_not_grow_with_the_ttl() {
    let (mut slow, mut held, mut most_keys) = (Slow::new(), VecDeque::new(), 0);
    for millis in 0..MILLIS {
        slow.world.now = at(millis);
        held.push_back(slow.acquire());
        if held.len() > HELD_AT_A_TIME {
            held.pop_front().into_iter().for_each(|key| slow.abandon(key));
        }
        if millis % MILLIS_PER_BATCH == 0 {
            slow.go_on();
            most_keys = most_keys.max(slow.world.nodes[slow.node.index()].keys(slow.world.now).count());
            let queued = slow.world.locks.queued(slow.node).count();
            assert!(queued <= MOST_QUEUED, "{queued} after {millis} ms");
        }
        assert!(slow.world.locks.unsettled() <= MOST_UNSETTLED, "{} after {millis} ms", slow.world.locks.unsettled());
    }
    assert!(most_keys > 0, "it is of use as well");
    for key in held {
        slow.abandon(key);
    }
    while !slow.under_way.is_empty() {
        slow.world.now = slow.world.now.saturating_add(Duration::from_millis(MILLIS_PER_BATCH));
        slow.go_on();
    }
    assert_eq!((slow.world.locks.unsettled(), slow.world.keys_on_nodes()), (0, 0), "nothing is left behind");
}

#[test]
fn what_waits_for_a_node_that_hangs_does_not_grow_with_the_time_until_it_is_given_up() {
    let mut slow = Slow::new();
    for millis in 0..u64::try_from(DEFAULT_SILENCE_TIMEOUT.as_millis()).unwrap() {
        slow.world.now = at(millis);
        let key = slow.acquire();
        slow.abandon(key);
        let queued = slow.world.locks.queued(slow.node).count();
        assert!(queued <= MOST_QUEUED_OF_HANGING, "{queued} after {millis} ms");
    }
}
