//! One lock's life on healthy nodes.

use std::time::Duration;

use redlock_core::{ExtendError, Loss, ReleaseVerdict, RequestError};

use crate::bench::{Bench, NODE_COUNTS, SOON, TTL};
use crate::{Guard, Refusal};

/// Long enough to be taken and extended on a busy machine, short enough to wait for its end.
const SHORT: Duration = Duration::from_secs(1);

async fn wait_until_lost(bench: &Bench, guard: &Guard) {
    assert!(bench.wait_until(SOON, || !guard.is_valid()).await, "its deadline has passed");
}

pub(super) async fn a_lock_is_on_all_nodes_excludes_others_is_extended_and_released(bench: Bench) {
    for count in NODE_COUNTS {
        let nodes = bench.start(count);
        let mut guard = nodes.client.lock("job", TTL).await.unwrap();
        assert!(guard.is_valid() && guard.remaining() <= TTL);
        nodes.wait_until_everywhere("job").await;

        let refused = nodes.rival().try_lock("job", TTL).await.unwrap_err();
        assert_eq!(refused.kind, Refusal::Contended, "{refused}");

        let deadline = guard.extend(TTL * 3).await.unwrap();
        assert_eq!(guard.deadline(), deadline);
        assert!(guard.remaining() > TTL * 2);
        let extended = || nodes.iter().all(|node| node.ttl("job").is_some_and(|ttl| ttl > TTL * 2));
        assert!(bench.wait_until(SOON, extended).await, "all {count} nodes are extended");

        let report = guard.release().await;
        assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
        nodes.assert_gone("job").await;
        assert!(nodes.rival().try_lock("job", TTL).await.is_ok());
    }
}

pub(super) async fn one_handle_excludes_itself(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    let refused = nodes.client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    guard.release().await;
    assert!(nodes.client.try_lock("job", TTL).await.is_ok());
}

pub(super) async fn an_expired_lock_says_so_by_itself(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", SHORT).await.unwrap();
    assert_eq!(guard.lost().await, Loss::Expired);
    assert!(!guard.is_valid() && guard.remaining().is_zero());
}

pub(super) async fn a_released_lock_says_so_by_itself(bench: Bench) {
    let nodes = bench.start(1);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    let lost = bench.spawn(guard.lost());
    guard.release().await;
    assert_eq!(lost.await.unwrap(), Loss::Released);
}

pub(super) async fn an_expired_lock_goes_to_somebody_else(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", SHORT).await.unwrap();
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    assert!(!guard.is_valid() && successor.is_valid());
}

pub(super) async fn an_extension_at_the_last_moment_counts(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", SHORT).await.unwrap();
    bench.sleep(guard.remaining().saturating_sub(SHORT / 4)).await;
    guard.extend(TTL).await.unwrap();
    bench.sleep(SHORT / 2).await;
    assert!(guard.is_valid(), "it outlives its first deadline");
    assert!(nodes.rival().try_lock("job", TTL).await.is_err());
}

pub(super) async fn an_extension_after_the_deadline_does_not_revive_the_lock(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", SHORT).await.unwrap();
    wait_until_lost(&bench, &guard).await;
    nodes.wait_until_expired("job").await;
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    assert_eq!(guard.extend(TTL).await, Err(ExtendError::Lost(Loss::Expired)));
    drop(guard);
    assert_eq!(nodes.keys("job"), 3, "the successor's keys are untouched");
    assert!(successor.is_valid());
}

pub(super) async fn a_short_extension_does_not_shorten_the_lock(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", TTL).await.unwrap();
    let deadline = guard.deadline();
    nodes.wait_until_everywhere("job").await;
    assert_eq!(guard.extend(TTL / 2).await.unwrap(), deadline);
    assert!(nodes.iter().all(|node| node.ttl("job").is_some_and(|ttl| ttl > TTL / 2)));
}

pub(super) async fn an_extension_with_a_bad_ttl_changes_nothing(bench: Bench) {
    let nodes = bench.start(1);
    let mut guard = nodes.client.lock("job", TTL).await.unwrap();
    let deadline = guard.deadline();
    let error = guard.extend(Duration::ZERO).await.unwrap_err();
    assert_eq!(error, ExtendError::Request(RequestError::TtlTooShort { ttl: Duration::ZERO }));
    assert_eq!(guard.deadline(), deadline);
    assert!(guard.extend(TTL).await.is_ok());
}

pub(super) async fn a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    nodes[..2].iter().for_each(|node| node.wipe());
    let lost = guard.extend(TTL).await.unwrap_err();
    assert!(matches!(lost, ExtendError::Lost(Loss::KeysGone(_))), "{lost}");
    assert!(!guard.is_valid());
    nodes.assert_gone("job").await;
}

pub(super) async fn releasing_an_expired_lock_is_no_error(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.patient_client().lock("job", SHORT).await.unwrap();
    wait_until_lost(&bench, &guard).await;
    nodes.wait_until_expired("job").await;
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::AlreadyExpired);
}

pub(super) async fn releasing_a_lock_that_was_taken_over_leaves_the_successor_alone(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.patient_client().lock("job", SHORT).await.unwrap();
    wait_until_lost(&bench, &guard).await;
    nodes.wait_until_expired("job").await;
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    let report = guard.release().await;
    assert!(matches!(report.verdict, ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver), "{report}");
    assert_eq!(nodes.keys("job"), 3);
    assert_eq!(successor.release().await.verdict, ReleaseVerdict::Released);
}
