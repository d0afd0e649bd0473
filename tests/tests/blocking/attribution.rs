//! No reply is taken for another's, while nodes stop and go on at random.
//!
//! `REDLOCK_ROUNDS=10000` asks for more rounds, `REDLOCK_SEED` for the stops of a run that has failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use redlock_blocking::{AcquireError, Hold, NodeOutcomes, NodeTimeout, Outcome, Redlock, ReleaseVerdict};
use redlock_tests::{Server, Servers, wait_until};

use crate::fixture::{Fixture, SOON};

const DEFAULT_ROUNDS: u64 = 300;
const TTL: Duration = Duration::from_secs(20);

#[test]
fn replies_are_taken_for_nobody_elses_while_nodes_stop_and_go_on() {
    let Fixture { servers, .. } = Fixture::start(3);
    // A machine that is busy must not decide; two threads on one connection must not get each other's replies.
    let builder = Redlock::builder().nodes(servers.urls()).node_timeout(NodeTimeout::fixed(SOON));
    assert_holds(&servers, &builder.build().unwrap());
}

/// Two threads share the connections of a handle to three servers.
pub(crate) fn assert_holds(servers: &Servers, redlock: &Redlock) {
    let rounds = number("REDLOCK_ROUNDS").unwrap_or(DEFAULT_ROUNDS);
    let seed = number("REDLOCK_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("REDLOCK_SEED={seed} REDLOCK_ROUNDS={rounds}");
    let (is_over, begin) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| stop_and_go(servers, seed, &is_over));
        let worker = |thread: u64| {
            let half = (0..rounds).filter(move |number| number % 2 == thread);
            scope.spawn(move || half.for_each(|number| round(servers, redlock, number)))
        };
        let results = [worker(0), worker(1)].map(thread::ScopedJoinHandle::join);
        is_over.store(true, Ordering::Relaxed);
        for result in results {
            result.unwrap();
        }
    });
    eprintln!("{rounds} rounds in {:?}", begin.elapsed());
    assert_eq!(redlock.close().unsettled, 0);
    let is_empty = |server: &Server| server.command(&["DBSIZE"]).is_ok_and(|size| size == "0");
    assert!(wait_until(SOON, || servers.iter().all(is_empty)));
}

/// Takes a free lock, tries it while it is held, extends it, gives it back. A reply that belongs to another command
/// would grant what is held, refuse what is free, say what no server says to such a command, or not agree with the keys.
fn round(servers: &Servers, redlock: &Redlock, number: u64) {
    let name = format!("job-{number}");
    let keys = || servers.iter().filter(|server| server.get(&name).unwrap().is_some()).count();

    let mut guard = redlock.try_lock(&name, TTL).unwrap_or_else(|error| panic!("{name} is free: {error}"));
    assert!(keys() >= 2, "{name} is held");
    match redlock.try_lock(&name, TTL) {
        Err(AcquireError::Contended(attempts)) => assert_only(&attempts.nodes, &Outcome::HeldByOther(Hold::UNKNOWN)),
        other => panic!("{name} is held: {other:?}"),
    }
    if number.is_multiple_of(3) {
        guard.extend(TTL).unwrap_or_else(|error| panic!("{name} is held: {error}"));
    }
    if number.is_multiple_of(5) {
        return drop(guard);
    }
    let report = guard.release();
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{name} was held: {report}");
    assert_only(&report.nodes, &Outcome::Done);
    assert!(keys() <= 1, "{name} is free");
}

/// Asserts that the nodes which have answered in time have all said the same.
fn assert_only(nodes: &NodeOutcomes, expected: &Outcome) {
    let others = nodes.count(|outcome| ![expected, &Outcome::Pending].contains(&outcome));
    assert_eq!(others, 0, "{nodes:?}");
}

/// Stops one or two of the servers again and again, for as long as a few rounds take.
fn stop_and_go(servers: &[Server], seed: u64, is_over: &AtomicBool) {
    let mut random = Rng::with_seed(seed);
    while !is_over.load(Ordering::Relaxed) {
        let number = if random.u8(..4) == 0 { 2 } else { 1 };
        let stopped = random.choose_multiple(servers, number);
        for server in &stopped {
            server.pause();
        }
        thread::sleep(Duration::from_micros(random.u64(..8_000)));
        for server in &stopped {
            server.resume();
        }
        thread::sleep(Duration::from_micros(random.u64(..4_000)));
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}
