//! The core allocates nothing once it is warm, and little for a lock that is held. A test of its own, because it counts with the process's allocator.

#[path = "../benches/lock/by_hand.rs"]
mod by_hand;
#[path = "../benches/lock/through_locks.rs"]
mod through_locks;

use core::time::Duration;

use allocation_counter::measure;
use redlock_core::{Config, Facts, Instant, KeepAlive, Locks, Options, Reply, Request};

use crate::by_hand::{ByHand, agree, extend, release};
use crate::through_locks::ThroughLocks;

const NODES: [usize; 3] = [3, 5, 7];

#[test]
fn acquiring_and_releasing_allocate_nothing() {
    for nodes in NODES {
        let by_hand = ByHand::new(nodes);
        release(by_hand.acquire());
        let counted = measure(|| release(by_hand.acquire()));
        assert_eq!(counted.count_total, 0, "with {nodes} nodes: {counted:?}");
    }
}

#[test]
fn acquiring_and_releasing_through_locks_allocates_nothing() {
    for nodes in NODES {
        let mut through_locks = ThroughLocks::new(nodes, Options::new());
        // The list of timers still doubles now and then: what is over leaves it when its time has come.
        (0..3).for_each(|_| through_locks.acquire_and_release());
        let counted = measure(|| through_locks.acquire_and_release());
        assert_eq!(counted.count_total, 0, "with {nodes} nodes: {counted:?}");
    }
}

#[test]
fn extending_allocates_nothing() {
    for nodes in NODES {
        let mut lock = ByHand::new(nodes).acquire();
        extend(&mut lock);
        let counted = measure(|| extend(&mut lock));
        assert_eq!(counted.count_total, 0, "with {nodes} nodes: {counted:?}");
    }
}

#[test]
fn the_words_of_a_command_allocate_nothing() {
    let by_hand = ByHand::new(3);
    let mut lock = by_hand.begin();
    let set = lock.poll_command().expect("a lock begins with a command");
    agree(&mut lock, &set);
    lock.release(by_hand::ANSWERED_AT);
    let release = lock.poll_command().expect("a release is a command");
    for command in [set, release] {
        let counted = measure(|| assert!(command.wire().words().len() > 0));
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
}

/// A list that doubles is as large as it must be with so many, one of which is there before it is counted.
const HELD: u32 = 1 << 14;
const TTL: Duration = Duration::from_secs(30);

#[test]
fn a_lock_that_is_held_takes_little_memory() {
    let kept = bytes_per_held_lock(Options::new());
    assert!(kept <= 584, "{kept} bytes");
    let kept_alive = bytes_per_held_lock(Options::new().keep_alive(KeepAlive::while_held()));
    assert!(kept_alive <= 640, "{kept_alive} bytes");
}

/// Counts what a lock takes that is held for two thirds of its TTL, and was extended twice if it is kept alive, beside the
/// bytes of its name.
fn bytes_per_held_lock(options: Options) -> i64 {
    let config = Config::builder(["one", "two", "three"]).build().expect("the nodes differ");
    let mut locks = Locks::new(config);
    // One every tenth of a millisecond, as with 100,000 of them: no queue to a node becomes long.
    let at = |seconds: u64, number: u32| {
        let after = Duration::from_micros(100).saturating_mul(number);
        Instant::from_epoch(Duration::from_secs(seconds)).saturating_add(after)
    };
    take(&mut locks, "warm", options, at(0, 0));
    let counted = measure(|| {
        for number in 1..HELD {
            take(&mut locks, &format!("{number:08}"), options, at(0, number));
        }
        for (seconds, number) in [10, 20].into_iter().flat_map(|seconds| (0..HELD).map(move |number| (seconds, number)))
        {
            locks.handle_timeout(at(seconds, number));
            drive(&mut locks, at(seconds, number));
        }
    });
    assert!(locks.keys().all(|key| locks.lock(key).is_some_and(|lock| lock.is_held(at(20, HELD)))));
    let bytes = counted.bytes_current.checked_div(HELD.into()).expect("some are held");
    bytes.saturating_sub(8)
}

fn take(locks: &mut Locks, name: &str, options: Options, now: Instant) {
    let request = Request::new(locks.config(), name, TTL, options).expect("the request is within its bounds");
    let key = locks.acquire(request, [7; 32], now).expect("it is not closed");
    drive(locks, now);
    assert!(locks.hand_over(key, now).is_some_and(|result| result.is_ok()));
}

/// Carries all commands to nodes that agree.
fn drive(locks: &mut Locks, now: Instant) {
    let mut batch = Vec::new();
    while let Some(node) = locks.poll_ready() {
        if locks.poll_connect(node) {
            locks.handle_connected(node, Facts::default(), true, now);
        }
        while locks.has_batch(node) {
            locks.poll_batch(node, &mut batch, now);
            for _command in batch.drain(..) {
                locks.handle_reply(node, Reply::Done, now);
            }
        }
    }
    while locks.poll_finished().is_some() {}
}
