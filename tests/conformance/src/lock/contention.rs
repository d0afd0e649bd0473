//! Many who want the same lock, and many locks at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redlock_core::{Options, Resources, RetryDelay};

use crate::bench::{BUDGET, Bench, GIVEN_UP_WITHIN, NODE_COUNTS, SOON, TTL};
use crate::scheduler::yield_now;
use crate::{Client, Guard, Refusal};

const SHORT_DELAY: RetryDelay = RetryDelay::new(Duration::from_millis(2), Duration::from_millis(20));

/// Reads, lets others run, writes: what two do at the same time is lost.
async fn increment_under_lock(client: Client, number: Arc<AtomicU64>, rounds: u32) {
    for _ in 0..rounds {
        let guard = client.lock_with("counter", TTL, Options::new().retry_delay(SHORT_DELAY)).await.unwrap();
        let read = number.load(Ordering::SeqCst);
        yield_now().await;
        number.store(read + 1, Ordering::SeqCst);
        guard.release().await;
    }
}

pub(super) async fn sixteen_tasks_lose_no_increment(bench: Bench) {
    for count in NODE_COUNTS {
        let nodes = bench.start(count);
        let number = Arc::new(AtomicU64::new(0));
        let task = |_| bench.spawn(increment_under_lock(nodes.client.clone(), number.clone(), 10));
        try_join_all((0..16).map(task)).await.unwrap();
        assert_eq!(number.load(Ordering::SeqCst), 160, "{count} nodes");
    }
}

pub(super) async fn a_waiting_acquisition_gets_the_lock_when_it_is_released(bench: Bench) {
    let nodes = bench.start(3);
    let held = nodes.client.lock("job", TTL * 2).await.unwrap();
    let waiting = bench.spawn(nodes.rival().lock_with("job", TTL, Options::new().wait(TTL)));
    bench.sleep(Duration::from_millis(20)).await;
    held.release().await;
    assert!(waiting.await.unwrap().unwrap().is_valid());
}

pub(super) async fn several_names_are_held_all_or_none_and_a_refusal_says_which_is_held(bench: Bench) {
    let nodes = bench.start(3);
    let rival = nodes.rival();
    let held = nodes.client.lock("b", TTL).await.unwrap();
    let all = || Resources::all(["a", "b", "c"]);
    let refused = rival.lock_with(all(), TTL, Options::new().attempts(1)).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert!(refused.to_string().contains("held by somebody else (b, for "), "{refused}");
    drop(rival.lock_with("a", TTL, Options::new().wait(SOON)).await.unwrap());
    held.release().await;
    let both = rival.lock_with(all(), TTL, Options::new().wait(SOON)).await.unwrap();
    for name in ["a", "b", "c"] {
        let refused = nodes.client.try_lock(name, TTL).await.unwrap_err();
        assert_eq!(refused.kind, Refusal::Contended, "{name}: {refused}");
    }
    both.release().await;
}

/// Counts on for each of the names under one lock of them.
async fn increment_all(client: Client, names: [usize; 2], numbers: Arc<[AtomicU64; 3]>, rounds: u32) {
    for _ in 0..rounds {
        let guard = client.lock_with(Resources::all(names.map(|name| format!("counter-{name}"))), TTL, Options::new());
        let guard = guard.await.unwrap();
        let read = names.map(|name| numbers[name].load(Ordering::SeqCst));
        yield_now().await;
        for (name, read) in names.into_iter().zip(read) {
            numbers[name].store(read + 1, Ordering::SeqCst);
        }
        guard.release().await;
    }
}

pub(super) async fn those_who_want_names_that_overlap_all_get_them_and_lose_no_increment(bench: Bench) {
    let nodes = bench.start(3);
    let numbers = Arc::new([(); 3].map(|()| AtomicU64::new(0)));
    let pairs = [[0, 1], [2, 1], [0, 2]].into_iter().cycle().take(6);
    let task = |names| bench.spawn(increment_all(nodes.rival(), names, numbers.clone(), 5));
    try_join_all(pairs.map(task)).await.unwrap();
    assert!(numbers.iter().all(|number| number.load(Ordering::SeqCst) == 20), "{numbers:?}");
}

/// How many are before one that would come now, in the same handle.
async fn ahead(client: &Client) -> usize {
    let refused = client.try_lock("job", TTL).await.unwrap_err();
    refused.attempts.map_or(0, |attempts| attempts.ahead)
}

pub(super) async fn those_who_wait_with_one_handle_are_served_in_order(bench: Bench) {
    let nodes = bench.start(3);
    let client = nodes.client.clone();
    let held = client.lock("job", TTL).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for number in 0..8 {
        let (acquire, served) = (client.lock("job", TTL), served.clone());
        waiting.push(bench.spawn(async move {
            let guard = acquire.await.unwrap();
            served.lock().unwrap().push(number);
            guard.release().await;
        }));
        while ahead(&client).await < number + 2 {
            bench.sleep(Duration::from_millis(1)).await;
        }
    }
    held.release().await;
    try_join_all(waiting).await.unwrap();
    assert_eq!(*served.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
}

pub(super) async fn a_single_attempt_behind_others_of_its_handle_fails_at_once(bench: Bench) {
    let nodes = bench.start(3);
    let _held = nodes.client.lock("job", TTL).await.unwrap();
    let refused = nodes.client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert!(refused.attempts.as_ref().is_some_and(|attempts| (attempts.count, attempts.ahead) == (0, 1)), "{refused}");
    assert!(refused.to_string().contains("still 1 before it in the same handle"), "{refused}");
}

pub(super) async fn the_budget_ends_the_waiting(bench: Bench) {
    let nodes = bench.start(3);
    let _held = nodes.client.lock("job", TTL).await.unwrap();
    let begin = Instant::now();
    let refused = nodes.rival().lock_with("job", TTL, Options::new().wait(BUDGET)).await.unwrap_err();
    assert!(begin.elapsed() < GIVEN_UP_WITHIN, "{:?}", begin.elapsed());
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert!(refused.attempts.as_ref().is_some_and(|attempts| attempts.count > 1), "{refused}");
}

pub(super) async fn ten_thousand_locks_at_once(bench: Bench) {
    const LOCKS: usize = 10_000;
    /// Every so many is looked at.
    const STEP: usize = 250;
    let nodes = bench.start(3);
    let name = |number: usize| format!("job-{number}");
    // An unoptimised client on a busy machine is slow.
    let client = nodes.patient_client();
    let guards = try_join_all((0..LOCKS).map(|number| client.try_lock(name(number), TTL * 6))).await.unwrap();
    assert!(guards.iter().all(Guard::is_valid));
    for number in (0..LOCKS).step_by(STEP) {
        assert!(bench.wait_until(SOON, || nodes.keys(&name(number)) == 3).await);
    }
    drop(guards);
    assert_eq!(client.close().await.unsettled, 0);
    assert!((0..LOCKS).step_by(STEP).all(|number| nodes.keys(&name(number)) == 0));
}
