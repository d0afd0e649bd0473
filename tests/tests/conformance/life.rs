//! One lock's life on healthy nodes.

use std::time::Duration;

use redlock_driver::{AcquireError, ExtendError, Loss, ReleaseVerdict};
use redlock_tests::{Server, Servers, wait_until};

use crate::adapter::{Adapter, Redlock};
use crate::fixture::{Fixture, NODE_COUNTS, TTL};
use crate::time::{sleep, spawn};

/// Long enough to be taken and extended on a busy machine, short enough to wait for its end.
const SHORT: Duration = Duration::from_millis(400);

pub(crate) async fn a_lock_is_on_all_nodes_excludes_others_is_extended_and_released<A: Adapter>() {
    for count in NODE_COUNTS {
        let nodes = Fixture::<A>::start(count);
        let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
        assert!(guard.is_valid() && guard.remaining() <= TTL);
        nodes.wait_until_everywhere("job");

        let refused = nodes.rival().try_lock("job", TTL).await.unwrap_err();
        assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");

        let deadline = guard.extend(TTL * 3).await.unwrap();
        assert_eq!(guard.deadline(), deadline);
        assert!(guard.remaining() > TTL * 2);
        let ttl = |server: &Server| server.command(&["PTTL", "job"]).unwrap().parse::<u128>().unwrap();
        let extended = || nodes.servers.iter().all(|server| ttl(server) > (TTL * 2).as_millis());
        assert!(wait_until(Duration::from_secs(5), extended), "all {count} nodes are extended");

        let report = guard.release().await;
        assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
        nodes.assert_gone("job");
        assert!(nodes.rival().try_lock("job", TTL).await.is_ok());
    }
}

pub(crate) async fn an_expired_lock_says_so_by_itself_and_somebody_else_gets_it<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    assert_eq!(guard.lost().await, Some(Loss::Expired));
    assert!(!guard.is_valid() && guard.remaining().is_zero());
    assert!(nodes.rival().lock("job", TTL).await.unwrap().is_valid());
}

pub(crate) async fn a_released_lock_is_not_reported_as_lost<A: Adapter>() {
    let nodes = Fixture::<A>::start(1);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    let lost = spawn::<A, _>(guard.lost());
    guard.release().await;
    assert_eq!(lost.await.unwrap(), None);
}

pub(crate) async fn an_extension_at_the_last_moment_counts<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let mut guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    sleep::<A>(guard.remaining().saturating_sub(SHORT / 4)).await;
    guard.extend(TTL).await.unwrap();
    sleep::<A>(SHORT / 2).await;
    assert!(guard.is_valid(), "it outlives its first deadline");
    assert!(nodes.rival().try_lock("job", TTL).await.is_err());
}

pub(crate) async fn an_extension_after_the_deadline_does_not_revive_the_lock<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let mut guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    guard.lost().await;
    nodes.wait_until_expired("job");
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    assert_eq!(guard.extend(TTL).await, Err(ExtendError::Lost(Loss::Expired)));
    drop(guard);
    assert_eq!(nodes.keys("job"), 3, "the successor's keys are untouched");
    assert!(successor.is_valid());
}

pub(crate) async fn a_short_extension_does_not_shorten_the_lock<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
    let deadline = guard.deadline();
    nodes.wait_until_everywhere("job");
    assert_eq!(guard.extend(TTL / 2).await.unwrap(), deadline);
    let ttl = |server: &Server| server.command(&["PTTL", "job"]).unwrap().parse::<u128>().unwrap();
    assert!(nodes.servers.iter().all(|server| ttl(server) > (TTL / 2).as_millis()));
}

pub(crate) async fn a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    for server in &nodes.servers[..2] {
        server.command(&["FLUSHALL"]).unwrap();
    }
    let lost = guard.extend(TTL).await.unwrap_err();
    assert!(matches!(lost, ExtendError::Lost(Loss::KeysGone(_))), "{lost}");
    assert!(!guard.is_valid());
    nodes.assert_gone("job");
}

pub(crate) async fn releasing_an_expired_lock_is_no_error<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    guard.lost().await;
    nodes.wait_until_expired("job");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::AlreadyExpired);
}

pub(crate) async fn releasing_a_lock_that_was_taken_over_leaves_the_successor_alone<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    guard.lost().await;
    nodes.wait_until_expired("job");
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::TakenOver);
    assert_eq!(nodes.keys("job"), 3);
    assert_eq!(successor.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere<A: Adapter>() {
    let socket = Server::builder().unix_socket(true).start();
    let servers = Servers::start(2);
    let path = socket.unix_socket().unwrap();
    let redlock = Redlock::<A>::builder()
        .node(A::url(&format!("unix://{}", path.display())))
        .node(A::client(&servers[0].url(), None))
        .node(A::url(&(servers[1].url() + "?protocol=resp2")))
        .build()
        .unwrap();
    let guard = redlock.lock("job", TTL).await.unwrap();
    let everywhere = || servers.iter().chain([&socket]).all(|server| server.get("job").unwrap().is_some());
    assert!(wait_until(Duration::from_secs(5), everywhere));
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}
