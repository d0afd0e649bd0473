//! Nodes that are dead, hung, or back again.

use std::time::{Duration, Instant};

use redlock_core::{Cause, NodeTimeout, Options, Outcome, ReleaseVerdict};

use crate::bench::{BUDGET, Bench, GIVEN_UP_WITHIN, SOON, Storage, TTL};
use crate::{Client, Refusal};

/// Takes, extends and releases a lock, and asserts that no step waited for a silent node. Slow machines have three
/// tries: a client that waits for the node does so every time.
async fn assert_no_waiting(client: &Client) {
    let limit = NodeTimeout::DEFAULT.of(TTL) / 2;
    let mut tries = Vec::new();
    for _ in 0..3 {
        let steps = steps(client).await;
        if steps.iter().all(|step| *step < limit) {
            return;
        }
        tries.push(steps);
    }
    panic!("lock, extend and release took {tries:?}");
}

/// How long it took to take, to extend and to release a lock.
async fn steps(client: &Client) -> [Duration; 3] {
    let begin = Instant::now();
    let mut guard = client.try_lock("job", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
    let locked = begin.elapsed();
    guard.extend(TTL).await.unwrap_or_else(|error| panic!("{error}"));
    let extended = begin.elapsed();
    let report = guard.release().await;
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
    [locked, extended.saturating_sub(locked), begin.elapsed().saturating_sub(extended)]
}

pub(super) async fn a_minority_that_is_dead_at_the_start_is_no_error_and_costs_no_time(bench: Bench) {
    for (count, dead) in [(3, 1), (4, 1), (5, 2)] {
        let nodes = bench.start(count);
        nodes[..dead].iter().for_each(|node| node.kill());
        assert_no_waiting(&nodes.rival()).await;
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn a_minority_that_hangs_costs_no_time(bench: Bench) {
    for (count, hung) in [(3, 1), (4, 1), (5, 2)] {
        let nodes = bench.start(count);
        // A release that a node has to ask the text for comes late; after this all nodes know the scripts.
        let rival = nodes.rival();
        assert_no_waiting(&rival).await;
        assert_eq!(rival.close().await.unsettled, 0);
        assert_no_waiting(&nodes.client).await;
        nodes[..hung].iter().for_each(|node| node.pause());
        for _ in 0..3 {
            assert_no_waiting(&nodes.client).await;
        }
        nodes[..hung].iter().for_each(|node| node.resume());
        nodes.catch_up().await;
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn a_lock_outlives_the_death_of_a_minority(bench: Bench) {
    for (count, dead) in [(3, 1), (5, 2)] {
        let nodes = bench.start(count);
        let mut guard = nodes.client.lock("job", TTL).await.unwrap();
        nodes[..dead].iter().for_each(|node| node.kill());
        guard.extend(TTL * 2).await.unwrap();
        assert!(guard.remaining() > TTL);
        assert!(nodes.rival().try_lock("job", TTL).await.is_err());
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        nodes[..dead].iter().for_each(|node| node.restart());
        nodes.assert_gone_within(SOON, "job").await;
    }
}

pub(super) async fn without_a_quorum_the_error_names_the_nodes_and_nothing_is_left(bench: Bench) {
    for (count, dead) in [(1, 1), (3, 2), (4, 2), (5, 3)] {
        let nodes = bench.start(count);
        nodes[..dead].iter().for_each(|node| node.kill());
        let begin = Instant::now();
        let refused = nodes.client.lock_with("job", TTL, Options::new().wait(BUDGET)).await.unwrap_err();
        assert!(begin.elapsed() < GIVEN_UP_WITHIN, "within the budget, not {:?}", begin.elapsed());
        assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
        let attempts = refused.attempts.as_ref().expect("some were made");
        for (position, (_, name, outcome)) in attempts.nodes.iter().enumerate() {
            let not_sent = matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
            assert_eq!(not_sent, position < dead, "{refused}");
            assert!(!not_sent || refused.to_string().contains(&format!("{name}: not reachable")), "{refused}");
        }
        nodes.assert_gone("job").await;
    }
}

pub(super) async fn when_a_quorum_hangs_nothing_is_left_behind_once_it_goes_on(bench: Bench) {
    let nodes = bench.start(3);
    nodes.client.lock("warm-up", TTL).await.unwrap().release().await;
    nodes[..2].iter().for_each(|node| node.pause());
    let begin = Instant::now();
    let refused = nodes.client.lock_with("job", TTL, Options::new().wait(BUDGET)).await.unwrap_err();
    assert!(begin.elapsed() < GIVEN_UP_WITHIN, "within the budget, not {:?}", begin.elapsed());
    assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
    assert!(refused.to_string().contains("no answer in time"), "{refused}");
    nodes[..2].iter().for_each(|node| node.resume());
    nodes.catch_up().await;
    nodes.assert_gone("job").await;
}

pub(super) async fn a_node_that_is_back_is_used_again(bench: Bench) {
    let nodes = bench.start(3);
    drop(nodes.client.lock("job", TTL).await.unwrap());
    nodes[0].kill();
    nodes.client.lock("job", TTL).await.unwrap().release().await;
    nodes[0].restart();
    let begin = Instant::now();
    for number in 0.. {
        let name = format!("job-{number}");
        let _guard = nodes.client.lock(&name, TTL).await.unwrap();
        if bench.wait_until(SOON / 100, || nodes[0].ttl(&name).is_some()).await {
            return;
        }
        assert!(begin.elapsed() < SOON, "the node is asked again");
    }
}

pub(super) async fn a_lock_that_is_extended_outlives_the_restart_of_every_node_one_at_a_time(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", TTL * 3).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    for (node, times) in nodes.iter().zip(4..) {
        node.kill();
        node.restart();
        let begin = Instant::now();
        guard.extend(TTL * times).await.unwrap();
        // A node that has kept the key shows by its longer TTL that it takes part again.
        while node.ttl("job").is_none_or(|ttl| ttl <= TTL * (times - 1)) {
            assert!(begin.elapsed() < SOON, "the node that restarted is given the key again");
            guard.extend(TTL * times).await.unwrap();
        }
    }
    assert!(guard.is_valid());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job").await;
}

pub(super) async fn a_node_that_missed_the_release_is_told_when_it_is_back(bench: Bench) {
    let nodes = bench.start_with(3, Storage::Durable);
    let guard = nodes.client.lock("job", TTL * 6).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    nodes[0].kill();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    nodes[0].restart();
    // Long before its TTL is over.
    nodes.assert_gone_within(SOON, "job").await;
}

pub(super) async fn without_a_quorum_a_release_is_unconfirmed_and_done_later(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    nodes[..2].iter().for_each(|node| node.pause());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Unconfirmed);
    nodes[..2].iter().for_each(|node| node.resume());
    nodes.assert_gone_within(SOON, "job").await;
}
