//! Put, get and remove, on several threads at the same time; and how long collecting takes.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant as SystemInstant};

use redlock_cache::Instant;

use crate::contestant::{Contestant, ENTRANTS};
use crate::lease::{far, lease_until, name};

/// So many locks are held all the time, ...
const HELD: usize = 10_000;
/// ... and each thread takes and lets go so many in one round.
const LIVES: usize = 200_000;

/// The nanoseconds that a life takes each thread, in every round, in ascending order.
pub(crate) fn lives(threads: usize, rounds: usize) -> Vec<(&'static str, Vec<f64>)> {
    let contestants: Vec<_> = ENTRANTS.iter().map(|&(label, make)| (label, filled(make, HELD, far()))).collect();
    let names: Vec<Vec<Vec<u8>>> = (0..threads).map(names).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for number in 0..rounds {
        // There and back again: nobody always comes behind the same other one.
        for place in 0..contestants.len() {
            let place = if number % 2 == 0 { place } else { contestants.len() - 1 - place };
            times[place].push(round(&*contestants[place].1, &names));
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    contestants.iter().map(|(label, _)| *label).zip(times).collect()
}

/// The milliseconds that it takes to collect so many, for those who can be asked to.
pub(crate) fn collection(count: usize) -> Vec<(&'static str, f64)> {
    let take = |make| {
        // Not all at the same time, nor in the order in which they came.
        let contestant = make_mixed(make, count);
        let started = SystemInstant::now();
        let collected = contestant.collect(far())?;
        assert_eq!(collected, count);
        Some(started.elapsed().as_secs_f64() * 1e3)
    };
    ENTRANTS.iter().filter_map(|&(label, make)| Some((label, take(make)?))).collect()
}

fn make_mixed(make: fn() -> Box<dyn Contestant>, count: usize) -> Box<dyn Contestant> {
    let contestant = make();
    for number in 0..count {
        let deadline = Instant::from_epoch(Duration::from_micros((number * 7_919 % count + 1) as u64));
        contestant.put(&name(number), lease_until(deadline), Instant::EPOCH);
    }
    contestant
}

fn filled(make: fn() -> Box<dyn Contestant>, count: usize, deadline: Instant) -> Box<dyn Contestant> {
    let contestant = make();
    for number in 0..count {
        contestant.put(&name(number), lease_until(deadline), Instant::EPOCH);
    }
    contestant
}

/// Names that nobody else uses.
fn names(thread: usize) -> Vec<Vec<u8>> {
    let first = HELD + thread * LIVES;
    (first..first + LIVES).map(name).collect()
}

fn round(contestant: &dyn Contestant, names: &[Vec<Vec<u8>>]) -> f64 {
    let barrier = Barrier::new(names.len());
    let barrier = &barrier;
    let elapsed: Vec<Duration> = thread::scope(|scope| {
        let begin = |names| {
            scope.spawn(move || {
                barrier.wait();
                live(contestant, names)
            })
        };
        let threads: Vec<_> = names.iter().map(|names| begin(names)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no assertion fails")).collect()
    });
    let slowest = elapsed.into_iter().max().unwrap_or_default();
    slowest.as_secs_f64() * 1e9 / LIVES as f64
}

fn live(contestant: &dyn Contestant, names: &[Vec<u8>]) -> Duration {
    let lease = lease_until(far());
    let started = SystemInstant::now();
    for name in names {
        contestant.put(name, lease, Instant::EPOCH);
        assert!(contestant.get(name, Instant::EPOCH));
        assert!(contestant.remove(name, Instant::EPOCH));
    }
    started.elapsed()
}
