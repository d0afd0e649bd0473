//! How a lock stands, asked by those who hold it and by others.

use std::time::{Duration, Instant};

use futures_util::future::FutureExt;
use redlock_core::{Cause, Holder, KeyStatus, LockState, LockStatus, NodeTimeout, RequestError};

use crate::Client;
use crate::bench::{Bench, NODE_COUNTS, SOON, TTL};

/// Asks until so many nodes have answered: a connection may not be there yet, and a busy machine lets nodes be late.
async fn status(client: &Client, answers: usize) -> LockStatus {
    let begin = Instant::now();
    loop {
        let status = client.status("job").await.unwrap_or_else(|error| panic!("{error}"));
        let answered = status.nodes().filter(|(_, _, node)| !matches!(node.key, KeyStatus::Unavailable(_)));
        if answered.count() >= answers {
            return status;
        }
        assert!(begin.elapsed() < SOON, "{}", status.by_node());
    }
}

/// Asserts who holds the lock on so many nodes, and that its TTL is not over.
fn assert_held(status: &LockStatus, holder: Holder, count: usize) {
    let LockState::Held { by, nodes, remaining: Some(remaining), .. } = status.state() else { panic!("{status}") };
    assert_eq!((by, nodes), (holder, count), "{status}");
    assert!(remaining > TTL / 2 && remaining <= TTL, "{status}");
    for (_, name, node) in status.nodes() {
        match &node.key {
            KeyStatus::Held { by, remaining: Some(remaining), .. } => {
                assert!(*by == holder && *remaining <= TTL, "{name}: {node}");
            }
            KeyStatus::Unavailable(_) => {}
            _ => panic!("{name}: {node}"),
        }
    }
}

pub(super) async fn a_lock_is_free_then_held_and_free_again_and_each_handle_knows_whose_it_is(bench: Bench) {
    for count in NODE_COUNTS {
        let nodes = bench.start(count);
        let rival = nodes.rival();
        for client in [&nodes.client, &rival] {
            let free = status(client, count).await;
            assert!(free.is_free(), "{free}");
        }
        assert_eq!(nodes.keys("job"), 0, "asking takes nothing");
        let guard = nodes.client.lock("job", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
        nodes.wait_until_everywhere("job").await;
        assert_held(&status(&nodes.client, count).await, Holder::ThisHandle, count);
        assert_held(&status(&rival, count).await, Holder::Another, count);
        assert!(guard.is_valid());
        guard.release().await;
        nodes.assert_gone("job").await;
        for client in [&nodes.client, &rival] {
            let free = status(client, count).await;
            assert!(free.is_free(), "{free}");
        }
    }
}

pub(super) async fn a_name_that_is_no_key_is_refused(bench: Bench) {
    let nodes = bench.start(1);
    assert_eq!(nodes.client.status("").await.unwrap_err(), RequestError::EmptyName);
    let long = "x".repeat(513);
    let error = nodes.client.status(long).await.unwrap_err();
    assert_eq!(error, RequestError::NameTooLong { len: 513, max_name_len: 512 });
}

pub(super) async fn a_key_of_another_program_is_anothers(bench: Bench) {
    let nodes = bench.start(3);
    assert!(nodes[0].set_if_absent("job"));
    let free = status(&nodes.client, 3).await;
    assert!(free.is_free(), "{free}");
    assert!(nodes[1].set_if_absent("job"));
    let held = status(&nodes.client, 3).await;
    let LockState::Held { by: Holder::Another, nodes: 2, remaining: Some(remaining), .. } = held.state() else {
        panic!("{held}")
    };
    assert!(remaining > Duration::from_secs(30) && remaining <= Duration::from_secs(60), "{held}");
    assert_eq!(nodes.keys("job"), 2);
}

pub(super) async fn a_minority_that_is_dead_is_named_and_hides_nothing(bench: Bench) {
    for (count, dead) in [(3, 1), (4, 1), (5, 2)] {
        let nodes = bench.start(count);
        let rival = nodes.rival();
        let guard = nodes.client.lock("job", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
        nodes.wait_until_everywhere("job").await;
        nodes[..dead].iter().for_each(|node| node.kill());
        for (client, holder) in [(&nodes.client, Holder::ThisHandle), (&rival, Holder::Another)] {
            let status = status(client, count - dead).await;
            assert_held(&status, holder, count - dead);
            let silent = status.nodes().filter(|(_, _, node)| matches!(node.key, KeyStatus::Unavailable(_)));
            assert!(silent.map(|(node, _, _)| node.index()).eq(0..dead), "{}", status.by_node());
        }
        guard.release().await;
    }
}

pub(super) async fn a_minority_that_hangs_is_waited_for_no_longer_than_the_node_timeout(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
    nodes.wait_until_everywhere("job").await;
    status(&nodes.client, 3).await;
    nodes[2].pause();
    let begin = Instant::now();
    let status = status(&nodes.client, 2).await;
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    assert!(begin.elapsed() >= NodeTimeout::DEFAULT.of(TTL * 100) / 2, "it is waited for: {:?}", begin.elapsed());
    assert_held(&status, Holder::ThisHandle, 2);
    let (_, _, hung) = status.nodes().last().unwrap();
    assert!(matches!(&hung.key, KeyStatus::Unavailable(why) if why.cause() == Cause::NoAnswer), "{hung}");
    nodes[2].resume();
    guard.release().await;
    nodes.assert_gone_within(SOON, "job").await;
}

pub(super) async fn without_a_quorum_nobody_can_say(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap_or_else(|refused| panic!("{refused}"));
    nodes.wait_until_everywhere("job").await;
    nodes[1..].iter().for_each(|node| node.kill());
    let status = status(&nodes.client, 1).await;
    assert_eq!(status.state(), LockState::Unknown, "{status}");
    assert!(status.to_string().starts_with("unknown: 1 of 3 nodes"), "{status}");
    drop(guard);
}

pub(super) async fn a_question_that_is_dropped_is_forgotten(bench: Bench) {
    let nodes = bench.start(3);
    for _ in 0..3 {
        // Nodes in memory may answer before it is dropped.
        drop(nodes.client.status("job").now_or_never());
    }
    assert!(status(&nodes.client, 3).await.is_free());
}
