//! A cache takes no more memory than it says. A test of its own, because it counts with the process's allocator.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::time::Duration;

use allocation_counter::measure;
use redlock_cache::{BoundedCache, Cache, Instant, Weigh};

/// A value without memory of its own.
#[derive(Clone, Debug)]
struct Nothing;

impl Weigh for Nothing {
    fn weight(&self) -> usize {
        0
    }
}

const MANY: usize = 10_000;

#[test]
fn a_cache_takes_no_more_memory_than_it_says_while_it_fills_and_empties() {
    let (now, deadline) = (Instant::EPOCH, Instant::EPOCH.saturating_add(Duration::from_secs(10)));
    let mut cache = None;
    let mut memory = measure(|| cache = Some(BoundedCache::new())).bytes_current;
    let cache = cache.unwrap();
    for step in 0..2 * MANY {
        let name = format!("invoice:{:08}", step % MANY).into_bytes();
        let work = || {
            if step < MANY {
                assert!(cache.insert(&name, Nothing, deadline, now).is_ok());
            } else {
                assert!(cache.take(&name, now).is_some());
            }
        };
        memory += measure(work).bytes_current;
        let said = i64::try_from(cache.bytes()).unwrap();
        assert!(memory <= said, "{} entries take {memory} bytes, not {said}", cache.len());
    }
}
