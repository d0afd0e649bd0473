//! The core allocates nothing once it is warm. A test of its own, because it counts with the process's allocator.

#[path = "../benches/lock/by_hand.rs"]
mod by_hand;
#[path = "../benches/lock/through_locks.rs"]
mod through_locks;

use allocation_counter::measure;

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
        let mut through_locks = ThroughLocks::new(nodes);
        // The heap of timers still doubles now and then: what is over leaves it when its time has come.
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
