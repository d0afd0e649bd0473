//! A whole cluster as one node, over connections of our own and over the cluster clients of redis-rs and of fred.

use std::future::IntoFuture as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use redlock_core::slots::slot_of;
use redlock_tokio::{AcquireError, Cause, ClusterNode, Outcome, Redlock, ReleaseVerdict, RestartGuard};

use crate::fixture::{
    Cluster, SOON, TTL, assert_warned, take_over, two_masters, wait_for_health, wait_until_connected,
};
use crate::kind::Kind;

/// Returns names whose slots are in this third of all.
fn names_in(third: u16) -> impl Iterator<Item = String> {
    let is_there = move |name: &String| slot_of(name.as_bytes()) / 5_461 == third;
    (0..1_000).map(|number: u32| format!("job:{number}")).filter(is_there)
}

fn name_in(third: u16) -> String {
    names_in(third).next().unwrap()
}

/// Gives each kind a name of its own whose slot is in this third of all.
fn kinds_with_names_in(third: u16) -> impl Iterator<Item = (Kind, String)> {
    Kind::ALL.into_iter().zip(names_in(third))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_all_slots_are_locked_released_and_waited_for_beside_two_masters() {
    let (cluster, plain) = (Cluster::start(3), two_masters());
    let build = |kind: Kind| {
        let builder = Redlock::builder().node(kind.node(&cluster.urls()[..2]));
        builder.nodes(plain.urls()).build().unwrap()
    };
    let other = build(Kind::Own);
    for kind in Kind::ALL {
        let one = build(kind);
        for redlock in [&one, &other] {
            assert_warned(&wait_until_connected(redlock));
        }
        assert_eq!(one.health().nodes[0].facts.mode(), Some("cluster"), "{kind:?}");
        assert_eq!(one.health().nodes[0].facts.run_id(), other.health().nodes[0].facts.run_id(), "{kind:?}");
        for third in 0..3 {
            let name = name_in(third);
            let guard = one.lock(&name, TTL).await.unwrap();
            let is_there = redlock_tests::wait_until(SOON, || cluster.holder_of(&name) == Some(third.into()));
            assert!(is_there, "{kind:?}: {:?} has {name}", cluster.holder_of(&name));
            assert!(other.try_lock(&name, TTL).await.is_err(), "{kind:?}");
            let waiting = tokio::spawn(other.lock(&name, TTL).wait(SOON));
            wait_for_health(&other, |health| health.locks.waiting == 1);
            assert!(guard.release().await.verdict == ReleaseVerdict::Released);
            assert!(waiting.await.unwrap().unwrap().release().await.verdict == ReleaseVerdict::Released);
            let is_gone = redlock_tests::wait_until(SOON, || cluster.holder_of(&name).is_none());
            assert!(is_gone, "{kind:?}: {:?} has {name}", cluster.holder_of(&name));
        }
        one.close().await;
    }
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_extended_and_what_is_given_up_at_any_moment_leaves_no_key() {
    let cluster = Cluster::start(3);
    for kind in Kind::ALL {
        let redlock = Redlock::builder().node(kind.node(&cluster.urls())).build().unwrap();
        let mut guard = redlock.lock("extended", TTL).await.unwrap();
        guard.extend(2 * TTL).await.unwrap();
        assert!(guard.remaining() > TTL, "{kind:?}");
        guard.release().await;
        // A release that overtakes its SET leaves the key for the whole TTL.
        for number in 0..1_000 {
            drop(redlock.lock(format!("{kind:?}:{number}"), 10 * SOON).into_future().now_or_never());
            if number % 20 == 0 {
                tokio::task::yield_now().await;
            }
        }
        redlock.close().await;
        let left =
            || -> String { cluster.masters.iter().map(|master| master.command(&["KEYS", "*"]).unwrap()).collect() };
        assert!(redlock_tests::wait_until(SOON, || left().is_empty()), "{kind:?}: {}", left());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_has_moved_is_found_again() {
    let cluster = Cluster::start(3);
    for (kind, name) in kinds_with_names_in(0) {
        let builder = Redlock::builder().node(kind.node(&cluster.urls()[..1]));
        let redlock = builder.restart_guard(RestartGuard::SEEN).build().unwrap();
        redlock.lock(&name, TTL).await.unwrap().release().await;
        for to in [1, 2, 0] {
            cluster.move_slot(slot_of(name.as_bytes()), to);
            let guard = redlock.lock(&name, TTL).wait(SOON).await.unwrap();
            assert_eq!(cluster.holder_of(&name), Some(to), "{kind:?}: the same masters, so the node has its vote");
            assert!(guard.release().await.verdict == ReleaseVerdict::Released);
        }
        redlock.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_nobody_serves_is_used_as_soon_as_somebody_does() {
    let cluster = Cluster::start(3);
    for master in &cluster.masters {
        master.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).unwrap();
    }
    for (kind, name) in kinds_with_names_in(0) {
        let slot = slot_of(name.as_bytes()).to_string();
        for master in &cluster.masters {
            master.command(&["CLUSTER", "DELSLOTS", &slot]).unwrap();
        }
        let redlock = Redlock::builder().node(kind.node(&cluster.urls()[..1])).build().unwrap();
        let refused = redlock.lock(&name, TTL).wait(Duration::from_millis(200)).await.unwrap_err().to_string();
        assert!(kind != Kind::Own || refused.contains("no master serves slot"), "{refused}");
        cluster.masters[0].command(&["CLUSTER", "ADDSLOTS", &slot]).unwrap();
        redlock.lock(&name, TTL).wait(SOON).await.unwrap_or_else(|error| panic!("{kind:?}: {error}")).release().await;
        redlock.close().await;
    }
}

/// Two handles over one kind of node, and the name that they lock.
struct Pair {
    kind: Kind,
    name: String,
    trusts: Redlock,
    guards: Redlock,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_is_found_and_has_no_vote_where_its_predecessor_was_known() {
    let (cluster, short) = (Cluster::start(3), Duration::from_secs(1));
    let mut replica = cluster.add_replica_of(0);
    let mut pairs = Vec::new();
    for (kind, name) in kinds_with_names_in(0) {
        let builder = || Redlock::builder().node(kind.node(&cluster.urls()));
        let trusts = builder().restart_guard(RestartGuard::OFF).build().unwrap();
        let guards = builder().build().unwrap();
        for redlock in [&trusts, &guards] {
            redlock.lock(&name, short).await.unwrap().release().await;
        }
        pairs.push(Pair { kind, name, trusts, guards });
    }

    take_over(&replica, &[]);
    for Pair { kind, name, trusts, guards } in &pairs {
        let guard = trusts.lock(name, short).wait(SOON).await.unwrap();
        assert!(replica.get(name).unwrap().is_some(), "{kind:?}");
        guard.release().await;
        drop(guards.try_lock(name, short).await);
        let health = wait_for_health(guards, |health| health.nodes[0].quarantine.is_some());
        assert_warned(&health);
        let guard = guards.lock(name, short).wait(SOON).await.unwrap();
        assert!(guards.health().nodes[0].quarantine.is_none(), "{kind:?}");
        guard.release().await;
    }

    // Now without a word from the master.
    replica.kill();
    take_over(&cluster.masters[0], &["TAKEOVER"]);
    for Pair { kind, name, trusts, guards } in pairs {
        let guard = trusts.lock(&name, short).wait(SOON).await.unwrap();
        assert_eq!(cluster.holder_of(&name), Some(0), "{kind:?}");
        guard.release().await;
        trusts.close().await;
        guards.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_names_must_lie_in_one_slot() {
    let cluster = Cluster::start(3);
    for kind in Kind::ALL {
        let redlock = Redlock::builder().node(kind.node(&cluster.urls())).build().unwrap();
        let both = redlock.lock_all(["{orders}:1", "{orders}:2"], TTL).await.unwrap();
        assert!(both.is_valid());
        both.release().await;
        let apart = redlock.lock_all([name_in(0), name_in(1)], TTL).wait(Duration::from_secs(5)).await.unwrap_err();
        let AcquireError::Unavailable(attempts) = &apart else { panic!("{kind:?}: {apart}") };
        assert_eq!(attempts.count, 1, "{kind:?}: waiting does not cure it");
        assert!(apart.to_string().contains("give them a hash tag in common"), "{kind:?}: {apart}");
        for name in ["plain", "{orders}:3"] {
            let fenced = redlock.lock(name, TTL).fenced().await.unwrap();
            assert!(fenced.fence().is_some());
            fenced.release().await;
        }
        redlock.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_was_started_again_costs_the_node_its_vote_for_a_while() {
    let short = Duration::from_secs(2);
    let (mut cluster, plain) = (Cluster::start(3), two_masters());
    let mut handles = Vec::new();
    for (kind, name) in Kind::ALL.into_iter().chain([Kind::RedisRsResp2]).zip(names_in(2)) {
        let node = kind.node(&cluster.urls());
        let redlock = Redlock::builder().node(node).nodes(plain.urls()).build().unwrap();
        let before = wait_until_connected(&redlock);
        redlock.lock(&name, short).await.unwrap().release().await;
        handles.push((kind, name, redlock, before));
    }
    cluster.masters[2].kill();
    cluster.masters[2].restart();
    for (kind, name, redlock, before) in &handles {
        // A node that nobody uses need not notice.
        while redlock.health().nodes[0].facts.run_id() == before.nodes[0].facts.run_id() {
            redlock.lock(name, short).await.unwrap().release().await;
        }
        let health = redlock.health();
        assert!(health.nodes[0].quarantine.is_some(), "{kind:?}: {health}");
    }
    for (.., redlock, _) in handles {
        assert_warned(&wait_for_health(&redlock, |health| health.voters() == 3));
        redlock.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_member_of_a_cluster_is_no_such_node() {
    let plain = two_masters();
    for kind in Kind::ALL {
        let redlock = Redlock::builder().node(kind.node(&plain.urls()[..1])).build().unwrap();
        let refused = redlock.lock("job", TTL).wait(Duration::from_millis(200)).await.unwrap_err();
        let AcquireError::Unavailable(attempts) = &refused else { panic!("{kind:?}: {refused}") };
        let is_not_sent =
            |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
        assert_eq!(attempts.nodes.count(is_not_sent), 1, "{kind:?}: {refused}");
        assert!(refused.to_string().contains("cluster support disabled"), "{kind:?}: {refused}");
        redlock.close().await;
    }
}

#[test]
fn a_client_is_the_same_node_as_its_members() {
    let urls = ["redis://127.0.0.1:2".to_string(), "redis://127.0.0.1:1".to_string()];
    let own = ClusterNode::new(&urls).into_transport::<redlock_tokio::Tokio>().unwrap().name();
    assert_eq!(own, "cluster@127.0.0.1:1,127.0.0.1:2");
    assert_eq!(Kind::fred_node(&urls).into_transport().unwrap().name(), own);
}
