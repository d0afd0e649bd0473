//! One lock's life on healthy nodes.

use std::time::Duration;

use redlock_blocking::redis::Client;
use redlock_blocking::{AcquireError, ExtendError, LockGuard, Loss, Redlock, ReleaseVerdict};
use redlock_tests::{Server, Servers, wait_until};

use crate::fixture::{Fixture, NODE_COUNTS, SOON, TTL};

/// Long enough to be taken and extended on a busy machine, short enough to wait for its end.
const SHORT: Duration = Duration::from_millis(400);

fn wait_until_lost(guard: &LockGuard) {
    assert!(wait_until(SOON, || !guard.is_valid()));
}

#[test]
fn a_lock_is_on_all_nodes_excludes_others_is_extended_and_released() {
    for count in NODE_COUNTS {
        let nodes = Fixture::start(count);
        let mut guard = nodes.redlock.lock("job", TTL).unwrap();
        assert!(guard.is_valid() && guard.remaining() <= TTL);
        nodes.wait_until_everywhere("job");

        let refused = nodes.rival().try_lock("job", TTL).unwrap_err();
        assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");

        let deadline = guard.extend(TTL * 3).unwrap();
        assert_eq!(guard.deadline(), deadline);
        assert!(guard.remaining() > TTL * 2);
        let ttl = |server: &Server| server.command(&["PTTL", "job"]).unwrap().parse::<u128>().unwrap();
        let extended = || nodes.servers.iter().all(|server| ttl(server) > (TTL * 2).as_millis());
        assert!(wait_until(SOON, extended), "all {count} nodes are extended");

        let report = guard.release();
        assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
        nodes.assert_gone("job");
        assert!(nodes.rival().try_lock("job", TTL).is_ok());
    }
}

#[test]
fn one_handle_excludes_itself() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", TTL).unwrap();
    let refused = nodes.redlock.try_lock("job", TTL).unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    guard.release();
    assert!(nodes.redlock.try_lock("job", TTL).is_ok());
}

#[test]
fn a_lock_ends_with_its_deadline_and_somebody_else_gets_it() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", SHORT).unwrap();
    wait_until_lost(&guard);
    nodes.wait_until_expired("job");
    let successor = nodes.rival().lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    assert_eq!(guard.extend(TTL), Err(ExtendError::Lost(Loss::Expired)));
    assert_eq!(guard.release().verdict, ReleaseVerdict::TakenOver);
    assert_eq!(nodes.keys("job"), 3, "the successor's keys are untouched");
    assert_eq!(successor.release().verdict, ReleaseVerdict::Released);
}

#[test]
fn releasing_an_expired_lock_is_no_error() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", SHORT).unwrap();
    wait_until_lost(&guard);
    nodes.wait_until_expired("job");
    assert_eq!(guard.release().verdict, ReleaseVerdict::AlreadyExpired);
}

#[test]
fn a_short_extension_does_not_shorten_the_lock() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).unwrap();
    let deadline = guard.deadline();
    assert_eq!(guard.extend(Duration::from_millis(10)).unwrap(), deadline);
}

#[test]
fn a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    for server in &nodes.servers[..2] {
        server.command(&["FLUSHALL"]).unwrap();
    }
    let lost = guard.extend(TTL).unwrap_err();
    assert!(matches!(lost, ExtendError::Lost(Loss::KeysGone(_))), "{lost}");
    assert!(!guard.is_valid());
    nodes.assert_gone("job");
}

#[test]
fn a_dropped_guard_is_released_at_once_also_on_another_thread_and_after_its_handle() {
    let nodes = Fixture::start(3);
    let rival = nodes.rival();
    let guard = rival.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    drop(rival);
    std::thread::spawn(move || drop(guard)).join().unwrap();
    nodes.assert_gone("job");
}

#[test]
fn after_close_nothing_is_left_and_nothing_more_is_acquired() {
    let nodes = Fixture::start(3);
    let guards: Vec<_> = (0..100).map(|number| nodes.redlock.lock(format!("job-{number}"), TTL).unwrap()).collect();
    drop(guards);
    let report = nodes.redlock.close();
    assert_eq!((report.unsettled, report.held), (0, 0));
    let sizes = nodes.servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap());
    assert_eq!(sizes.collect::<Vec<_>>(), ["0", "0", "0"]);
    assert_eq!(nodes.redlock.try_lock("job", TTL).unwrap_err(), AcquireError::Closed);
}

#[test]
fn a_guard_that_is_held_while_the_handle_is_closed_keeps_its_lock() {
    let nodes = Fixture::start(3);
    let mut guard = nodes.redlock.lock("job", TTL).unwrap();
    let report = nodes.redlock.close();
    assert_eq!((report.unsettled, report.held), (0, 1));
    guard.extend(TTL).unwrap();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
}

#[test]
fn nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere() {
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
    let guard = redlock.lock("job", TTL).unwrap();
    let everywhere = || servers.iter().chain([&socket]).all(|server| server.get("job").unwrap().is_some());
    assert!(wait_until(SOON, everywhere));
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
}
