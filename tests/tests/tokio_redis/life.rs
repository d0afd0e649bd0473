//! One lock's life on healthy nodes.

use std::time::Duration;

use redlock_tests::{Server, Servers, wait_until};
use redlock_tokio::redis::Client;
use redlock_tokio::{AcquireError, ExtendError, Loss, Redlock, ReleaseVerdict};

use crate::fixture::{Fixture, NODE_COUNTS, TTL};

/// Long enough to be taken and extended on a busy machine, short enough to wait for its end.
const SHORT: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_on_all_nodes_excludes_others_is_extended_and_released() {
    for count in NODE_COUNTS {
        let nodes = Fixture::start(count);
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

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_lock_says_so_by_itself_and_somebody_else_gets_it() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    assert_eq!(guard.lost().await, Some(Loss::Expired));
    assert!(!guard.is_valid() && guard.remaining().is_zero());
    assert!(nodes.rival().lock("job", TTL).await.unwrap().is_valid());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_lock_is_not_reported_as_lost() {
    let nodes = Fixture::start(1);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    let lost = tokio::spawn(guard.lost());
    guard.release().await;
    assert_eq!(lost.await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_at_the_last_moment_counts() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    tokio::time::sleep(guard.remaining().saturating_sub(SHORT / 4)).await;
    guard.extend(TTL).await.unwrap();
    tokio::time::sleep(SHORT / 2).await;
    assert!(guard.is_valid(), "it outlives its first deadline");
    assert!(nodes.rival().try_lock("job", TTL).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_after_the_deadline_does_not_revive_the_lock() {
    let nodes = Fixture::start(3);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_short_extension_does_not_shorten_the_lock() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
    let deadline = guard.deadline();
    assert_eq!(guard.extend(Duration::from_millis(10)).await.unwrap(), deadline);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(guard.is_valid());
    assert_eq!(nodes.keys("job"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension() {
    let nodes = Fixture::start(3);
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

#[tokio::test(flavor = "multi_thread")]
async fn releasing_an_expired_lock_is_no_error() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    guard.lost().await;
    nodes.wait_until_expired("job");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::AlreadyExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn releasing_a_lock_that_was_taken_over_leaves_the_successor_alone() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", SHORT).await.unwrap();
    guard.lost().await;
    nodes.wait_until_expired("job");
    let successor = nodes.rival().lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::TakenOver);
    assert_eq!(nodes.keys("job"), 3);
    assert_eq!(successor.release().await.verdict, ReleaseVerdict::Released);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere() {
    let socket = Server::builder().unix_socket(true).start();
    let servers = Servers::start(2);
    let client = Client::open(servers[0].url()).unwrap();
    let path = socket.unix_socket().unwrap();
    let redlock = Redlock::builder()
        .node(format!("unix://{}", path.display()))
        .node(client)
        .node(servers[1].url() + "?protocol=resp2")
        .build()
        .unwrap();
    let guard = redlock.lock("job", TTL).await.unwrap();
    let everywhere = || servers.iter().chain([&socket]).all(|server| server.get("job").unwrap().is_some());
    assert!(wait_until(Duration::from_secs(5), everywhere));
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}
