//! Many threads that want the same lock, and many locks at once.

use std::collections::HashSet;
use std::thread;

use redlock_blocking::{LockGuard, NodeTimeout, Redlock};
use redlock_tests::wait_until;

use crate::fixture::{Fixture, SOON, TTL};

const THREADS: u64 = 8;
const ROUNDS: u64 = 25;

#[test]
fn threads_of_one_handle_share_a_single_connection_without_taking_each_others_replies() {
    let nodes = Fixture::start(3);
    // This is about numbers, not about time.
    let patient = NodeTimeout::fixed(SOON);
    let builder = Redlock::builder().nodes(nodes.servers.urls()).node_timeout(patient);
    let redlock = builder.build().unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let redlock = &redlock;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let name = format!("job-{thread}-{round}");
                    let mut guard = redlock.try_lock(&name, TTL * 6).unwrap();
                    guard.extend(TTL * 6).unwrap();
                    assert!(redlock.try_lock(&name, TTL * 6).is_err());
                }
            });
        }
    });
    assert_eq!(redlock.close().unsettled, 0);
}

#[test]
fn a_thousand_locks_are_held_at_once_over_few_connections() {
    const LOCKS: usize = 1_000;
    let nodes = Fixture::start(3);
    let locks = (0..LOCKS).map(|number| nodes.redlock.try_lock(format!("job-{number}"), TTL * 6));
    let guards: Vec<LockGuard> = locks.map(Result::unwrap).collect();
    assert!(guards.iter().all(|guard| guard.is_valid()));
    let sizes = || nodes.servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap()).collect::<HashSet<_>>();
    assert!(wait_until(SOON, || sizes() == HashSet::from([LOCKS.to_string()])), "{:?}", sizes());
    drop(guards);
    assert_eq!(nodes.redlock.close().unsettled, 0);
    assert_eq!(sizes(), HashSet::from(["0".into()]));
}
