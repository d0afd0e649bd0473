//! The budget.

use redlock_cache::{BoundedCache, BudgetError, Cache, DEFAULT_BUDGET, MIN_BUDGET, Refusal, WhenFull};

use crate::value::{Value, at, insert, keep, names};

/// In this budget ...
const BUDGET: usize = 2 * MIN_BUDGET;
/// ... two values of this weight have room, and three have not.
const HALF: usize = 3_000;

fn room_for_two(when_full: WhenFull) -> BoundedCache<Value> {
    BoundedCache::builder().budget(BUDGET).when_full(when_full).build().unwrap()
}

fn insert_half(cache: &BoundedCache<Value>, name: &str, deadline: u64, now: u64) -> Result<Vec<String>, Refusal> {
    let inserted = cache.insert(name.as_bytes(), Value::of_weight(HALF), at(deadline), at(now));
    let displaced = inserted.map_err(|refused| refused.reason)?.displaced;
    Ok(displaced.iter().map(|left| String::from_utf8(left.name.to_vec()).unwrap()).collect())
}

#[test]
fn the_defaults_are_ten_mebibytes_and_no_eviction() {
    let cache = BoundedCache::<Value>::new();
    assert_eq!(cache.budget(), DEFAULT_BUDGET);
    assert_eq!(DEFAULT_BUDGET, 10 << 20);
    assert_eq!(WhenFull::default(), WhenFull::Refuse);
}

#[test]
fn a_budget_that_is_too_small_is_refused() {
    let refused = BoundedCache::<Value>::builder().budget(MIN_BUDGET - 1).build().unwrap_err();
    assert!(matches!(refused, BudgetError { budget, .. } if budget == MIN_BUDGET - 1));
    assert!(BoundedCache::<Value>::builder().budget(MIN_BUDGET).build().is_ok());
    assert!(refused.to_string().contains("4096"), "{refused}");
}

#[test]
fn an_entry_costs_its_name_its_weight_and_a_fixed_sum() {
    let cache = BoundedCache::<Value>::new();
    let empty = cache.bytes();
    assert!(empty > 0 && cache.is_empty());
    drop(cache.insert(b"seven..", Value::of_weight(1_000), at(1), at(0)).unwrap());
    assert_eq!(cache.bytes() - empty, 7 + 1_000 + BoundedCache::<Value>::entry_bytes());
    assert!(!cache.is_empty());
    cache.take(b"seven..", at(0)).unwrap();
    assert_eq!(cache.bytes(), empty);
}

#[test]
fn a_full_cache_refuses_the_newcomer_and_hands_it_back() {
    let cache = room_for_two(WhenFull::Refuse);
    insert_half(&cache, "first", 10, 0).unwrap();
    insert_half(&cache, "second", 20, 0).unwrap();
    let refused = cache.insert(b"third", Value::of_weight(HALF), at(30), at(9)).unwrap_err();
    let Refusal::Full { needed, used, budget } = refused.reason else { panic!("{:?}", refused.reason) };
    assert!(used + needed > budget && budget == BUDGET);
    assert_eq!(refused.value.weight, HALF);
    assert_eq!(names(&cache), ["first", "second"]);
    assert_eq!(cache.statistics().refused, 1);
}

#[test]
fn expired_entries_go_before_anybody_is_refused_or_evicted() {
    for when_full in [WhenFull::Refuse, WhenFull::Evict] {
        let cache = room_for_two(when_full);
        insert_half(&cache, "live", 20, 0).unwrap();
        insert_half(&cache, "expired", 5, 0).unwrap();
        assert_eq!(insert_half(&cache, "third", 30, 5).unwrap(), ["expired"]);
        assert_eq!((cache.statistics().expired, cache.statistics().evicted), (1, 0));
    }
}

#[test]
fn the_entry_that_expires_soonest_is_evicted_and_handed_out() {
    let cache = room_for_two(WhenFull::Evict);
    insert_half(&cache, "later", 20, 0).unwrap();
    insert_half(&cache, "sooner", 10, 0).unwrap();
    assert_eq!(insert_half(&cache, "third", 5, 0).unwrap(), ["sooner"]);
    assert_eq!(insert_half(&cache, "fourth", 30, 0).unwrap(), ["third"]);
    assert_eq!((cache.statistics().expired, cache.statistics().evicted), (0, 2));
}

#[test]
fn an_extension_makes_an_entry_the_last_to_go() {
    let cache = room_for_two(WhenFull::Evict);
    let first = cache.insert(b"first", Value::of_weight(HALF), at(10), at(0)).unwrap().generation;
    insert_half(&cache, "second", 20, 0).unwrap();
    assert!(cache.extend(b"first", first, at(30)));
    assert_eq!(insert_half(&cache, "third", 40, 0).unwrap(), ["second"]);
}

#[test]
fn soonest_is_soonest_in_all_shards() {
    let room_for_not_all = 2_900 * BoundedCache::<Value>::entry_bytes();
    let builder = BoundedCache::<Value>::builder().budget(room_for_not_all).shards(4);
    let cache = builder.when_full(WhenFull::Evict).build().unwrap();
    for number in 0..4_001 {
        let deadline = 1_000 + number * 7_919 % 4_001;
        let inserted = insert(&cache, &number.to_string(), deadline, 0).unwrap();
        let others = cache.iter().filter(|left| left.entry.generation != inserted.generation);
        let soonest = others.map(|left| left.entry.deadline).min();
        assert!(inserted.displaced.iter().all(|left| Some(left.entry.deadline) < soonest));
    }
    assert!(cache.statistics().evicted > 1_000);
}

/// What one shard has booked in advance is there for the others.
#[test]
fn nobody_is_refused_while_there_is_room() {
    let cache = BoundedCache::<Value>::builder().budget(256 * 1024).shards(4).build().unwrap();
    let price = "1000".len() + 500 + BoundedCache::<Value>::entry_bytes();
    for number in 1_000..10_000 {
        let is_full = cache.bytes() + price > cache.budget();
        let inserted = cache.insert(number.to_string().as_bytes(), Value::of_weight(500), at(1), at(0));
        assert_eq!(inserted.is_err(), is_full, "{} of {}", cache.bytes(), cache.budget());
        if is_full {
            return;
        }
    }
    panic!("it takes whatever comes");
}

#[test]
fn what_does_not_fit_at_all_is_refused_and_evicts_nobody() {
    let cache = room_for_two(WhenFull::Evict);
    insert_half(&cache, "first", 10, 0).unwrap();
    let refused = cache.insert(b"giant", Value::of_weight(BUDGET), at(1), at(0)).unwrap_err();
    assert!(matches!(refused.reason, Refusal::TooLarge { .. }));
    assert_eq!(names(&cache), ["first"]);
}

#[test]
fn a_name_that_is_held_is_refused_before_anybody_is_evicted() {
    let cache = room_for_two(WhenFull::Evict);
    insert_half(&cache, "first", 10, 0).unwrap();
    insert_half(&cache, "second", 20, 0).unwrap();
    assert!(matches!(insert_half(&cache, "second", 30, 0), Err(Refusal::Held { .. })));
    assert_eq!(names(&cache), ["first", "second"]);
}

/// redlock-go tells its freecache nanoseconds where seconds are meant, so that an entry outlives its lock by far.
#[test]
fn an_entry_expires_when_its_lock_does() {
    let cache = BoundedCache::new();
    keep(&cache, "job", 10, 0);
    assert!(insert(&cache, "job", 20, 9).is_err());
    assert!(!cache.get(b"job", at(9)).unwrap().is_expired(at(9)));
    assert!(cache.get(b"job", at(10)).unwrap().is_expired(at(10)));
    assert!(insert(&cache, "job", 20, 10).is_ok());
}

#[cfg(target_pointer_width = "64")]
#[test]
fn the_documentation_says_what_a_token_costs() {
    assert_eq!(BoundedCache::<redlock_cache::Token>::entry_bytes(), 93);
}
