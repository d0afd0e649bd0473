//! The blocking shell in a deterministic simulation.
//!
//! One seed decides a whole world: handles, threads that share them, nodes and connections with faults, and which thread
//! goes on when. The threads are real, but only one of them runs at a time, and each hands over to the next where a
//! thread can be interrupted or has to wait; so the seed decides who leads, who parks, and who finds what half done. The
//! clock is the simulation's. The same seed is always the same history.
//!
//! ```sh
//! cargo test -p redlock-blocking --test simulation -- --nocapture             # a thousand seeds, and the figures
//! REDLOCK_SEED=7 cargo test -p redlock-blocking --test simulation -- --nocapture              # the history of one
//! REDLOCK_SEEDS=10000 REDLOCK_FIRST_SEED=5000 cargo test --release -p redlock-blocking --test simulation -- --nocapture
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::print_stderr,
    reason = "a test that panics has found something, and its figures are for people"
)]

mod campaign;
mod crowd;
mod figures;
mod network;
mod platform;
mod referee;
mod scenario;
mod scheduler;
mod user;
mod world;

use crate::world::World;

#[test]
fn every_thread_gets_what_it_waits_for_and_nothing_is_left() {
    if let Some(seed) = campaign::seed_to_replay() {
        return campaign::replay(seed);
    }
    let figures = campaign::run();
    let missing = if figures.seeds >= campaign::SEEDS { figures.missing() } else { Vec::new() };
    assert!(missing.is_empty(), "this never happened, so nothing was learned about it: {missing:?}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in 0..5 {
        let (first, second) = (World::run(seed), World::run(seed));
        assert_eq!(first.failure, None);
        assert!(first.history == second.history, "seed {seed}");
    }
}
