//! A whole cluster as one node.

use std::time::Duration;

use redlock_core::slots::slot_of;
use redlock_tokio::{AcquireError, Cause, ClusterNode, Outcome, Redlock, ReleaseVerdict, RestartGuard};

use crate::fixture::{
    Cluster, SOON, TTL, assert_warned, take_over, two_masters, wait_for_health, wait_until_connected,
};

/// Returns a name whose slot is in this third of all.
fn name_in(third: u16) -> String {
    let is_there = |name: &String| slot_of(name.as_bytes()) / 5_461 == third;
    (0..1_000).map(|number: u32| format!("job:{number}")).find(is_there).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_all_slots_are_locked_released_and_waited_for_beside_two_masters() {
    let (cluster, plain) = (Cluster::start(3), two_masters());
    let build = || {
        let builder = Redlock::builder().node(ClusterNode::new(&cluster.urls()[..2]));
        builder.nodes(plain.urls()).build().unwrap()
    };
    let (one, other) = (build(), build());
    for redlock in [&one, &other] {
        assert_warned(&wait_until_connected(redlock));
    }
    assert_eq!(one.health().nodes[0].facts.mode(), Some("cluster"));
    for third in 0..3 {
        let name = name_in(third);
        let guard = one.lock(&name, TTL).await.unwrap();
        let is_there = redlock_tests::wait_until(SOON, || cluster.holder_of(&name) == Some(third.into()));
        assert!(is_there, "{:?} has {name}", cluster.holder_of(&name));
        assert!(other.try_lock(&name, TTL).await.is_err());
        let waiting = tokio::spawn(other.lock(&name, TTL).wait(SOON));
        wait_for_health(&other, |health| health.locks.waiting == 1);
        assert!(guard.release().await.verdict == ReleaseVerdict::Released);
        assert!(waiting.await.unwrap().unwrap().release().await.verdict == ReleaseVerdict::Released);
        let is_gone = redlock_tests::wait_until(SOON, || cluster.holder_of(&name).is_none());
        assert!(is_gone, "{:?} has {name}", cluster.holder_of(&name));
    }
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_has_moved_is_found_again() {
    let cluster = Cluster::start(3);
    let builder = Redlock::builder().node(ClusterNode::new([&cluster.urls()[0]]));
    let redlock = builder.restart_guard(RestartGuard::SEEN).build().unwrap();
    let name = name_in(0);
    redlock.lock(&name, TTL).await.unwrap().release().await;
    for to in [1, 2, 0] {
        cluster.move_slot(slot_of(name.as_bytes()), to);
        let guard = redlock.lock(&name, TTL).wait(SOON).await.unwrap();
        assert_eq!(cluster.holder_of(&name), Some(to), "the masters are the same, so the node has its vote");
        assert!(guard.release().await.verdict == ReleaseVerdict::Released);
    }
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_is_found_and_has_no_vote_where_its_predecessor_was_known() {
    let (cluster, short) = (Cluster::start(3), Duration::from_secs(1));
    let (mut replica, name) = (cluster.add_replica_of(0), name_in(0));
    let builder = || Redlock::builder().node(ClusterNode::new(cluster.urls()));
    let (trusts, guards) = (builder().restart_guard(RestartGuard::OFF).build().unwrap(), builder().build().unwrap());
    for redlock in [&trusts, &guards] {
        redlock.lock(&name, short).await.unwrap().release().await;
    }

    take_over(&replica, &[]);
    let guard = trusts.lock(&name, short).wait(SOON).await.unwrap();
    assert!(replica.get(&name).unwrap().is_some());
    guard.release().await;
    drop(guards.try_lock(&name, short).await);
    let health = wait_for_health(&guards, |health| health.nodes[0].quarantine.is_some());
    assert_warned(&health);
    let guard = guards.lock(&name, short).wait(SOON).await.unwrap();
    assert!(guards.health().nodes[0].quarantine.is_none());
    guard.release().await;

    // Now without a word from the master.
    replica.kill();
    take_over(&cluster.masters[0], &["TAKEOVER"]);
    let guard = trusts.lock(&name, short).wait(SOON).await.unwrap();
    assert_eq!(cluster.holder_of(&name), Some(0));
    guard.release().await;
    trusts.close().await;
    guards.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_names_must_lie_in_one_slot() {
    let cluster = Cluster::start(3);
    let redlock = Redlock::builder().node(ClusterNode::new(cluster.urls())).build().unwrap();
    let both = redlock.lock_all(["{orders}:1", "{orders}:2"], TTL).await.unwrap();
    assert!(both.is_valid());
    both.release().await;
    let apart = redlock.lock_all([name_in(0), name_in(1)], TTL).wait(Duration::from_secs(5)).await.unwrap_err();
    let AcquireError::Unavailable(attempts) = &apart else { panic!("{apart}") };
    assert_eq!(attempts.count, 1, "waiting does not cure it");
    assert!(apart.to_string().contains("give them a hash tag in common"), "{apart}");
    for name in ["plain", "{orders}:3"] {
        let fenced = redlock.lock(name, TTL).fenced().await.unwrap();
        assert!(fenced.fence().is_some());
        fenced.release().await;
    }
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_was_started_again_costs_the_node_its_vote_for_a_while() {
    let short = Duration::from_secs(2);
    let (mut cluster, plain) = (Cluster::start(3), two_masters());
    let redlock = Redlock::builder().node(ClusterNode::new(cluster.urls())).nodes(plain.urls()).build().unwrap();
    let before = wait_until_connected(&redlock);
    redlock.lock("job", short).await.unwrap().release().await;
    cluster.masters[2].kill();
    cluster.masters[2].restart();
    // A node that nobody uses need not notice.
    while redlock.health().nodes[0].facts.run_id() == before.nodes[0].facts.run_id() {
        redlock.lock("job", short).await.unwrap().release().await;
    }
    let health = redlock.health();
    assert!(health.nodes[0].quarantine.is_some(), "{health}");
    assert_warned(&wait_for_health(&redlock, |health| health.voters() == 3));
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_member_of_a_cluster_is_no_such_node() {
    let plain = two_masters();
    let redlock = Redlock::builder().node(ClusterNode::new([&plain.urls()[0]])).build().unwrap();
    let refused = redlock.lock("job", TTL).wait(Duration::from_millis(200)).await.unwrap_err();
    let AcquireError::Unavailable(attempts) = &refused else { panic!("{refused}") };
    let is_not_sent = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
    assert_eq!(attempts.nodes.count(is_not_sent), 1, "{refused}");
    assert!(refused.to_string().contains("cluster support disabled"), "{refused}");
    redlock.close().await;
}
