//! A lock that is taken apart and taken over elsewhere.

use redlock_core::{
    AcquireError, Action, Cause, Config, DetachedLock, Instant, Lock, Loss, Options, ReleaseVerdict, Reply, Request,
};

use crate::harness::{Bench, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, config, letters, ms, nodes, unavailable};

/// A held lock that was taken apart after a second.
fn detached(size: usize) -> DetachedLock {
    let mut bench = Bench::held(size);
    bench.advance(ms(1_000));
    let detached = bench.lock.detached(bench.now).expect("it is held");
    bench.lock.forget(bench.now);
    bench.expect_nothing();
    assert!(bench.lock.is_settled(), "nothing is left to do for it");
    detached
}

fn adopting(config: Config, detached: &DetachedLock, options: Options, now: Instant) -> Bench {
    let request = Request::adopting(&config, detached, options).expect("a valid request");
    let lock = Lock::acquire(&config, request, [9; 32], now);
    Bench { config, lock, now }
}

/// An adoption that was begun three seconds after the lock was acquired.
fn adopt(size: usize) -> Bench {
    adopting(config(size), &detached(size), Options::new(), at(3_000))
}

fn refusal(votes: &str) -> AcquireError {
    let mut bench = adopt(votes.len());
    let extend = bench.expect_extend();
    bench.reply(&extend, votes);
    bench.advance(NODE_TIMEOUT);
    let error = bench.expect_acquire_failed();
    bench.expect_nothing();
    assert!(bench.lock.is_settled(), "whoever has it may hold it still");
    error
}

#[test]
fn all_nodes_are_asked_whether_the_keys_are_there() {
    for size in SIZES {
        let detached = detached(size);
        let mut bench = adopting(config(size), &detached, Options::new(), at(3_000));
        let extend = bench.expect_extend();
        let Action::Extend { resources, token, ttl, .. } = &extend.action else { panic!("{extend:?}") };
        assert_eq!((resources, ttl.get()), (detached.resources(), TTL));
        let set = Bench::acquire(size).expect_acquire();
        assert_eq!(set.action.token(), Some(token), "that under which it was acquired");
        assert_eq!(extend.nodes, bench.config.nodes());
        bench.expect_nothing();
        assert!(!bench.is_held(), "nobody has said so");
    }
}

#[test]
fn a_lock_is_held_from_the_moment_at_which_its_adoption_began() {
    for (votes, missing) in [("+", 0), ("++.", 0), ("+0+", 1), ("-+++", 0), ("+.+x+", 0)] {
        let mut bench = adopt(votes.len());
        let extend = bench.expect_extend();
        bench.pass(ms(100));
        bench.reply(&extend, votes);
        assert_eq!(bench.expect_acquired(), at(3_000).saturating_add(VALIDITY), "{votes}");
        assert!(bench.hand_over(), "{votes}");
        assert!(bench.is_held());
        bench.expect_nothing();
        bench.extend(TTL);
        let extend = bench.expect_extend();
        bench.reply(&extend, votes);
        bench.expect_extended();
        let healed = votes.chars().filter(|vote| *vote == '0').count();
        assert_eq!(healed, missing);
        (0..healed).for_each(|_| drop(bench.expect_acquire()));
        bench.release();
        assert_eq!(bench.expect_release().nodes, bench.config.nodes(), "{votes}");
    }
}

#[test]
fn a_lock_that_a_quorum_does_not_have_is_not_adopted() {
    for votes in ["0", "-", "00.", "0-.", "-0+", "++--", "--+0+"] {
        match refusal(votes) {
            AcquireError::Gone(attempts) => {
                assert_eq!((attempts.count, attempts.nodes.iter().count()), (1, votes.len()));
            }
            other => panic!("{votes}: {other}"),
        }
    }
}

#[test]
fn a_lock_is_not_adopted_when_too_few_nodes_answer() {
    for (votes, said) in [("x", "x"), ("+..", "+~~"), ("+x.", "+x~"), ("++..", "++~~"), ("x++..", "x++~~")] {
        match refusal(votes) {
            AcquireError::Unavailable(attempts) => assert_eq!(letters(&attempts.nodes), said),
            other => panic!("{votes}: {other}"),
        }
    }
}

/// Those that have not answered may have the keys: then a quorum has them still.
#[test]
fn a_lock_is_not_said_to_be_over_that_a_quorum_may_still_have() {
    for (votes, said) in [("0x+", "0x+"), ("+-.", "+-~"), ("0+x", "0+x"), ("0x.", "0x~"), ("0.-++", "0~-++")] {
        match refusal(votes) {
            AcquireError::Unavailable(attempts) => assert_eq!(letters(&attempts.nodes), said),
            other => panic!("{votes}: {other}"),
        }
    }
    for votes in ["0x0", "x.00", "0-x", "0x-.0"] {
        assert!(matches!(refusal(votes), AcquireError::Gone(_)), "{votes}");
    }
}

#[test]
fn keys_that_an_extension_has_let_live_for_longer_are_released_for_as_long_after_the_adoption_as_before() {
    let mut bench = Bench::held(3);
    bench.extend(TTL * 6);
    let extend = bench.expect_extend();
    bench.reply(&extend, "+++");
    let detached = bench.lock.detached(bench.now).expect("it is held");
    let mut bench = adopting(config(3), &detached, Options::new(), at(0));
    let extend = bench.expect_extend();
    bench.reply(&extend, "+++");
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.release();
    let release = bench.expect_release();
    bench.reply(&release, "++x");
    bench.advance(TTL * 5);
    assert!(!bench.lock.is_settled(), "the node that did not answer may have the key still");
    assert_eq!(bench.expect_release().nodes, nodes([2]));
    bench.advance(TTL * 2);
    assert!(bench.lock.is_settled());
}

#[test]
fn an_adoption_that_is_given_up_releases_nothing() {
    let mut bench = adopt(3);
    let extend = bench.expect_extend();
    bench.reply(&extend, "+..");
    bench.release();
    assert_eq!(bench.lock.poll_command().filter(|command| !command.nodes.is_empty()), None);
    assert!(bench.lock.is_settled());
}

#[test]
fn an_adoption_that_comes_too_late_releases_nothing() {
    let mut bench = adopt(3);
    let extend = bench.expect_extend();
    bench.reply(&extend, "++.");
    bench.expect_acquired();
    bench.pass(VALIDITY);
    assert!(!bench.hand_over());
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Expired(_)));
    bench.expect_nothing();
}

#[test]
fn only_a_lock_that_is_held_can_be_taken_apart() {
    let mut bench = Bench::acquire(3);
    assert_eq!(bench.lock.detached(bench.now), None, "it is being acquired");
    let set = bench.expect_acquire();
    bench.reply_all(&set, &Reply::Done);
    assert_eq!(bench.lock.detached(bench.now), None, "it was not handed over");
    let (lost, _) = Bench::lost(3);
    assert_eq!(lost.lock.detached(lost.now), None);
    let mut late = Bench::held(3);
    late.pass(VALIDITY);
    assert_eq!(late.lock.detached(late.now), None, "its deadline has passed, and no timer has fired");
}

#[test]
fn a_lock_that_is_lost_is_released_and_not_left() {
    let (mut bench, release) = Bench::lost(3);
    bench.lock.forget(bench.now);
    bench.reply(&release, "+++");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::AlreadyExpired);
    assert_eq!(bench.lock.loss(), None::<&Loss>);
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "+..");
    bench.lock.forget(bench.now);
    assert_eq!(bench.expect_release().nodes, bench.config.nodes(), "it was never held");
}

#[test]
fn a_node_that_was_not_asked_in_time_may_have_the_keys_of_an_adopted_lock_and_is_told_of_its_release() {
    let mut bench = adopt(3);
    let extend = bench.expect_extend();
    bench.reply(&extend, "++.");
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.release();
    let release = bench.expect_release();
    assert_eq!(release.nodes, nodes([0, 1, 2]));
    bench.reply(&release, "++.");
    bench.expect_released();
    bench.reply_from(2, &extend, unavailable(Cause::NotSent));
    assert!(!bench.lock.is_settled(), "whoever had the lock before has left it there");
    bench.reply_from(2, &release, Reply::Done);
    assert!(bench.lock.is_settled());
}
