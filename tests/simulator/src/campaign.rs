use core::time::Duration;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::invariant::Violation;
use crate::scenario::{Mode, Scenario};
use crate::summary::Summary;
use crate::world::World;

/// A thread takes so many seeds at a time.
const CHUNK: u64 = 256;
/// After so many violations a campaign has enough to show.
const MOST_FAILURES: usize = 10;
/// How often a campaign reports how far it has come.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Many seeds in a row, on several threads.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The first seed; the others follow it.
    pub first_seed: u64,
    /// How many seeds at most, those that are left out included.
    pub seeds: u64,
    /// Leaves out the seeds of other modes.
    pub mode: Option<Mode>,
    /// For how long at most.
    pub duration: Duration,
    /// On how many threads.
    pub threads: usize,
}

/// What a campaign was good for.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// How many seeds were run in each mode.
    pub seeds_by_mode: [u64; Mode::ALL.len()],
    /// How long it took.
    pub elapsed: Duration,
    /// How many threads ran it.
    pub threads: usize,
    /// The sum over all seeds.
    pub total: Summary,
    /// What was violated, and by which seeds; a campaign ends after a few.
    pub failures: Vec<Failure>,
}

/// A seed that violates an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What it violates.
    pub violation: Violation,
}

impl Campaign {
    /// Runs until the seeds or the time are used up, or enough violations were found. `progress` is told about every
    /// second how far it has come.
    pub fn run(&self, progress: impl Fn(&Figures)) -> Figures {
        let started = Instant::now();
        let field = Field { next: AtomicU64::new(0), is_over: AtomicBool::new(false), figures: Mutex::default() };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(|| self.work(&field, started))).collect();
            while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                thread::park_timeout(PROGRESS_INTERVAL.min(self.duration));
                progress(&field.stamped(started, self.threads));
            }
        });
        field.stamped(started, self.threads)
    }

    fn work(&self, field: &Field, started: Instant) {
        let caller = thread::current();
        while !field.is_over.load(Ordering::Relaxed) && started.elapsed() < self.duration {
            let begin = field.next.fetch_add(CHUNK, Ordering::Relaxed);
            if begin >= self.seeds {
                break;
            }
            let chunk = begin..self.seeds.min(begin + CHUNK);
            let seeds = chunk.map(|offset| self.first_seed.wrapping_add(offset));
            let figures = Figures::of(seeds.filter(|&seed| self.mode.is_none_or(|mode| mode == Mode::of(seed))));
            let mut all = field.lock();
            all.add(figures);
            field.is_over.fetch_or(all.failures.len() >= MOST_FAILURES, Ordering::Relaxed);
        }
        caller.unpark();
    }
}

/// What the threads of a campaign share.
struct Field {
    next: AtomicU64,
    is_over: AtomicBool,
    figures: Mutex<Figures>,
}

impl Field {
    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamped(&self, started: Instant, threads: usize) -> Figures {
        Figures { elapsed: started.elapsed(), threads, ..self.lock().clone() }
    }
}

impl Figures {
    /// How many seeds were run.
    #[must_use]
    pub fn seeds(&self) -> u64 {
        self.seeds_by_mode.iter().sum()
    }

    /// How many seeds one core gets through in an hour.
    #[must_use]
    pub fn seeds_per_hour_per_core(&self) -> f64 {
        let core_hours = self.elapsed.as_secs_f64() / 3_600.0 * self.threads as f64;
        if core_hours > 0.0 { self.seeds() as f64 / core_hours } else { 0.0 }
    }

    fn of(seeds: impl Iterator<Item = u64>) -> Self {
        let mut figures = Self::default();
        for seed in seeds {
            let (summary, checked) = World::run(&Scenario::draw(seed), None);
            figures.seeds_by_mode[Mode::of(seed) as usize] += 1;
            figures.total.add(&summary);
            figures.failures.extend(checked.err().map(|violation| Failure { seed, violation }));
        }
        figures
    }

    fn add(&mut self, other: Self) {
        for (mine, theirs) in self.seeds_by_mode.iter_mut().zip(other.seeds_by_mode) {
            *mine += theirs;
        }
        self.total.add(&other.total);
        self.failures.extend(other.failures);
    }
}

/// The first of so many seeds that violates an invariant.
#[must_use]
pub fn hunt(first_seed: u64, seeds: u64) -> Option<Failure> {
    (0..seeds).map(|offset| first_seed.wrapping_add(offset)).find_map(|seed| {
        let (_, checked) = World::run(&Scenario::draw(seed), None);
        checked.err().map(|violation| Failure { seed, violation })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seeds_make_the_same_worlds_on_any_number_of_threads() {
        let campaign =
            |threads| Campaign { first_seed: 40, seeds: 600, mode: None, duration: Duration::from_secs(600), threads };
        let (one, three) = (campaign(1).run(|_| ()), campaign(3).run(|_| ()));
        assert_eq!(one.total, three.total);
        assert_eq!((one.seeds(), one.seeds_by_mode), (600, [420, 120, 60]));
        assert!(one.failures.is_empty() && three.failures.is_empty());
    }
}
