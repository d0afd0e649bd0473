//! No reply is taken for another's, while nodes stop and go on at random.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redlock_blocking::{AcquireError, NodeTimeout, Redlock};
use redlock_tests::Server;

use crate::fixture::Fixture;

/// How many rounds are made; the environment can ask for more.
const ROUNDS: &str = "REDLOCK_ROUNDS";
const DEFAULT_ROUNDS: usize = 1_000;

const TTL: Duration = Duration::from_secs(20);

/// Stops one or two of three servers after the other, for as long as a few rounds take.
fn stop_and_go(servers: &[Server], is_over: &AtomicBool) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    while !is_over.load(Ordering::Relaxed) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let stopped = &servers[(random % 3) as usize..][..1];
        stopped.iter().for_each(Server::pause);
        thread::sleep(Duration::from_micros(random >> 20 & 0x1fff));
        stopped.iter().for_each(Server::resume);
        thread::sleep(Duration::from_micros(random >> 40 & 0xfff));
    }
}

/// Takes a free lock, tries a lock that is held, extends one: a reply that belongs to another command would grant what
/// is held, or refuse what is free.
fn round(redlock: &Redlock, name: &str) {
    let mut guard = redlock.try_lock(name, TTL).unwrap_or_else(|error| panic!("{name}: {error}"));
    let refused = redlock.try_lock(name, TTL).err();
    assert!(matches!(refused, Some(AcquireError::Contended(_))), "{name}: {refused:?}");
    if name.ends_with('7') {
        guard.extend(TTL).unwrap();
    }
}

#[test]
fn rounds_with_nodes_that_stop_and_go_on_take_no_reply_for_anothers() {
    let rounds = std::env::var(ROUNDS).map_or(DEFAULT_ROUNDS, |rounds| rounds.parse().unwrap());
    let nodes = Fixture::start(3);
    // A machine that is busy must not decide; two threads on one connection must not get each other's replies.
    let patient = NodeTimeout::fixed(Duration::from_secs(5));
    let builder = Redlock::builder().nodes(nodes.servers.urls()).node_timeout(patient).max_connections(1);
    let redlock = builder.build().unwrap();
    let (is_over, begin) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| stop_and_go(&nodes.servers, &is_over));
        let worker = |thread: usize| {
            let redlock = &redlock;
            scope.spawn(move || (0..rounds / 2).for_each(|number| round(redlock, &format!("job-{thread}-{number}"))))
        };
        let workers = [worker(1), worker(2)];
        let results = workers.map(thread::ScopedJoinHandle::join);
        is_over.store(true, Ordering::Relaxed);
        for result in results {
            result.unwrap();
        }
    });
    println!("{rounds} rounds in {:?}", begin.elapsed());
    assert_eq!(redlock.close().unsettled, 0);
    for server in nodes.servers.iter() {
        assert_eq!(server.command(&["DBSIZE"]).unwrap(), "0");
    }
}
