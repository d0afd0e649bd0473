use std::time::{Duration, Instant};

use fastrand::Rng;

use super::ACCOUNT;
use crate::Server;

/// The nodes of the lock, of which the tormentor kills one at a time.
pub(super) struct Nodes {
    all: Vec<Node>,
    phase: Phase,
    pub(super) durable_restarts: u64,
    pub(super) empty_restarts: u64,
}

struct Node {
    server: Server,
    is_durable: bool,
}

#[derive(Clone, Copy)]
enum Phase {
    /// All are there, until then.
    Up(Instant),
    /// One is not there, until then.
    Down(usize, Instant),
}

impl Nodes {
    /// Starts three nodes; each keeps its keys and counters over a restart, or loses them.
    pub(super) fn start(random: &mut Rng, now: Instant) -> Self {
        let mut start = |_| {
            let is_durable = random.bool();
            Node { server: Server::builder().persistent(is_durable).start(), is_durable }
        };
        let all = (0..3).map(&mut start).collect();
        Self { all, phase: Phase::Up(now), durable_restarts: 0, empty_restarts: 0 }
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.all.iter().map(|node| node.server.url()).collect()
    }

    /// Kills a node or starts it again, if it is time. `largest` is the largest fence in use.
    pub(super) fn step(&mut self, random: &mut Rng, largest: u64, now: Instant) {
        match self.phase {
            Phase::Up(until) if until <= now && self.all_count_on_from(largest) => {
                let victim = random.usize(..self.all.len());
                self.all[victim].server.kill();
                self.phase = Phase::Down(victim, after(now, random.u64(50..500)));
            }
            Phase::Down(victim, until) if until <= now => {
                let node = &mut self.all[victim];
                node.server.restart();
                let restarts = if node.is_durable { &mut self.durable_restarts } else { &mut self.empty_restarts };
                *restarts = restarts.saturating_add(1);
                self.phase = Phase::Up(after(now, random.u64(200..2_000)));
            }
            _ => {}
        }
    }

    /// Returns whether the loss of any node leaves the fence at a quorum: what the promise of fences asks for.
    fn all_count_on_from(&self, largest: u64) -> bool {
        let counter = format!("redlock:fence:{{{ACCOUNT}}}");
        let count = |node: &Node| node.server.command(&["GET", &counter]).ok()?.parse::<u64>().ok();
        self.all.iter().all(|node| count(node).is_some_and(|count| count >= largest))
    }
}

fn after(now: Instant, milliseconds: u64) -> Instant {
    now.checked_add(Duration::from_millis(milliseconds)).expect("a run is short")
}
