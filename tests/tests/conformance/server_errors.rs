//! What servers may say instead of doing what they are asked to.

use redlock_conformance::{Client, Refusal};
use redlock_driver::{Cause, Outcome, ReleaseVerdict};
use redlock_tests::{Server, Servers};

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};

/// Tries to lock, and asserts that all nodes fail for this cause.
async fn assert_unavailable(client: &Client, nodes: usize, cause: Cause) -> String {
    let error = client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(error.kind, Refusal::Unavailable, "{error}");
    let attempts = error.attempts.as_ref().unwrap();
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == cause);
    assert!(attempts.nodes.count(failed) > nodes / 2, "{error}");
    error.to_string()
}

pub(crate) async fn a_missing_or_wrong_password_is_named_and_never_shown<A: Adapter>() {
    let servers = Server::builder().password("open-sesame").start_many(3);
    let with_password = |user: &str, protocol: &str| {
        let urls = servers.iter().map(|server| format!("redis://{user}127.0.0.1:{}{protocol}", server.port()));
        A::client(&urls.collect::<Vec<_>>())
    };
    for protocol in ["", "?protocol=resp2"] {
        for wrong in ["", ":let-me-in@", "nobody:let-me-in@"] {
            let client = with_password(wrong, protocol);
            let text = assert_unavailable(&client, 3, Cause::NotAuthenticated).await;
            assert!(text.contains("check user and password") && !text.contains("let-me-in"), "{text}");
            assert!(!format!("{client:?}").contains("let-me-in"));
        }
        for right in [":open-sesame@", "default:open-sesame@"] {
            assert!(with_password(right, protocol).lock("job", TTL).await.is_ok());
        }
    }
}

pub(crate) async fn scripts_that_the_servers_forgot_are_sent_again<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    for round in 0..3 {
        let mut guard = nodes.client.lock("job", TTL).await.unwrap();
        guard.extend(TTL * 2).await.unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        guard.extend(TTL * 3).await.unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released, "round {round}");
        nodes.assert_gone("job");
    }
}

pub(crate) async fn a_replica_is_no_master<A: Adapter>() {
    let nodes = Fixture::start::<A>(4);
    let master = nodes.servers[3].port().to_string();
    for server in &nodes.servers[..3] {
        server.command(&["REPLICAOF", "127.0.0.1", &master]).unwrap();
    }
    let replicas = A::client(&nodes.servers.urls()[..3]);
    let text = assert_unavailable(&replicas, 3, Cause::ReadOnly).await;
    assert!(text.contains("name its master instead"), "{text}");
}

pub(crate) async fn without_memory_there_is_no_new_lock_but_a_held_one_goes_on<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    let mut guard = nodes.client.lock("held", TTL).await.unwrap();
    nodes.wait_until_everywhere("held");
    for server in nodes.servers.iter() {
        server.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    }
    assert_unavailable(&nodes.client, 3, Cause::OutOfMemory).await;
    guard.extend(TTL * 2).await.unwrap();
    assert!(guard.remaining() > TTL);
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn a_user_without_the_right_to_publish_can_release<A: Adapter>() {
    let servers = Servers::start(3);
    for server in servers.iter() {
        let rules = ["ACL", "SETUSER", "worker", "on", ">pass", "~*", "+@all", "-publish"];
        server.command(&rules).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port()));
    let client = A::client(&urls.collect::<Vec<_>>());
    let guard = client.lock("job", TTL).await.unwrap();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn a_user_without_the_right_to_the_key_is_told_so<A: Adapter>() {
    let servers = Servers::start(3);
    for server in servers.iter() {
        server.command(&["ACL", "SETUSER", "worker", "on", ">pass", "~lock:*", "+@all"]).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port()));
    let client = A::client(&urls.collect::<Vec<_>>());
    let text = assert_unavailable(&client, 3, Cause::NoPermission).await;
    assert!(text.contains("check the user's ACL"), "{text}");
    assert!(client.try_lock("lock:job", TTL).await.is_ok());
}
