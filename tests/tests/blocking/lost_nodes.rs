//! Nodes that are dead, hung, or back again.

use std::process::Command;
use std::time::{Duration, Instant};

use redlock_blocking::health::{ConnectionState, Health};
use redlock_blocking::{AcquireError, Cause, NodeTimeout, Outcome, Redlock, ReleaseVerdict};
use redlock_tests::{Server, Servers, wait_until};

use crate::fixture::{Fixture, SOON, TTL, node_timeout};

/// Takes, extends and releases a lock; how long that took.
fn live(redlock: &Redlock) -> Duration {
    let begin = Instant::now();
    let mut guard = redlock.try_lock("job", TTL).unwrap_or_else(|error| panic!("{error}"));
    guard.extend(TTL).unwrap();
    let report = guard.release();
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
    begin.elapsed()
}

/// Until all nodes are connected and know the script of a release; one that is slow could keep its key a little longer.
fn warm_up(nodes: &Fixture) {
    let guard = nodes.redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    guard.release();
    nodes.assert_gone("job");
}

#[test]
fn a_minority_that_is_dead_at_the_start_is_no_error_and_costs_no_time() {
    for (count, dead) in [(3, 1), (4, 1), (5, 2)] {
        let mut nodes = Fixture::start(count);
        nodes.servers[..dead].iter_mut().for_each(Server::kill);
        let took = live(&nodes.newcomer());
        assert!(took < node_timeout() / 2, "{took:?}");
        nodes.assert_gone("job");
    }
}

#[test]
fn a_health_report_of_an_idle_handle_notices_a_node_that_was_killed_and_one_that_is_back() {
    let mut servers = Servers::start(3);
    // Nothing else looks at the connections then.
    let redlock = Redlock::builder().nodes(servers.urls()).ping_interval(None).build().unwrap();
    let is = |what: &dyn Fn(&Health) -> bool| {
        assert!(wait_until(SOON, || what(&redlock.health())), "{}", redlock.health());
    };
    is(&|health| health.voters() == 3);
    servers[1].kill();
    is(&|health| matches!(health.nodes[1].connection, ConnectionState::Down { .. }) && health.voters() == 2);
    servers[1].restart();
    is(&|health| matches!(health.nodes[1].connection, ConnectionState::Connected { .. }));
    redlock.close();
}

#[test]
fn a_minority_that_hangs_costs_its_deadline_at_most_once() {
    for (count, hung) in [(3, 1), (4, 1), (5, 2)] {
        let nodes = Fixture::start(count);
        warm_up(&nodes);
        nodes.servers[..hung].iter().for_each(Server::pause);
        let first = live(&nodes.redlock);
        assert!(first < node_timeout(), "{first:?}");
        let mut later: Vec<_> = (0..50).map(|_| live(&nodes.redlock)).collect();
        later.sort();
        assert!(later[25] < node_timeout() / 20, "a round is not held up: {later:?}");
        nodes.servers[..hung].iter().for_each(Server::resume);
        nodes.wait_until_awake();
        nodes.assert_gone("job");
    }
}

#[test]
fn a_minority_that_hangs_at_the_start_costs_no_more() {
    let nodes = Fixture::start(3);
    nodes.servers[0].pause();
    let redlock = nodes.newcomer();
    let first = live(&redlock);
    assert!(first < node_timeout(), "{first:?}");
    nodes.servers[0].resume();
}

#[test]
fn a_node_that_hung_is_used_again_when_it_goes_on() {
    let nodes = Fixture::start(3);
    live(&nodes.redlock);
    nodes.servers[0].pause();
    // More commands than a connection may leave unanswered.
    for number in 0..300 {
        drop(nodes.redlock.lock(format!("job-{number}"), TTL).unwrap());
    }
    nodes.servers[0].resume();
    nodes.wait_until_awake();
    assert_eq!(nodes.redlock.close().unsettled, 0);
    let is_empty = |server: &Server| server.command(&["DBSIZE"]).unwrap() == "0";
    assert!(wait_until(SOON, || nodes.servers.iter().all(is_empty)));
    let again = nodes.rival().lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    drop(again);
}

#[test]
fn without_a_quorum_the_error_names_the_nodes_and_nothing_is_left() {
    for (count, dead) in [(1, 1), (3, 2), (4, 2), (5, 3)] {
        let mut nodes = Fixture::start(count);
        nodes.servers[..dead].iter_mut().for_each(Server::kill);
        let budget = Duration::from_millis(300);
        let begin = Instant::now();
        let error = nodes.redlock.acquire("job", TTL).wait(budget).lock().unwrap_err();
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

#[test]
fn when_a_quorum_hangs_nothing_is_left_behind_once_it_goes_on() {
    let nodes = Fixture::start(3);
    live(&nodes.redlock);
    nodes.servers[..2].iter().for_each(Server::pause);
    let budget = Duration::from_millis(300);
    let begin = Instant::now();
    let error = nodes.redlock.acquire("job", TTL).wait(budget).lock().unwrap_err();
    assert!(begin.elapsed() < budget * 2, "within the budget, not {:?}", begin.elapsed());
    assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no answer in time"), "{error}");
    nodes.servers[..2].iter().for_each(Server::resume);
    nodes.wait_until_awake();
    nodes.assert_gone("job");
}

#[test]
fn dropping_a_guard_does_not_wait_for_nodes_that_hang() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers.iter().for_each(Server::pause);
    let begin = Instant::now();
    drop(guard);
    assert!(begin.elapsed() < node_timeout() / 10, "{:?}", begin.elapsed());
    nodes.servers.iter().for_each(Server::resume);
    nodes.wait_until_awake();
    nodes.assert_gone("job");
}

#[test]
fn a_guard_that_is_dropped_while_another_call_waits_for_nodes_does_not_wait_for_it() {
    let nodes = Fixture::start(3);
    let redlock = Redlock::builder().nodes(nodes.servers.urls()).build().unwrap();
    let guard = redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[..2].iter().for_each(Server::pause);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| redlock.try_lock("other", TTL));
        let has_begun = || nodes.servers[2].get("other").unwrap().is_some();
        assert!(wait_until(SOON, has_begun));
        let begin = Instant::now();
        drop(guard);
        assert!(begin.elapsed() < node_timeout() / 10, "{:?}", begin.elapsed());
        let is_sent = || nodes.servers[2].get("job").unwrap().is_none();
        assert!(wait_until(node_timeout() / 2, is_sent), "whoever waits sends it");
        assert!(waiting.join().unwrap().is_err());
    });
    nodes.servers[..2].iter().for_each(Server::resume);
    nodes.wait_until_awake();
    nodes.assert_gone("job");
    nodes.assert_gone("other");
}

#[test]
fn a_node_that_is_back_is_used_again_without_a_restart() {
    let mut nodes = Fixture::start(3);
    warm_up(&nodes);
    nodes.servers[0].kill();
    live(&nodes.redlock);
    nodes.servers[0].restart();
    let mut number = 0;
    let is_used = || {
        number += 1;
        drop(nodes.redlock.lock(format!("job-{number}"), TTL));
        nodes.servers[0].command(&["INFO", "commandstats"]).is_ok_and(|stats| stats.contains("cmdstat_set:"))
    };
    assert!(wait_until(SOON, is_used), "the node is asked again");
}

#[test]
fn nodes_that_were_all_restarted_while_nobody_looked_are_used_at_once() {
    let pass = |time| {
        let begin = Instant::now();
        assert!(wait_until(SOON, || begin.elapsed() > time));
    };
    // They forget nothing, so the restart guard lets them vote, although they have been running for a while when they are found.
    let mut nodes = Fixture::over(Server::builder().persistent(true).start_many(3));
    live(&nodes.redlock);
    // Until nobody looks for late replies any more.
    pass(Duration::from_millis(300));
    nodes.servers.iter_mut().for_each(Server::restart);
    pass(Duration::from_millis(2_200));
    live(&nodes.redlock);
}

#[test]
fn a_lock_that_is_extended_outlives_the_restart_of_every_node_one_at_a_time() {
    let mut nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", TTL * 3).unwrap();
    nodes.wait_until_everywhere("job");
    for index in 0..nodes.servers.len() {
        nodes.servers[index].kill();
        nodes.servers[index].restart();
        let begin = Instant::now();
        while nodes.keys("job") < nodes.servers.len() {
            assert!(begin.elapsed() < SOON, "the node that restarted is given the key again");
            guard.extend(TTL * 3).unwrap();
        }
    }
    assert!(guard.is_valid());
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job");
}

#[test]
fn a_node_that_missed_the_release_is_told_when_it_is_back() {
    let mut nodes = Fixture::over(Server::builder().persistent(true).start_many(3));
    let guard = nodes.redlock.lock("job", TTL * 6).unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[0].kill();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
    nodes.servers[0].restart();
    assert!(wait_until(SOON, || nodes.keys("job") == 0), "long before its TTL is over");
}

#[test]
fn without_a_quorum_a_release_is_unconfirmed_and_done_later() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[..2].iter().for_each(Server::pause);
    assert_eq!(guard.release().verdict, ReleaseVerdict::Unconfirmed);
    nodes.servers[..2].iter().for_each(Server::resume);
    nodes.wait_until_awake();
    nodes.assert_gone("job");
}

#[test]
fn a_process_that_is_stopped_and_goes_on_while_it_waits_keeps_its_connections() {
    let server = Server::start();
    let patient = NodeTimeout::fixed(SOON);
    let redlock = Redlock::builder().node(server.url()).node_timeout(patient).build().unwrap();
    redlock.lock("job", TTL).unwrap().release();
    server.pause();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| redlock.try_lock("job", TTL));
        for _ in 0..3 {
            // It is this process that the shell stops.
            let stop_and_go = "kill -STOP $PPID; sleep 0.01; kill -CONT $PPID";
            assert!(Command::new("sh").args(["-c", stop_and_go]).status().unwrap().success());
        }
        server.resume();
        drop(waiting.join().unwrap().unwrap());
    });
}
