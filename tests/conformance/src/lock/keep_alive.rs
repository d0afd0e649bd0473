//! Locks that are kept alive in the background.

use std::time::Duration;

use redlock_core::{ExtendError, KeepAlive, Loss, Options, ReleaseVerdict};

use crate::Refusal;
use crate::bench::{Bench, SOON, TTL};

/// Long enough to be extended in time on a busy machine, short enough to outlive it several times.
const SHORT: Duration = Duration::from_secs(1);

fn kept(keep_alive: KeepAlive) -> Options {
    Options::new().keep_alive(keep_alive)
}

pub(super) async fn a_lock_outlives_its_ttl_until_it_is_released(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock_with("job", SHORT, kept(KeepAlive::while_held())).await.unwrap();
    let (lost, first) = (bench.spawn(guard.lost()), guard.deadline());
    assert!(bench.wait_until(SOON, || guard.deadline() > first.saturating_add(SHORT * 2)).await);
    assert!(guard.is_valid());
    let refused = nodes.rival().try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    assert_eq!(lost.await.unwrap(), Loss::Released);
    nodes.assert_gone("job").await;
    bench.sleep(SHORT).await;
    nodes.assert_gone("job").await;
}

pub(super) async fn a_dropped_guard_is_kept_alive_no_more(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock_with("job", SHORT, kept(KeepAlive::while_held())).await.unwrap();
    drop(guard);
    nodes.assert_gone("job").await;
}

pub(super) async fn a_longest_hold_ends_with_a_loss(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock_with("job", SHORT, kept(KeepAlive::up_to(SHORT * 2))).await.unwrap();
    assert_eq!(guard.lost().await, Loss::MaxHoldReached);
    assert!(!guard.is_valid());
    assert_eq!(guard.extend(TTL).await, Err(ExtendError::Lost(Loss::MaxHoldReached)));
    nodes.assert_gone("job").await;
}

pub(super) async fn when_the_nodes_hang_the_loss_comes_at_the_deadline(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock_with("job", SHORT, kept(KeepAlive::while_held())).await.unwrap();
    nodes[..2].iter().for_each(|node| node.pause());
    assert_eq!(guard.lost().await, Loss::Expired);
    assert!(!guard.is_valid());
    nodes[..2].iter().for_each(|node| node.resume());
    nodes.catch_up().await;
    nodes.assert_gone("job").await;
}

pub(super) async fn a_minority_that_is_dead_does_not_end_it(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock_with("job", SHORT, kept(KeepAlive::while_held())).await.unwrap();
    nodes[0].kill();
    let later = guard.deadline().saturating_add(SHORT);
    assert!(bench.wait_until(SOON, || guard.deadline() > later).await);
    assert!(guard.is_valid());
}

pub(super) async fn closing_tells_a_holder_that_the_lock_is_kept_alive_no_more(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock_with("job", TTL, kept(KeepAlive::while_held())).await.unwrap();
    let unkept = nodes.client.lock("other", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    let lost = bench.spawn(guard.lost());
    let report = nodes.client.close().await;
    assert_eq!((report.held, report.unsettled), (2, 0));
    assert_eq!(lost.await.unwrap(), Loss::Closed);
    assert_eq!(guard.lost().await, Loss::Closed);
    assert!(guard.is_valid() && unkept.is_valid());
    let refused = nodes.rival().try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    assert_eq!(unkept.release().await.verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job").await;
}
