//! Nodes that are dead, hung, or back again.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use redlock_driver::{AcquireError, Cause, Outcome, ReleaseVerdict};
use redlock_tests::{Server, wait_until};

use crate::adapter::{Adapter, Redlock};
use crate::fixture::{Fixture, GONE_WITHIN, TTL, half_a_node_timeout};

/// Long enough for a node that is back to be noticed.
const SOON: Duration = Duration::from_secs(5);

/// Takes, extends and releases a lock, and asserts that no step waited for a silent node.
async fn assert_no_waiting<A: Adapter>(redlock: &Redlock<A>) {
    let mut steps = Vec::new();
    let mut begin = Instant::now();
    let mut step = |name| {
        steps.push((name, begin.elapsed()));
        begin = Instant::now();
    };
    let mut guard = redlock.try_lock("job", TTL).await.unwrap_or_else(|error| panic!("{error}"));
    step("lock");
    guard.extend(TTL).await.unwrap();
    step("extend");
    let report = guard.release().await;
    step("release");
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
    assert!(steps.iter().all(|(_, took)| *took < half_a_node_timeout()), "{steps:?}");
}

pub(crate) async fn a_minority_that_is_dead_at_the_start_is_no_error_and_costs_no_time<A: Adapter>() {
    for (count, dead) in [(3, 1), (4, 1), (5, 2)] {
        let mut nodes = Fixture::<A>::start(count);
        nodes.servers[..dead].iter_mut().for_each(Server::kill);
        let redlock = nodes.rival();
        assert_no_waiting::<A>(&redlock).await;
        nodes.assert_gone("job");
    }
}

pub(crate) async fn a_minority_that_hangs_costs_no_time<A: Adapter>() {
    for (count, hung) in [(3, 1), (4, 1), (5, 2)] {
        let nodes = Fixture::<A>::start(count);
        // A release that a node has to ask the text for comes late; after this all nodes know the scripts.
        let rival = nodes.rival();
        assert_no_waiting::<A>(&rival).await;
        assert_eq!(rival.close().await.unsettled, 0);
        assert_no_waiting::<A>(&nodes.redlock).await;
        nodes.servers[..hung].iter().for_each(Server::pause);
        for _ in 0..3 {
            assert_no_waiting::<A>(&nodes.redlock).await;
        }
        nodes.servers[..hung].iter().for_each(Server::resume);
        assert!(wait_until(SOON, || nodes.servers[..hung].iter().all(|server| server.command(&["PING"]).is_ok())));
        nodes.assert_gone("job");
    }
}

pub(crate) async fn a_lock_outlives_the_death_of_a_minority<A: Adapter>() {
    for (count, dead) in [(3, 1), (5, 2)] {
        let mut nodes = Fixture::<A>::start(count);
        let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
        nodes.servers[..dead].iter_mut().for_each(Server::kill);
        guard.extend(TTL * 2).await.unwrap();
        assert!(guard.remaining() > TTL);
        assert!(nodes.rival().try_lock("job", TTL).await.is_err());
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        nodes.assert_gone("job");
    }
}

pub(crate) async fn without_a_quorum_the_error_names_the_nodes_and_nothing_is_left<A: Adapter>() {
    for (count, dead) in [(1, 1), (3, 2), (4, 2), (5, 3)] {
        let mut nodes = Fixture::<A>::start(count);
        nodes.servers[..dead].iter_mut().for_each(Server::kill);
        let budget = Duration::from_millis(300);
        let begin = Instant::now();
        let error = nodes.redlock.lock("job", TTL).wait(budget).await.unwrap_err();
        assert!(begin.elapsed() < budget * 2, "within the budget, not {:?}", begin.elapsed());
        let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
        let unreachable =
            |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
        assert_eq!(attempts.nodes.count(unreachable), dead, "{error}");
        for server in &nodes.servers[..dead] {
            assert!(error.to_string().contains(&format!("127.0.0.1:{}: not reachable", server.port())), "{error}");
        }
        nodes.assert_gone("job");
    }
}

pub(crate) async fn when_a_quorum_hangs_nothing_is_left_behind_once_it_goes_on<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    drop(nodes.redlock.lock("warm-up", TTL).await.unwrap());
    nodes.servers[..2].iter().for_each(Server::pause);
    let budget = Duration::from_millis(300);
    let begin = Instant::now();
    let error = nodes.redlock.lock("job", TTL).wait(budget).await.unwrap_err();
    assert!(begin.elapsed() < budget * 2, "within the budget, not {:?}", begin.elapsed());
    assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no answer in time"), "{error}");
    nodes.servers[..2].iter().for_each(Server::resume);
    assert!(wait_until(SOON, || nodes.servers.iter().all(|server| server.command(&["PING"]).is_ok())));
    nodes.assert_gone("job");
}

pub(crate) async fn a_node_that_is_back_is_used_again_without_a_restart<A: Adapter>() {
    let mut nodes = Fixture::<A>::start(3);
    nodes.servers[0].kill();
    drop(nodes.redlock.lock("job", TTL).await.unwrap());
    nodes.servers[0].restart();
    let mut number = 0;
    let used = || {
        number += 1;
        let name = format!("job-{number}");
        let guard = nodes.redlock.lock(&name, TTL).now_or_never();
        drop(guard);
        nodes.servers[0].command(&["INFO", "commandstats"]).is_ok_and(|stats| stats.contains("cmdstat_set:"))
    };
    assert!(wait_until(SOON, used), "the node is asked again");
}

pub(crate) async fn a_lock_that_is_extended_outlives_the_restart_of_every_node_one_at_a_time<A: Adapter>() {
    let mut nodes = Fixture::<A>::start(3);
    let mut guard = nodes.redlock.lock("job", TTL * 3).await.unwrap();
    nodes.wait_until_everywhere("job");
    for index in 0..nodes.servers.len() {
        nodes.servers[index].kill();
        nodes.servers[index].restart();
        let begin = Instant::now();
        while nodes.keys("job") < nodes.servers.len() {
            assert!(begin.elapsed() < SOON, "the node that restarted is given the key again");
            guard.extend(TTL * 3).await.unwrap();
        }
    }
    assert!(guard.is_valid());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job");
}

pub(crate) async fn a_node_that_missed_the_release_is_told_when_it_is_back<A: Adapter>() {
    let mut nodes = Fixture::<A>::over(Server::builder().persistent(true).start_many(3));
    let guard = nodes.redlock.lock("job", TTL * 6).await.unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[0].kill();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    nodes.servers[0].restart();
    assert!(wait_until(SOON, || nodes.keys("job") == 0), "long before its TTL is over");
}

pub(crate) async fn without_a_quorum_a_release_is_unconfirmed_and_done_later<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[..2].iter().for_each(Server::pause);
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Unconfirmed);
    nodes.servers[..2].iter().for_each(Server::resume);
    assert!(wait_until(GONE_WITHIN * 10, || nodes.keys("job") == 0));
}

pub(crate) async fn a_command_that_was_lost_with_its_node_is_not_sent_again<A: Adapter>() {
    let mut nodes = Fixture::<A>::start(1);
    drop(nodes.redlock.lock("warm-up", TTL).await.unwrap());
    nodes.servers[0].pause();
    let error = nodes.redlock.try_lock("lost", TTL).await.unwrap_err();
    assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
    nodes.servers[0].restart();
    nodes.redlock.lock("job", TTL).await.unwrap().release().await;
    let stats = nodes.servers[0].command(&["INFO", "commandstats"]).unwrap();
    assert!(stats.contains("cmdstat_set:calls=1,"), "only for the second lock: {stats}");
}
