//! Other Redlock libraries, which keep a string with a TTL at the resource's name, and Redisson, which keeps a hash.

use redlock_driver::{AcquireError, ReleaseVerdict};
use redlock_tests::wait_until;

use crate::adapter::Adapter;
use crate::fixture::{Fixture, NODE_COUNTS, TTL};

pub(crate) async fn a_lock_set_by_hand_excludes_ours<A: Adapter>() {
    for count in NODE_COUNTS {
        let nodes = Fixture::<A>::start(count);
        for server in nodes.servers.iter() {
            assert_eq!(server.command(&["SET", "job", "by-hand", "NX", "PX", "60000"]).unwrap(), "OK");
        }
        let error = nodes.redlock.try_lock("job", TTL).await.unwrap_err();
        assert!(matches!(error, AcquireError::Contended(_)), "{error}");
        let mine = |server: &redlock_tests::Server| server.get("job").unwrap().is_some_and(|value| value == b"by-hand");
        assert!(nodes.servers.iter().all(mine), "it was not touched");
    }
}

pub(crate) async fn ours_excludes_a_lock_set_by_hand_until_it_is_released<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    let set_by_hand = |server: &redlock_tests::Server| {
        server.command(&["SET", "job", "by-hand", "NX", "PX", "60000"]).unwrap() == "OK"
    };
    assert!(!nodes.servers.iter().any(set_by_hand));
    guard.release().await;
    nodes.assert_gone("job");
    assert!(nodes.servers.iter().all(set_by_hand));
}

pub(crate) async fn a_key_of_another_type_is_somebody_elses_lock<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    for server in nodes.servers.iter() {
        server.command(&["HSET", "job", "owner", "1"]).unwrap();
    }
    let error = nodes.redlock.try_lock("job", TTL).await.unwrap_err();
    assert!(matches!(error, AcquireError::Contended(_)), "{error}");

    let guard = nodes.redlock.lock("other", TTL).await.unwrap();
    nodes.wait_until_everywhere("other");
    for server in nodes.servers.iter() {
        server.command(&["DEL", "other"]).unwrap();
        server.command(&["HSET", "other", "owner", "1"]).unwrap();
    }
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::TakenOver);
    assert!(nodes.servers.iter().all(|server| server.command(&["TYPE", "other"]).unwrap() == "hash"));
}

pub(crate) async fn a_release_is_announced_on_every_node<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    guard.release().await;
    let announced = |server: &redlock_tests::Server| {
        server.command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_publish:calls=1,")
    };
    assert!(wait_until(TTL, || nodes.servers.iter().all(announced)));
}
