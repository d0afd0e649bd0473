//! Futures and guards that are dropped.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::try_join_all;

use crate::Refusal;
use crate::bench::{Bench, SOON, TTL};

/// From before anything is sent until after everything is done.
const STAGES: [u64; 12] = [0, 20, 50, 100, 150, 200, 300, 400, 600, 800, 1_200, 2_000];

pub(super) async fn an_acquisition_that_is_dropped_at_any_stage_leaves_nothing(bench: Bench) {
    let nodes = bench.start(3);
    for micros in STAGES {
        let acquisition = nodes.client.lock("job", TTL);
        // A guard that is there in time is dropped at once.
        drop(bench.within(Duration::from_micros(micros), acquisition).await);
        nodes.catch_up().await;
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn an_acquisition_that_was_polled_once_and_dropped_leaves_nothing(bench: Bench) {
    let nodes = bench.start(5);
    let name = |round: usize| format!("job-{round}");
    for round in 0..50 {
        drop(nodes.client.lock(name(round), TTL).now_or_never());
    }
    nodes.catch_up().await;
    for round in 0..50 {
        nodes.assert_gone(&name(round)).await;
    }
}

pub(super) async fn a_waiting_acquisition_that_is_dropped_leaves_the_holder_alone(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    for micros in STAGES {
        let rival = nodes.rival();
        assert!(bench.within(Duration::from_micros(micros * 20), rival.lock("job", TTL)).await.is_none());
        rival.close().await;
    }
    assert_eq!(nodes.keys("job"), 3);
    drop(guard);
    nodes.assert_gone("job").await;
}

pub(super) async fn a_dropped_guard_is_released_at_once(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    drop(guard);
    nodes.assert_gone("job").await;
}

pub(super) async fn a_guard_can_be_dropped_on_a_thread_without_a_runtime(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    std::thread::spawn(move || drop(guard)).join().unwrap();
    nodes.assert_gone("job").await;
}

pub(super) async fn a_guard_that_outlives_its_handle_is_released_all_the_same(bench: Bench) {
    let nodes = bench.start(3);
    let rival = nodes.rival();
    let guard = rival.lock("job", TTL).await.unwrap();
    drop(rival);
    assert!(guard.is_valid());
    nodes.wait_until_everywhere("job").await;
    drop(guard);
    nodes.assert_gone("job").await;
}

pub(super) async fn an_extension_that_is_dropped_leaves_a_lock_that_can_be_released(bench: Bench) {
    let nodes = bench.start(3);
    for micros in STAGES {
        let mut guard = nodes.client.lock("job", TTL).await.unwrap();
        let _ = bench.within(Duration::from_micros(micros), guard.extend(TTL * 2)).await;
        assert!(guard.is_valid());
        guard.release().await;
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn a_release_that_is_dropped_is_done_all_the_same(bench: Bench) {
    let nodes = bench.start(3);
    for micros in STAGES {
        let guard = nodes.client.lock("job", TTL).await.unwrap();
        let _ = bench.within(Duration::from_micros(micros), guard.release()).await;
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn what_is_dropped_while_a_node_hangs_is_undone_when_it_goes_on(bench: Bench) {
    let nodes = bench.start(3);
    nodes.client.lock("warm-up", TTL).await.unwrap().release().await;
    nodes[0].pause();
    for micros in STAGES {
        drop(bench.within(Duration::from_micros(micros), nodes.client.lock("job", TTL)).await);
    }
    nodes[0].resume();
    nodes.catch_up().await;
    nodes.assert_gone("job").await;
}

pub(super) async fn after_close_nothing_is_left_and_nothing_more_is_acquired(bench: Bench) {
    let nodes = bench.start(3);
    let name = |number: usize| format!("job-{number}");
    let guards = try_join_all((0..100).map(|number| nodes.client.lock(name(number), TTL))).await.unwrap();
    let _held = nodes.rival().lock("held", TTL * 6).await.unwrap();
    let waiting = bench.spawn(nodes.client.lock("held", TTL));
    drop(guards);
    let report = nodes.client.close().await;
    assert_eq!((report.unsettled, report.held), (0, 0));
    assert!((0..100).all(|number| nodes.keys(&name(number)) == 0));
    let refused = nodes.client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.to_string(), "the lock was not acquired: this Redlock handle was closed");
    assert_eq!(waiting.await.unwrap().unwrap_err().kind, Refusal::Closed);
}

pub(super) async fn a_guard_that_is_held_while_its_handle_is_closed_keeps_its_lock(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", TTL).await.unwrap();
    let report = nodes.client.close().await;
    assert_eq!((report.unsettled, report.held), (0, 1));
    guard.extend(TTL * 2).await.unwrap();
    assert!(guard.remaining() > TTL);
    guard.release().await;
    nodes.assert_gone("job").await;
}

pub(super) async fn close_does_not_wait_for_ever_for_a_node_that_hangs(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    nodes[0].pause();
    drop(guard);
    let report = bench.within(TTL / 2, nodes.client.close()).await.expect("well before the TTL is over");
    assert_eq!(report.unsettled, 1);
    nodes[0].resume();
    nodes.assert_gone_within(SOON, "job").await;
}
