//! The nodes that live in the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redlock_driver::memory::MemoryNode;
use redlock_driver::{AcquireError, Cause, ExtendError, Loss, Outcome, Redlock, ReleaseVerdict, RetryDelay, Runtime};

use crate::clock::{Clock, settle};
use crate::world::TTL;

/// The longest time that a node which is back stays unused.
const SOON: Duration = Duration::from_secs(1);

pub(crate) fn three_nodes() -> (Clock, [MemoryNode; 3], Redlock<Clock>) {
    let clock = Clock::default();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = over(&nodes, &clock);
    (clock, nodes, redlock)
}

pub(crate) fn over(nodes: &[MemoryNode; 3], clock: &Clock) -> Redlock<Clock> {
    Redlock::builder().nodes(nodes).build_on(clock.clone()).unwrap()
}

pub(crate) fn has_keys(node: &MemoryNode, names: &[&str]) -> bool {
    node.keys().iter().map(Vec::as_slice).eq(names.iter().map(|name| name.as_bytes()))
}

#[tokio::test]
async fn a_lock_is_on_every_node_and_excludes_other_handles_until_it_is_released() {
    let (clock, nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    settle().await;
    assert!(nodes.iter().all(|node| has_keys(node, &["job"])));
    let rival = over(&nodes, &clock);
    let refused = clock.run(rival.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    assert_eq!(clock.run(guard.release()).await.verdict, ReleaseVerdict::Released);
    drop(clock.run(rival.try_lock("job", TTL)).await.unwrap());
}

#[tokio::test]
async fn who_waits_is_called_up_by_the_release() {
    let (clock, nodes, redlock) = three_nodes();
    let held = clock.run(redlock.lock("job", TTL)).await.unwrap();
    let only_called_up = RetryDelay::new(TTL * 360, TTL * 360);
    let acquire = over(&nodes, &clock).lock("job", TTL).retry_delay(only_called_up).wait(TTL * 3);
    let waiting = tokio::spawn(async { acquire.await.unwrap() });
    settle().await;
    let now = clock.now();
    clock.run(held.release()).await;
    drop(clock.run(waiting).await.unwrap());
    assert_eq!(clock.now(), now, "nobody has waited for a timer");
}

/// A store that outlives the process has seen the fences of earlier ones.
#[tokio::test]
async fn fences_go_on_from_the_wall_clock_and_not_from_zero() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let (clock, _nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL).fenced()).await.unwrap();
    assert!(u128::from(guard.fence().unwrap().get()) >= before);
}

#[tokio::test]
async fn a_stopped_node_carries_out_in_order_what_it_took_when_it_resumes() {
    let (clock, nodes, redlock) = three_nodes();
    nodes[0].stop();
    drop(clock.run(redlock.lock("first", TTL)).await.unwrap());
    let second = clock.run(redlock.lock("second", TTL)).await.unwrap();
    settle().await;
    assert!(nodes[0].keys().is_empty());
    nodes[0].resume();
    settle().await;
    assert!(has_keys(&nodes[0], &["second"]));
    drop(second);
    settle().await;
    assert!(nodes[0].keys().is_empty());
}

#[tokio::test]
async fn a_node_that_was_cut_off_is_used_again_when_it_is_restored() {
    let (clock, nodes, redlock) = three_nodes();
    let before = clock.run(redlock.lock("before", TTL)).await.unwrap();
    nodes[0].cut();
    let meanwhile = clock.run(redlock.lock("meanwhile", TTL)).await.unwrap();
    nodes[0].restore();
    clock.advance(SOON);
    settle().await;
    let after = clock.run(redlock.lock("after", TTL)).await.unwrap();
    settle().await;
    assert!(has_keys(&nodes[0], &["after", "before"]), "keys outlive a cut");
    drop((before, meanwhile, after));
    settle().await;
    assert!(nodes[0].keys().is_empty());
}

#[tokio::test]
async fn a_cut_loses_what_a_stopped_node_had_not_carried_out() {
    let (clock, nodes, redlock) = three_nodes();
    nodes[0].stop();
    let mut guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    settle().await;
    nodes[0].cut();
    nodes[0].restore();
    nodes[0].resume();
    settle().await;
    clock.advance(SOON);
    settle().await;
    assert!(nodes[0].keys().is_empty());
    clock.run(guard.extend(TTL)).await.unwrap();
    settle().await;
    assert!(has_keys(&nodes[0], &["job"]), "an extension gives the node the key");
}

#[tokio::test]
async fn a_quorum_that_is_cut_off_is_named_in_the_error() {
    let (clock, nodes, redlock) = three_nodes();
    nodes[..2].iter().for_each(MemoryNode::cut);
    let error = clock.run(redlock.try_lock("job", TTL)).await.unwrap_err();
    let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
    let cut_off = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
    assert_eq!(attempts.nodes.count(cut_off), 2);
    assert!(error.to_string().contains("one: not reachable (cut off)"), "{error}");
}

#[tokio::test]
async fn a_lock_that_was_wiped_from_a_quorum_is_found_lost_by_an_extension() {
    let (clock, nodes, redlock) = three_nodes();
    let mut guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    settle().await;
    nodes[..2].iter().for_each(MemoryNode::wipe);
    let lost = clock.run(guard.extend(TTL)).await.unwrap_err();
    assert!(matches!(lost, ExtendError::Lost(Loss::KeysGone(_))), "{lost}");
    assert!(!guard.is_valid());
}

#[tokio::test]
async fn keys_expire_on_the_clock_of_the_node() {
    let (clock, nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    settle().await;
    nodes[0].advance_clock(TTL / 2);
    assert!(has_keys(&nodes[0], &["job"]));
    nodes[0].advance_clock(TTL);
    assert!(nodes[0].keys().is_empty());
    assert!(clock.run(over(&nodes, &clock).try_lock("job", TTL)).await.is_err(), "two others have it");
    assert!(guard.is_valid());
}

#[tokio::test]
async fn a_key_that_was_set_by_hand_excludes_and_is_left_alone() {
    let (clock, nodes, redlock) = three_nodes();
    for node in &nodes[..2] {
        node.set("job", "somebody", Some(TTL));
    }
    let refused = clock.run(redlock.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    settle().await;
    assert!(nodes[..2].iter().all(|node| has_keys(node, &["job"])));
    assert!(nodes[2].keys().is_empty());
    for node in &nodes {
        node.advance_clock(TTL * 2);
    }
    drop(clock.run(redlock.try_lock("job", TTL)).await.unwrap());
}
