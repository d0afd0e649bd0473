//! Work under a lock, locks that change hands, and keys that stay for a while.

use std::time::{Duration, Instant};

use redlock_core::shell::WorkError;
use redlock_core::{DetachedLock, Loss, Options, ReleaseVerdict};

use crate::bench::{Bench, SOON, TTL};
use crate::client::{Client, Guard, Refusal, Refused};

/// Long enough to be extended in time on a busy machine, short enough to be waited for.
const SHORT: Duration = Duration::from_secs(1);

pub(super) async fn work_has_a_lock_that_outlives_its_ttl_and_is_released(bench: Bench) {
    let nodes = bench.start(3);
    let (scheduler, rival) = (bench.scheduler.clone(), nodes.rival());
    let work = nodes.client.with_lock("job", SHORT, async move {
        scheduler.sleep(SHORT * 2).await;
        let refused = rival.try_lock("job", TTL).await.unwrap_err();
        assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    });
    let completed = work.await.unwrap();
    assert_eq!((completed.loss, completed.release.verdict), (None, ReleaseVerdict::Released));
    nodes.assert_gone("job").await;
}

pub(super) async fn work_learns_that_the_lock_was_lost(bench: Bench) {
    let nodes = bench.start(3);
    let work = bench.spawn(nodes.client.with_lock("job", SHORT, std::future::pending()));
    nodes.wait_until_everywhere("job").await;
    nodes[..2].iter().for_each(|node| node.pause());
    assert_eq!(work.await.unwrap().unwrap_err(), WorkError::Lost(Loss::Expired));
    nodes[..2].iter().for_each(|node| node.resume());
    nodes.catch_up().await;
    nodes.assert_gone("job").await;
}

pub(super) async fn a_detached_lock_is_adopted_by_another_handle(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    let before = guard.deadline();
    nodes.wait_until_everywhere("job").await;
    let detached = guard.detach().unwrap();
    nodes.client.close().await;
    let (heir, rival) = (nodes.rival(), nodes.rival());
    assert_eq!(rival.try_lock("job", TTL).await.unwrap_err().kind, Refusal::Contended);
    let adopted = heir.adopt(&detached).await.unwrap();
    assert!(adopted.is_valid() && adopted.deadline() > before);
    assert_eq!(rival.try_lock("job", TTL).await.unwrap_err().kind, Refusal::Contended);
    assert_eq!(adopted.release().await.verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job").await;
    assert_eq!(heir.adopt(&detached).await.unwrap_err().kind, Refusal::Gone);
}

pub(super) async fn a_detached_lock_that_is_over_is_not_adopted(bench: Bench) {
    let nodes = bench.start(3);
    let detached = nodes.client.lock("job", SHORT / 4).await.unwrap().detach().unwrap();
    nodes.wait_until_expired("job").await;
    let refused = adopt(&nodes.rival(), &detached).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Gone, "{refused}");
    assert_eq!(nodes.keys("job"), 0, "it was not set again");
}

pub(super) async fn a_detached_lock_that_somebody_else_has_taken_is_not_adopted_and_theirs_is_left_alone(bench: Bench) {
    let nodes = bench.start(3);
    let detached = nodes.client.lock("job", SHORT / 4).await.unwrap().detach().unwrap();
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    let refused = adopt(&nodes.rival(), &detached).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Gone, "{refused}");
    assert_eq!(successor.release().await.verdict, ReleaseVerdict::Released);
}

pub(super) async fn a_detached_lock_is_not_adopted_without_a_quorum_and_can_be_with_one(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    let (detached, heir) = (guard.detach().unwrap(), nodes.rival());
    nodes[..2].iter().for_each(|node| node.pause());
    let refused = heir.adopt(&detached).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
    nodes[..2].iter().for_each(|node| node.resume());
    assert!(adopt(&heir, &detached).await.unwrap().is_valid());
}

pub(super) async fn a_released_lock_stays_for_its_shortest_hold(bench: Bench) {
    let nodes = bench.start(3);
    let begun = Instant::now();
    let guard = nodes.client.lock_with("job", TTL, Options::new().min_hold(SHORT)).await.unwrap();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    assert_eq!(nodes.rival().try_lock("job", TTL).await.unwrap_err().kind, Refusal::Contended);
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
    assert!(begun.elapsed() < TTL / 2, "{:?}", begun.elapsed());
    assert!(successor.is_valid());
}

/// Adopts a lock, again as long as too few nodes answer in the short time that a short TTL leaves them.
async fn adopt(heir: &Client, detached: &DetachedLock) -> Result<Guard, Refused> {
    let until = Instant::now() + SOON;
    loop {
        match heir.adopt(detached).await {
            Err(refused) if refused.kind == Refusal::Unavailable && Instant::now() < until => {}
            adopted => return adopted,
        }
    }
}
