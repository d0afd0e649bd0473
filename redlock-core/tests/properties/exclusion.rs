//! Several locks over the same nodes: whatever is delayed or lost, and however fast the clocks go within the drift, at
//! most one is held, a quorum of nodes has its token, and in the end no key is left.

use core::time::Duration;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redlock_core::strategy::{self, Step};
use redlock_core::{Config, Event, Lock, NodeTimeout};

use crate::network::Network;

const CLIENTS: usize = 3;
const NODES: usize = 3;
const QUORUM: usize = 2;
const TTL: Duration = Duration::from_millis(200);
/// No clock is wrong by more than the drift factor, one per cent.
const DRIFT_PPM: i32 = 10_000;
const LONGEST_PAUSE: Duration = Duration::from_millis(40);

#[derive(Clone, Debug)]
enum Turn {
    World(Step),
    DeliverAll { client: usize },
    HandOver { client: usize },
    Extend { client: usize, ttl: Duration },
    Release { client: usize },
}

#[derive(Clone, Debug)]
struct Life {
    clocks: Vec<i32>,
    seeds: Vec<[u8; 32]>,
    turns: Vec<Turn>,
}

fn config() -> Config {
    let patient = NodeTimeout::fixed(Duration::from_millis(100));
    Config::builder(["one", "two", "three"]).node_timeout(patient).build().unwrap()
}

fn turn() -> impl Strategy<Value = Turn> {
    let ttl = (50..800_u64).prop_map(Duration::from_millis);
    prop_oneof![
        20 => strategy::step(CLIENTS, &config(), LONGEST_PAUSE).prop_map(Turn::World),
        4 => (0..CLIENTS).prop_map(|client| Turn::DeliverAll { client }),
        6 => (0..CLIENTS).prop_map(|client| Turn::HandOver { client }),
        3 => (0..CLIENTS, ttl).prop_map(|(client, ttl)| Turn::Extend { client, ttl }),
        1 => (0..CLIENTS).prop_map(|client| Turn::Release { client }),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    let clocks = vec(-DRIFT_PPM..=DRIFT_PPM, NODES);
    (clocks, vec(strategy::seed(), CLIENTS), vec(turn(), 0..250)).prop_map(|(clocks, seeds, turns)| Life {
        clocks,
        seeds,
        turns,
    })
}

/// Lives a life, and answers who held the lock at some time and what was heard.
fn live(life: &Life) -> (BTreeSet<usize>, Vec<Event>) {
    let mut network = Network::new(&config(), TTL, &life.clocks, &life.seeds);
    let mut holders = BTreeSet::new();
    for turn in &life.turns {
        match *turn {
            Turn::World(ref step) => network.take(step),
            Turn::DeliverAll { client } => network.deliver_all(client),
            Turn::HandOver { client } => network.act(client, Lock::hand_over),
            Turn::Extend { client, ttl } => network.act(client, |lock, now| lock.extend(ttl, now)),
            Turn::Release { client } => network.act(client, Lock::release),
        }
        holders.extend(check(&mut network));
    }
    network.wind_up();
    assert_eq!(network.leftovers(), 0, "keys are left");
    (holders, network.heard().cloned().collect())
}

/// Asserts what must hold at any moment; answers who holds the lock.
fn check(network: &mut Network) -> Vec<usize> {
    let holders = network.holders();
    assert!(holders.len() <= 1, "two clients hold the lock: {holders:?}");
    for &holder in &holders {
        assert!(network.keys_of(holder) >= QUORUM, "client {holder} holds the lock without a quorum");
    }
    holders
}

proptest! {
    #![proptest_config(crate::cases(100))]

    #[test]
    fn at_most_one_client_holds_the_lock(life in life()) {
        live(&life);
    }
}

/// A property that never gets anywhere holds as well.
#[test]
fn in_random_lives_the_lock_goes_from_hand_to_hand() {
    let mut runner = TestRunner::deterministic();
    let (mut successions, mut extensions) = (0, 0);
    for _ in 0..50 {
        let (holders, heard) = live(&life().new_tree(&mut runner).unwrap().current());
        successions += usize::from(holders.len() > 1);
        extensions += heard.iter().filter(|event| matches!(event, Event::Extended { .. })).count();
    }
    assert!(successions > 0 && extensions > 0, "{successions} successions, {extensions} extensions");
}
