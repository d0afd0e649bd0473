//! Many threads at the same time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use redlock_cache::{BoundedCache, Cache, MapCache, WhenFull};

use crate::value::{Value, at};

const THREADS: u32 = 8;
const ROUNDS: u32 = 5_000;

fn caches() -> [Box<dyn Cache<Value>>; 3] {
    let bounded = |when_full| BoundedCache::builder().budget(256 * 1024).when_full(when_full).build().unwrap();
    [Box::new(MapCache::new()), Box::new(bounded(WhenFull::Refuse)), Box::new(bounded(WhenFull::Evict))]
}

/// Runs it on all threads, each with its number, and returns what they return.
fn on_threads<T: Send>(work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let work = &work;
                    move || work(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn everything_that_goes_in_comes_out_once() {
    for cache in caches() {
        let left = on_threads(|thread| {
            let mut out = Vec::new();
            for round in 0..ROUNDS {
                let number = thread * ROUNDS + round;
                // Names of all threads meet, deadlines as well.
                let (name, deadline) = (format!("job-{}", number * 31 % 997), at(u64::from(round % 61 + 1)));
                match cache.insert(name.as_bytes(), Value::new(number), deadline, at(u64::from(round % 7))) {
                    Ok(inserted) => out.extend(inserted.displaced.into_iter().map(|left| left.entry.value.number)),
                    Err(refused) => {
                        out.push(refused.value.number);
                        out.extend(refused.displaced.into_iter().map(|left| left.entry.value.number));
                    }
                }
                if round % 3 == 0 {
                    let other = format!("job-{}", number * 17 % 997);
                    out.extend(cache.take(other.as_bytes(), at(0)).map(|entry| entry.value.number));
                }
                if round % 1_000 == 999 {
                    out.extend(cache.collect(at(30)).into_iter().map(|left| left.entry.value.number));
                }
            }
            out
        });
        let rest = cache.collect(at(u64::MAX / 1_000_000_000));
        let all: Vec<u32> =
            left.into_iter().flatten().chain(rest.into_iter().map(|left| left.entry.value.number)).collect();
        assert_eq!(all.len(), (THREADS * ROUNDS) as usize);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(cache.is_empty());
    }
}

#[test]
fn of_many_who_take_one_gets_it_and_of_many_who_insert_one_is_let_in() {
    for cache in caches() {
        for round in 0..500 {
            let name = format!("job-{round}");
            let admitted =
                on_threads(|thread| cache.insert(name.as_bytes(), Value::new(thread), at(10), at(0)).is_ok());
            assert_eq!(admitted.into_iter().filter(|admitted| *admitted).count(), 1);
            let taken = on_threads(|_| cache.take(name.as_bytes(), at(0)).is_some());
            assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
        }
    }
}

#[test]
fn no_thread_ever_sees_more_than_the_budget() {
    let cache = BoundedCache::builder().budget(64 * 1024).when_full(WhenFull::Evict).build().unwrap();
    let empty = cache.bytes();
    let most = AtomicUsize::new(0);
    on_threads(|thread| {
        for round in 0..ROUNDS {
            let value = Value::of_weight((round % 100) as usize);
            let deadline = at(u64::from(round * 7_919 % 1_009));
            drop(cache.insert(format!("{thread}-{round}").as_bytes(), value, deadline, at(0)).unwrap());
            most.fetch_max(cache.bytes(), Ordering::Relaxed);
        }
    });
    let most = most.into_inner();
    assert!(most <= cache.budget() && most > cache.budget() * 9 / 10, "{most}");
    cache.collect(at(2_000));
    assert_eq!(cache.bytes(), empty, "the books balance");
}

#[test]
fn generations_are_never_the_same() {
    for cache in caches() {
        let generations = on_threads(|thread| {
            let insert = |round| {
                let name = format!("{thread}-{}", round % 10);
                let inserted = cache.insert(name.as_bytes(), Value::new(round), at(1), at(u64::from(round)));
                inserted.unwrap().generation
            };
            (1..1_000).map(insert).collect::<Vec<_>>()
        });
        let all: Vec<_> = generations.into_iter().flatten().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
