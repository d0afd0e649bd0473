//! Extension: what it needs, what it gives, and the nodes that it heals.

use core::time::Duration;

use redlock_core::{Action, Cause, Command, ExtendError, Loss, Options, Reply, RequestError};

use crate::harness::{Bench, Cluster, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, config, letters, ms, nodes, unavailable};

/// What each node said to an extension that failed without harm.
fn unconfirmed(error: ExtendError) -> String {
    let ExtendError::Unconfirmed(nodes) = error else { panic!("{error:?}") };
    letters(&nodes)
}

/// An extension that one node answers with "no such key", and the command that plants it there again.
fn healing() -> (Bench, Command, Command) {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "0..");
    let plant = bench.expect_acquire();
    (bench, extend, plant)
}

#[test]
fn all_nodes_are_asked_to_lengthen_the_same_token() {
    for size in SIZES {
        let mut bench = Bench::acquire(size);
        let set = bench.expect_acquire();
        bench.reply_all(&set, &Reply::Done);
        bench.expect_acquired();
        assert!(bench.hand_over());
        bench.extend(ms(20_000));
        let extend = bench.expect_extend();
        assert_eq!((extend.nodes, extend.action.token()), (bench.config.nodes(), set.action.token()));
        assert!(matches!(&extend.action, Action::Extend { ttl, .. } if ttl.get() == ms(20_000)));
        assert_eq!(Some(extend.send_by), bench.lock.deadline(), "past the deadline it is not sent");
        bench.expect_nothing();
    }
}

#[test]
fn it_counts_as_soon_as_a_quorum_confirms() {
    for (size, quorum) in [(1, 1), (3, 2), (4, 3), (5, 3)] {
        let (mut bench, extend) = Bench::extending(size);
        bench.pass(ms(7));
        for index in 0..quorum {
            bench.expect_nothing();
            bench.reply_from(index, &extend, Reply::Done);
        }
        let deadline = at(1_000).saturating_add(VALIDITY);
        assert_eq!(bench.expect_extended(), deadline, "from its start on, not from the replies");
        assert_eq!((bench.lock.deadline(), bench.lock.poll_timeout()), (Some(deadline), Some(deadline)));
    }
}

#[test]
fn it_can_be_done_again_and_again() {
    for size in SIZES {
        let mut cluster = Cluster::new(size);
        let mut bench = Bench::acquire(size);
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        for _ in 0..20 {
            bench.advance(ms(5_000));
            bench.extend(TTL);
            cluster.serve(&mut bench);
            assert_eq!(bench.expect_extended(), bench.now.saturating_add(VALIDITY));
        }
    }
}

#[test]
fn it_never_shortens_the_lock() {
    let mut bench = Bench::held(3);
    bench.extend(ms(100));
    let extend = bench.expect_extend();
    bench.reply(&extend, "++.");
    assert_eq!(bench.expect_extended(), at(0).saturating_add(VALIDITY));
}

#[test]
fn it_counts_until_the_old_deadline_only() {
    let at_the_end = |left| {
        let mut bench = Bench::held(3);
        bench.advance(VALIDITY.saturating_sub(ms(100)));
        bench.extend(TTL);
        let extend = bench.expect_extend();
        assert_eq!(bench.timer(), ms(100), "it does not wait for longer than that either");
        bench.reply(&extend, "+..");
        bench.pass(ms(100).saturating_sub(left));
        bench.reply(&extend, ".+.");
        bench
    };
    assert!(at_the_end(Duration::from_nanos(1)).expect_extended() > at(0).saturating_add(VALIDITY));

    let mut bench = at_the_end(Duration::ZERO);
    assert_eq!(bench.expect_extend_failed(), ExtendError::Lost(Loss::Expired));
    assert_eq!(bench.expect_lost(), Loss::Expired);
}

#[test]
fn it_fails_as_soon_as_a_quorum_cannot_confirm() {
    for (size, enough) in [(1, 1), (3, 2), (4, 3), (5, 3)] {
        let (mut bench, extend) = Bench::extending(size);
        for index in 0..enough {
            bench.expect_nothing();
            bench.reply_from(index, &extend, unavailable(Cause::Disconnected));
        }
        assert!(matches!(bench.expect_extend_failed(), ExtendError::Unconfirmed(_)), "{size} nodes");
    }
}

#[test]
fn one_that_fails_changes_nothing() {
    for votes in ["x", "x+x", "n.-", "xx-x", "+x-.", "+-x..", "-x.+."] {
        let (mut bench, extend) = Bench::extending(votes.len());
        let deadline = bench.lock.deadline();
        bench.reply(&extend, votes);
        bench.advance(NODE_TIMEOUT);
        assert_eq!(unconfirmed(bench.expect_extend_failed()), votes.replace('.', "~"));
        bench.expect_nothing();
        assert!(bench.is_held());
        assert_eq!((bench.lock.deadline(), bench.lock.poll_timeout()), (deadline, deadline));
    }
}

#[test]
fn after_one_that_failed_another_may_succeed() {
    let (mut bench, first) = Bench::extending(3);
    bench.reply(&first, "xx.");
    bench.expect_extend_failed();
    bench.advance(ms(100));
    bench.extend(TTL);
    let second = bench.expect_extend();
    bench.reply_all(&first, &Reply::Done);
    bench.expect_nothing();
    bench.reply(&second, "++.");
    assert_eq!(bench.expect_extended(), at(1_100).saturating_add(VALIDITY));
}

#[test]
fn nodes_that_are_silent_for_too_long_do_not_confirm() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "+..");
    assert_eq!(bench.timer(), NODE_TIMEOUT);
    bench.fire();
    assert_eq!(unconfirmed(bench.expect_extend_failed()), "+~~");
    bench.reply(&extend, ".++");
    bench.expect_nothing();
    assert_eq!(bench.lock.deadline(), Some(at(0).saturating_add(VALIDITY)), "what is late is late");
}

#[test]
fn one_node_that_answers_twice_has_one_vote() {
    let (mut bench, extend) = Bench::extending(5);
    for _ in 0..5 {
        bench.reply_from(4, &extend, Reply::Done);
    }
    bench.expect_nothing();
}

#[test]
fn a_node_without_the_key_that_answers_twice_is_healed_once() {
    let (mut bench, extend) = Bench::extending(5);
    bench.reply_from(4, &extend, Reply::Missing);
    let _heal = bench.expect_acquire();
    bench.reply_from(4, &extend, Reply::Missing);
    bench.expect_nothing();
}

#[test]
fn a_ttl_out_of_bounds_is_refused_and_nothing_is_sent() {
    let mut bench = Bench::held(3);
    let before = bench.lock.clone();
    let day = ms(24 * 3_600_000);
    for ttl in [Duration::ZERO, Duration::from_micros(999), ms(2), day.saturating_add(ms(1)), Duration::MAX] {
        let error = bench.try_extend(ttl).unwrap_err();
        assert!(matches!(error, ExtendError::Request(_)), "{ttl:?}: {error}");
    }
    let too_long = RequestError::TtlTooLong { ttl: Duration::MAX, max_ttl: day };
    assert_eq!(bench.try_extend(Duration::MAX), Err(too_long.into()));
    bench.expect_nothing();
    assert_eq!(bench.lock, before);
}

#[test]
fn only_a_lock_that_was_handed_over_can_be_extended() {
    let acquiring = Bench::acquire(3);
    let mut waiting = Bench::acquire(3);
    let set = waiting.expect_acquire();
    waiting.reply(&set, "--.");
    let mut won = Bench::acquire(3);
    let set = won.expect_acquire();
    won.reply(&set, "++.");
    let (releasing, _) = Bench::releasing(3);
    for mut bench in [acquiring, waiting, won, releasing] {
        let before = bench.lock.clone();
        assert_eq!(bench.try_extend(TTL), Err(ExtendError::NotHeld));
        assert_eq!(bench.lock, before);
    }
}

#[test]
fn a_node_without_the_key_is_given_it_anew() {
    for late in [false, true] {
        let (mut bench, extend) = Bench::extending(3);
        let votes = if late { "++0" } else { "0++" };
        bench.reply(&extend, votes);
        let plant = bench.expect_acquire();
        assert_eq!(plant.nodes, nodes([votes.find('0').unwrap()]));
        assert_eq!(plant.action.token(), extend.action.token());
        assert!(matches!(&plant.action, Action::Acquire { ttl, .. } if ttl.get() == TTL));
        bench.expect_extended();
        bench.expect_nothing();
    }
}

#[test]
fn a_node_where_somebody_else_has_the_key_is_left_alone() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "-++");
    bench.expect_extended();
    bench.expect_nothing();
}

#[test]
fn a_node_that_was_healed_does_not_count_in_that_round() {
    let (mut bench, extend, plant) = healing();
    assert_ne!(plant.id, extend.id);
    bench.reply(&extend, ".+.");
    bench.reply_from(0, &plant, Reply::Done);
    bench.expect_nothing();
    bench.reply(&extend, "..x");
    assert_eq!(unconfirmed(bench.expect_extend_failed()), "0+x");
}

#[test]
fn a_node_that_was_healed_counts_in_the_next_round() {
    let (mut bench, extend, plant) = healing();
    bench.reply(&extend, ".+x");
    bench.reply_from(0, &plant, Reply::Done);
    bench.expect_extend_failed();
    bench.extend(TTL);
    let next = bench.expect_extend();
    bench.reply(&next, "++.");
    bench.expect_extended();
}

#[test]
fn a_node_is_not_healed_past_the_old_deadline() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "++.");
    bench.expect_extended();
    bench.advance(VALIDITY.saturating_sub(ms(500)));
    bench.reply(&extend, "..0");
    let plant = bench.expect_acquire();
    assert_eq!(plant.send_by, extend.send_by, "a driver does not send it");
    assert!(plant.send_by < bench.now);
}

#[test]
fn a_lock_outlives_the_restart_of_every_node_one_at_a_time() {
    for size in [3, 4, 5] {
        let mut cluster = Cluster::new(size);
        let mut bench = Bench::start(config(size), TTL, Options::new(), 7);
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        for restarted in (0..size).cycle().take(3 * size) {
            cluster.nodes[restarted].wipe();
            cluster.nodes[restarted].forget_scripts();
            bench.advance(ms(4_000));
            bench.extend(TTL);
            cluster.serve(&mut bench);
            bench.expect_extended();
            assert_eq!(cluster.keys(bench.now), size);
        }
    }
}

#[test]
fn a_hung_minority_does_not_hold_it_up() {
    let mut cluster = Cluster::new(5);
    let mut bench = Bench::acquire(5);
    cluster.serve(&mut bench);
    bench.expect_acquired();
    assert!(bench.hand_over());
    cluster.cut_off = nodes([1, 3]);
    bench.advance(ms(3_000));
    bench.extend(TTL);
    cluster.serve(&mut bench);
    assert_eq!(bench.expect_extended(), at(3_000).saturating_add(VALIDITY));
}
