//! Waiting for a lock that somebody else has, and not waiting any more.

use std::thread;
use std::time::Instant;

use redlock_blocking::{AcquireError, LockGuard, Redlock};
use redlock_tests::{Server, wait_until};

use crate::fixture::{Fixture, SOON, TTL, node_timeout};

#[test]
fn a_thread_that_waits_for_its_next_attempt_keeps_nobody_from_the_connections() {
    let nodes = Fixture::start(3);
    let redlock = Redlock::builder().nodes(nodes.servers.urls()).build().unwrap();
    let held = redlock.lock("job", TTL).unwrap();
    let acquire = redlock.acquire("job", TTL).wait(TTL);
    let abort = acquire.abort_handle();
    let waiting = thread::spawn(move || acquire.lock());
    let begin = Instant::now();
    for number in 0..100 {
        drop(redlock.lock(format!("other-{number}"), TTL).unwrap());
    }
    assert!(begin.elapsed() < TTL / 2, "{:?}", begin.elapsed());
    abort.abort();
    assert_eq!(waiting.join().unwrap().unwrap_err(), AcquireError::Aborted);
    assert!(held.is_valid());
}

/// Starts to wait for a lock on another thread, does something about it when it waits, and returns the result.
fn while_waiting(nodes: &Fixture, end: impl FnOnce(redlock_blocking::AbortHandle)) -> Result<LockGuard, AcquireError> {
    let acquire = nodes.redlock.acquire("job", TTL).wait(TTL);
    let abort = acquire.abort_handle();
    let sets = || nodes.servers[2].command(&["INFO", "commandstats"]).unwrap();
    let before = sets();
    let waiting = thread::spawn(move || acquire.lock());
    assert!(wait_until(SOON, || sets() != before), "it has made an attempt");
    let begin = Instant::now();
    end(abort);
    let result = waiting.join().unwrap();
    assert!(begin.elapsed() < TTL / 2, "{:?}", begin.elapsed());
    result
}

#[test]
fn an_abort_ends_the_waiting_and_leaves_the_holder_alone() {
    let nodes = Fixture::start(3);
    let held = nodes.rival().lock("job", TTL * 2).unwrap();
    nodes.wait_until_everywhere("job");
    let aborted = while_waiting(&nodes, |abort| {
        assert!(!abort.is_aborted());
        abort.abort();
        assert!(abort.is_aborted());
    });
    assert_eq!(aborted.unwrap_err(), AcquireError::Aborted);
    assert_eq!(nodes.keys("job"), 3);
    drop(held);
    nodes.assert_gone("job");
}

#[test]
fn an_abort_ends_the_waiting_for_nodes_that_hang_and_nothing_is_left() {
    let nodes = Fixture::start(3);
    drop(nodes.redlock.lock("warm-up", TTL).unwrap());
    nodes.servers[..2].iter().for_each(Server::pause);
    let aborted = while_waiting(&nodes, |abort| abort.abort());
    assert_eq!(aborted.unwrap_err(), AcquireError::Aborted);
    nodes.servers[..2].iter().for_each(Server::resume);
    nodes.wait_until_awake();
    nodes.assert_gone("job");
}

#[test]
fn what_is_aborted_before_it_begins_sends_nothing() {
    let nodes = Fixture::start(1);
    let acquire = nodes.redlock.acquire("job", TTL);
    acquire.abort_handle().abort();
    assert_eq!(acquire.lock().unwrap_err(), AcquireError::Aborted);
    assert!(!nodes.servers[0].command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_set:"));
}

#[test]
fn an_abort_after_the_lock_was_acquired_does_not_touch_it() {
    let nodes = Fixture::start(1);
    let acquire = nodes.redlock.acquire("job", TTL);
    let abort = acquire.abort_handle();
    let guard = acquire.lock().unwrap();
    abort.abort();
    assert!(guard.is_valid());
    assert_eq!(nodes.keys("job"), 1);
}

#[test]
fn a_close_ends_the_waiting() {
    let nodes = Fixture::start(3);
    let _held = nodes.rival().lock("job", TTL * 2).unwrap();
    let closed = while_waiting(&nodes, |_| assert_eq!(nodes.redlock.close().unsettled, 0));
    assert_eq!(closed.unwrap_err(), AcquireError::Closed);
}

#[test]
fn close_does_not_wait_for_ever_for_a_node_that_hangs() {
    let nodes = Fixture::start(3);
    let guard = nodes.redlock.lock("job", TTL).unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers[0].pause();
    drop(guard);
    let begin = Instant::now();
    assert_eq!(nodes.redlock.close().unsettled, 1);
    assert!(begin.elapsed() < node_timeout() * 3, "{:?}", begin.elapsed());
    nodes.servers[0].resume();
    assert!(wait_until(SOON, || nodes.keys("job") == 0), "the work goes on in the background");
}
