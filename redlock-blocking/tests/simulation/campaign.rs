//! Many seeds, one after the other, on all processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::figures::Figures;
use crate::world::World;

/// How many seeds the usual test run takes.
pub(crate) const SEEDS: u64 = 1_000;
/// After so many seeds a long run tells how far it is.
const PROGRESS: u64 = 2_000;
/// So many of the last lines of a history are shown when a seed fails.
const LAST_LINES: usize = 60;

/// Runs the seeds that the environment asks for until one fails.
pub(crate) fn run() -> Figures {
    let (first, seeds) = (number("REDLOCK_FIRST_SEED").unwrap_or(0), number("REDLOCK_SEEDS").unwrap_or(SEEDS));
    let (begun, has_failed, began_at) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
    let (figures, failures) = (Mutex::new(Figures::default()), Mutex::new(Vec::new()));
    let work = || {
        while !has_failed.load(Ordering::Relaxed) {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            if number >= seeds {
                return;
            }
            let seed = first.wrapping_add(number);
            let outcome = World::run(seed);
            figures.lock().unwrap().add(&outcome.figures);
            if let Some(failure) = outcome.failure {
                has_failed.store(true, Ordering::Relaxed);
                failures.lock().unwrap().push((seed, failure, outcome.history));
            }
            if number % PROGRESS == PROGRESS - 1 {
                eprintln!("{} of {seeds} seeds in {:?}", number + 1, began_at.elapsed());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let figures = figures.into_inner().unwrap();
    eprintln!("{figures}, in {:?}", began_at.elapsed());
    let failures = failures.into_inner().unwrap();
    if let Some((seed, failure, history)) = failures.into_iter().min() {
        panic!("{}", report(seed, &failure, &history));
    }
    figures
}

/// The seed that is to be replayed, if one is.
pub(crate) fn seed_to_replay() -> Option<u64> {
    number("REDLOCK_SEED")
}

/// Tells a seed's whole history.
pub(crate) fn replay(seed: u64) {
    let outcome = World::run(seed);
    outcome.history.iter().for_each(|line| eprintln!("{line}"));
    assert_eq!(outcome.failure, None, "seed {seed}");
}

/// What failed, how it came to that, and how to see it again.
fn report(seed: u64, failure: &str, history: &[String]) -> String {
    let last = &history[history.len().saturating_sub(LAST_LINES)..];
    let replay = format!("REDLOCK_SEED={seed} cargo test -p redlock-blocking --test simulation -- --nocapture");
    format!("seed {seed}: {failure}\n{}\nsee all of it with: {replay}", last.join("\n"))
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value}, which is no number")))
}
