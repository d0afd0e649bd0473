//! The map, and what collects in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use redlock_cache::{Cache, DEFAULT_INTERVAL, Generation, Instant, MapCache, Refusal};

use crate::value::{Value, at, insert, keep, names};

/// Long enough for a thread to be scheduled, however busy the machine is.
const SOON: Duration = Duration::from_secs(30);

fn wait_until(mut condition: impl FnMut() -> bool) {
    let pauses = SOON.as_millis();
    assert!((0..pauses).any(|_| {
        thread::sleep(Duration::from_millis(1));
        condition()
    }));
}

#[test]
fn a_name_is_kept_until_its_deadline_and_nobody_else_gets_it() {
    let cache = MapCache::new();
    let generation = keep(&cache, "job", 10, 0);
    let refused = insert(&cache, "job", 20, 9).unwrap_err();
    assert_eq!(refused.reason, Refusal::Held { generation, deadline: at(10) });
    let inserted = insert(&cache, "job", 20, 10).unwrap();
    assert_eq!(inserted.displaced.len(), 1);
    assert_eq!(inserted.displaced[0].entry.generation, generation);
}

#[test]
fn what_is_meant_for_one_generation_does_not_touch_the_next() {
    let cache = MapCache::new();
    // They have left the process meanwhile, as numbers.
    let first = Generation::new(keep(&cache, "job", 10, 0).to_string().parse().unwrap());
    let second = Generation::new(insert(&cache, "job", 30, 20).unwrap().generation.get());
    assert!(cache.remove(b"job", first, at(20)).is_none());
    assert!(!cache.extend(b"job", first, at(40)));
    assert_eq!(cache.get(b"job", at(20)).unwrap().deadline, at(30));
    assert!(cache.extend(b"job", second, at(40)));
    assert_eq!(cache.remove(b"job", second, at(20)).unwrap().deadline, at(40));
    assert!(cache.is_empty());
}

#[test]
fn names_are_bytes() {
    let cache = MapCache::new();
    for name in [&b""[..], b"\0", b"\xff\xfe", &vec![b'x'; 100_000]] {
        drop(cache.insert(name, Value::new(1), at(1), at(0)).unwrap());
    }
    assert_eq!(cache.len(), 4);
    assert!(cache.take(b"\xff\xfe", at(0)).is_some());
}

#[test]
fn an_insertion_collects_two_entries_that_expired_an_interval_ago() {
    let cache = MapCache::builder().shards(1).build();
    let interval = DEFAULT_INTERVAL.as_secs();
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        keep(&cache, name, 10 + number as u64, 0);
    }
    keep(&cache, "four", 1000, 9 + interval);
    let displaced = insert(&cache, "five", 1000, 20 + interval).unwrap().displaced;
    assert_eq!(displaced.iter().map(|left| &*left.name).collect::<Vec<_>>(), [&b"one"[..], b"two"]);
    assert_eq!(names(&cache), ["five", "four", "three"]);
    assert_eq!(cache.statistics().expired, 2);
}

#[test]
fn collecting_takes_out_what_has_expired_and_nothing_else() {
    // Few in many shards, and many in one.
    for shards in [64, 1] {
        let cache = MapCache::builder().shards(shards).build_without_collection();
        let deadline = |number: u64| number * 7_919 % 1_009;
        for number in 0..1_009 {
            keep(&cache, &format!("job-{number}"), deadline(number), 0);
        }
        let before = cache.bytes();
        let collected = cache.collect(at(700));
        assert_eq!(collected.len(), 701);
        assert!(collected.iter().all(|left| left.entry.is_expired(at(700))));
        assert_eq!((cache.len(), cache.statistics().expired), (308, 701));
        assert!(cache.bytes() < before);
        for number in 0..1_009 {
            let entry = cache.get(format!("job-{number}").as_bytes(), at(0));
            assert_eq!(entry.map(|entry| entry.deadline), Some(at(deadline(number))).filter(|end| *end > at(700)));
        }
        // The order is still right.
        let rest = (701..1_009).map(|now| cache.collect(at(now)).len());
        assert!(rest.into_iter().all(|count| count == 1));
    }
}

#[test]
fn without_collection_insertions_collect_nothing() {
    let cache = MapCache::builder().shards(1).build_without_collection();
    keep(&cache, "old", 1, 0);
    keep(&cache, "new", 200_000, 100_000);
    assert_eq!(cache.len(), 2);
}

#[test]
fn the_thread_collects_by_the_clock_that_it_was_given() {
    let clock = Arc::new(AtomicU64::new(0));
    let read = clock.clone();
    let builder = MapCache::builder().interval(Duration::from_millis(5));
    let cache = builder.build_with_thread(move || at(read.load(Ordering::Relaxed))).unwrap();
    keep(&cache, "old", 10, 0);
    keep(&cache, "new", 30, 0);
    clock.store(20, Ordering::Relaxed);
    wait_until(|| cache.len() == 1);
    assert_eq!(names(&cache), ["new"]);
}

#[test]
fn the_thread_keeps_for_an_interval_what_has_expired() {
    let interval = Duration::from_millis(20);
    let (clock, looks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (read, count) = (clock.clone(), looks.clone());
    let after = |end: Instant, millis| end.saturating_add(Duration::from_millis(millis));
    let builder = MapCache::builder().interval(interval);
    let cache = builder
        .build_with_thread(move || {
            count.fetch_add(1, Ordering::Relaxed);
            after(at(10), read.load(Ordering::Relaxed))
        })
        .unwrap();
    keep(&cache, "job", 10, 0);
    clock.store(19, Ordering::Relaxed);
    let before = looks.load(Ordering::Relaxed);
    wait_until(|| looks.load(Ordering::Relaxed) > before + 2);
    assert_eq!(names(&cache), ["job"], "who is late is told so");
    clock.store(20, Ordering::Relaxed);
    wait_until(|| cache.is_empty());
}

#[test]
fn the_thread_ends_when_the_cache_is_dropped_and_not_an_interval_later() {
    let clock = Arc::new(());
    let held = clock.clone();
    let cache = MapCache::<Value>::builder()
        .build_with_thread(move || {
            let _ = &held;
            at(0)
        })
        .unwrap();
    assert_eq!(Arc::strong_count(&clock), 2);
    drop(cache);
    wait_until(|| Arc::strong_count(&clock) == 1);
}

#[test]
fn dropping_the_cache_drops_the_values() {
    let cache = MapCache::new();
    let value = Value::new(1);
    drop(cache.insert(b"job", value.clone(), at(1), at(0)).unwrap());
    drop(cache);
    assert_eq!(Arc::strong_count(&value.owner), 1);
}

#[test]
fn lookups_are_counted() {
    let cache = MapCache::new();
    let assert_counted = |hits, misses| {
        let statistics = cache.statistics();
        assert_eq!((statistics.hits, statistics.misses), (hits, misses));
    };
    keep(&cache, "job", 10, 0);
    assert!(cache.get(b"job", at(9)).is_some());
    assert_counted(1, 0);
    assert!(cache.get(b"job", at(10)).is_some(), "it has expired and is still there");
    assert_counted(1, 1);
    assert!(cache.get(b"none", at(9)).is_none() && cache.take(b"none", at(9)).is_none());
    assert_counted(1, 3);
    assert!(cache.take(b"job", at(9)).is_some());
    assert_counted(2, 3);
    keep(&cache, "job", 10, 0);
    assert!(insert(&cache, "job", 10, 0).is_err());
    assert_eq!((cache.statistics().refused, cache.statistics().expired), (1, 0));
    assert!(insert(&cache, "job", 20, 10).is_ok());
    assert_eq!(cache.statistics().expired, 1, "it has made way");
}
