//! Put, get and remove, on several threads at the same time.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant as SystemInstant};

use redlock_cache::Instant;

use crate::contestant::{Contestant, ENTRANTS, Entrant};
use crate::lease::{lease_until, name};

/// So many locks are held all the time, ...
const HELD: usize = 10_000;
/// ... and each thread takes and lets go so many in one round.
const LIVES: usize = 200_000;

/// The nanoseconds that a life takes each thread, in the median of the rounds.
pub(crate) fn lives(threads: usize, rounds: usize) -> Vec<(&'static str, f64)> {
    let contestants: Vec<_> = ENTRANTS.iter().map(|&(label, make)| (label, prepared(&make))).collect();
    let names: Vec<Vec<Vec<u8>>> = (0..threads).map(|thread| names(thread)).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..rounds {
        for ((_, contestant), times) in contestants.iter().zip(&mut times) {
            times.push(round(&**contestant, &names));
        }
    }
    let medians = times.into_iter().map(median);
    contestants.iter().map(|(label, _)| *label).zip(medians).collect()
}

fn prepared(make: &fn() -> Box<dyn Contestant>) -> Box<dyn Contestant> {
    let contestant = make();
    for number in 0..HELD {
        contestant.put(&name(number), lease_until(far()), Instant::EPOCH);
    }
    contestant
}

/// Names that nobody else uses.
fn names(thread: usize) -> Vec<Vec<u8>> {
    let first = HELD.saturating_add(thread.saturating_mul(LIVES));
    (first..first.saturating_add(LIVES)).map(name).collect()
}

fn round(contestant: &dyn Contestant, names: &[Vec<Vec<u8>>]) -> f64 {
    let barrier = Barrier::new(names.len());
    let (barrier, lease) = (&barrier, lease_until(far()));
    let elapsed: Vec<Duration> = thread::scope(|scope| {
        let threads = names.iter().map(|names| {
            scope.spawn(move || {
                barrier.wait();
                let started = SystemInstant::now();
                for name in names {
                    contestant.put(name, lease, Instant::EPOCH);
                    assert!(contestant.get(name, Instant::EPOCH));
                    assert!(contestant.remove(name, Instant::EPOCH));
                }
                started.elapsed()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no assertion fails")).collect()
    });
    let slowest = elapsed.into_iter().max().unwrap_or_default();
    slowest.as_secs_f64() * 1e9 / LIVES as f64
}

fn far() -> Instant {
    Instant::from_epoch(Duration::from_secs(3600))
}

pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[allow(dead_code)]
const _: Option<Entrant> = None;
