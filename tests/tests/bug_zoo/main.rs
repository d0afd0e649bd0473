//! The bug zoo: known bugs of lock libraries are put into a copy of the core, one at a time, and the simulator must find
//! each of them.
//!
//! The copy is made under `target/bug-zoo`, with all mutants in it at once, asleep; a process wakes one of them. So the
//! real core has no switches, and the copy is compiled once.
//!
//! `cargo test -p redlock-tests --test bug_zoo -- --nocapture` prints how many seeds it took for each, from several
//! beginnings.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod mutants;
mod zoo;

use zoo::{Hunt, Zoo};

/// From so many different seeds on each mutant is hunted.
const BEGINNINGS: [u64; 3] = [0, 1_000_000, 2_000_000];
/// A mutant that survives so many seeds has survived.
const MOST_SEEDS: u64 = 200_000;
/// The median over the beginnings must be below this.
const MOST_SEEDS_IN_THE_MEDIAN: u64 = 10_000;

#[test]
fn every_mutant_is_killed_by_the_simulator() {
    let zoo = Zoo::build();
    assert_eq!(zoo.hunt("none", 0, 2_000), Hunt::Survived, "the copy without a mutant is as good as the original");
    println!("{:<32} {:>8} {:>8}  killed by", "mutant", "median", "most");
    let mut killed = 0;
    for mutant in mutants::all() {
        let hunts = BEGINNINGS.map(|beginning| zoo.hunt(mutant.name, beginning, MOST_SEEDS));
        let mut seeds: Vec<_> = hunts.iter().map(|hunt| hunt.seeds().unwrap_or(u64::MAX)).collect();
        seeds.sort_unstable();
        let (median, most) = (seeds[seeds.len() / 2], seeds[seeds.len() - 1]);
        println!("{:<32} {median:>8} {most:>8}  {}", mutant.name, hunts[0]);
        assert!(most < u64::MAX, "{} survived: {}", mutant.name, mutant.bug);
        assert!(median < MOST_SEEDS_IN_THE_MEDIAN, "{} took {median} seeds: {}", mutant.name, mutant.bug);
        killed += 1;
    }
    println!("all {killed} are killed by L2");
}
