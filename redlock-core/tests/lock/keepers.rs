//! Which nodes are known to have the keys of a lock that is held.

use redlock_core::{NodeSet, Reply};

use crate::harness::{Bench, TTL, ms, nodes};

/// A lock that the first two of three nodes have granted, and the third has not answered.
fn held_on_two() -> (Bench, redlock_core::Command) {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "++.");
    bench.expect_acquired();
    assert_eq!(bench.lock.held_on(), NodeSet::EMPTY, "it is not handed over");
    assert!(bench.hand_over());
    (bench, set)
}

#[test]
fn a_grant_that_comes_after_the_hand_over_counts() {
    let (mut bench, set) = held_on_two();
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
    bench.reply(&set, "..+");
    assert_eq!(bench.lock.held_on(), nodes([0, 1, 2]));
    bench.expect_nothing();
}

#[test]
fn a_second_reply_of_a_node_says_nothing() {
    let (mut bench, set) = held_on_two();
    bench.reply(&set, "..-");
    bench.reply(&set, "--+");
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
}

#[test]
fn an_extension_tells_who_has_them_and_who_has_lost_them() {
    let (mut bench, set) = held_on_two();
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&set, "..x");
    bench.reply(&extend, "+0+");
    assert_eq!(bench.lock.held_on(), nodes([0, 2]));
    let plant = bench.expect_acquire();
    bench.reply_from(1, &plant, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([0, 1, 2]), "it was healed");
    bench.expect_extended();

    bench.advance(ms(1_000));
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "++-");
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
    bench.release();
    assert_eq!(bench.lock.held_on(), NodeSet::EMPTY);
}

#[test]
fn a_node_that_is_healed_a_second_time_is_not_taken_for_healed_by_the_first() {
    let (mut bench, _) = held_on_two();
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "0..");
    let first = bench.expect_acquire();
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "0..");
    let second = bench.expect_acquire();
    bench.reply_from(0, &first, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([1]));
    bench.reply_from(0, &second, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
}
