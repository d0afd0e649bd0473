//! Many seeds, one after the other, on all processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::figures::Figures;
use crate::world::{World, lock};

/// How many seeds the usual test run takes.
const SEEDS: u64 = 3_000;
/// After so many seeds a long run tells how far it is.
const PROGRESS: u64 = 20_000;
/// So many of the last lines of a history are shown when a seed fails.
const LAST_LINES: usize = 60;

/// Which seeds to run.
pub(crate) struct Campaign {
    first: u64,
    seeds: u64,
    began_at: Instant,
    begun: AtomicU64,
    has_failed: AtomicBool,
    figures: Mutex<Figures>,
    failures: Mutex<Vec<(u64, String)>>,
}

impl Campaign {
    /// What the environment asks for.
    pub(crate) fn from_environment() -> Self {
        Self {
            first: number("REDLOCK_FIRST_SEED").unwrap_or(0),
            seeds: number("REDLOCK_SEEDS").unwrap_or(SEEDS),
            began_at: Instant::now(),
            begun: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            figures: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Whether everything should have happened at least once.
    pub(crate) fn is_long(&self) -> bool {
        self.seeds >= SEEDS
    }

    /// Runs them until one fails.
    pub(crate) fn run(&self) -> Figures {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work());
            }
        });
        let figures = lock(&self.figures).clone();
        let per_hour = figures.seeds as f64 / self.began_at.elapsed().as_secs_f64() * 3_600.0;
        eprintln!("{figures}\n{per_hour:.0} seeds per hour, on {threads} threads");
        if let Some((seed, failure)) = lock(&self.failures).iter().min() {
            panic!("{}", report(*seed, failure));
        }
        figures
    }

    fn work(&self) {
        while !self.has_failed.load(Ordering::Relaxed) {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            if number >= self.seeds {
                return;
            }
            let seed = self.first.wrapping_add(number);
            match run(seed) {
                Ok(figures) => lock(&self.figures).add(&figures),
                Err(failure) => {
                    lock(&self.failures).push((seed, failure));
                    self.has_failed.store(true, Ordering::Relaxed);
                }
            }
            if number % PROGRESS == PROGRESS - 1 {
                eprintln!("{} of {} seeds in {:?}", number + 1, self.seeds, self.began_at.elapsed());
            }
        }
    }
}

/// The seed that is to be replayed, if one is.
pub(crate) fn seed_to_replay() -> Option<u64> {
    number("REDLOCK_SEED")
}

/// Tells a seed's whole history.
pub(crate) fn replay(seed: u64) {
    let outcome = World::run(seed, true);
    outcome.history.iter().for_each(|line| eprintln!("{line}"));
    if let Some(violation) = outcome.violation {
        panic!("seed {seed}: {violation}");
    }
}

fn run(seed: u64) -> Result<Figures, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| World::run(seed, false)));
    let outcome = outcome.map_err(|_| String::from("a panic"))?;
    outcome.violation.map_or(Ok(outcome.figures), |violation| Err(violation.to_string()))
}

/// What failed, how it came to that, and how to see it again.
fn report(seed: u64, failure: &str) -> String {
    let history = catch_unwind(|| World::run(seed, true).history).unwrap_or_default();
    let last = &history[history.len().saturating_sub(LAST_LINES)..];
    let replay = format!("REDLOCK_SEED={seed} cargo test -p redlock-driver --test simulation -- --nocapture");
    format!("seed {seed}: {failure}\n{}\nsee all of it with: {replay}", last.join("\n"))
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value}, which is no number")))
}
