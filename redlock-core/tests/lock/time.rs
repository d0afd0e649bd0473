//! Clocks that go back, timers that come late, and the moment of the hand-over.

use core::time::Duration;

use redlock_core::{AcquireError, Loss, Options, ReleaseVerdict, Reply};

use crate::harness::{Bench, NODE_TIMEOUT, TTL, VALIDITY, at, config, letters, ms, nodes};

/// A lock that was won by these grants and is not handed over.
fn won(votes: &str, options: Options) -> Bench {
    let mut bench = Bench::acquire_with(votes.len(), options);
    let set = bench.expect_acquire();
    bench.reply(&set, votes);
    bench.expect_acquired();
    bench
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut bench = Bench::held(3);
    bench.advance(ms(5_000));
    let before = bench.lock.clone();
    bench.lock.handle_timeout(at(1_000));
    assert_eq!(bench.lock, before);
    bench.now = at(1_000);
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "++.");
    assert_eq!(bench.expect_extended(), at(5_000).saturating_add(VALIDITY));
}

#[test]
fn a_clock_that_goes_back_revives_nothing() {
    let (mut bench, _) = Bench::lost(3);
    assert!(!bench.lock.is_held(at(0)));
    bench.lock.handle_timeout(at(0));
    assert_eq!(bench.lock.loss(), Some(&Loss::Expired));

    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.advance(NODE_TIMEOUT);
    bench.expect_release();
    bench.now = at(0);
    bench.reply(&set, "++.");
    bench.expect_nothing();
}

#[test]
fn validity_is_asked_of_the_clock_and_not_of_the_machine() {
    let bench = Bench::held(3);
    assert!(bench.lock.is_held(at(9_897)));
    assert!(!bench.lock.is_held(at(9_898)));
}

#[test]
fn a_reply_that_waited_in_a_buffer_is_as_late_as_it_is_read() {
    let mut bench = Bench::acquire_with(3, Options::new().attempts(1));
    let set = bench.expect_acquire();
    bench.pass(ms(60_000));
    bench.reply(&set, "+++");
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Unavailable(_)));
    bench.expect_release();
    bench.expect_nothing();
}

#[test]
fn a_timer_that_comes_late_changes_only_when_one_learns_of_it() {
    let (mut bench, _) = Bench::extending(3);
    bench.advance(ms(60_000));
    bench.expect_extend_failed();
    bench.expect_lost();
    assert_eq!(bench.lock.deadline(), Some(at(0).saturating_add(VALIDITY)));
}

#[test]
fn a_timer_that_comes_early_changes_nothing() {
    let acquiring = Bench::acquire(3);
    let (extending, _) = Bench::extending(3);
    let (releasing, _) = Bench::releasing(3);
    for mut bench in [acquiring, Bench::held(3), extending, releasing] {
        let before = bench.lock.clone();
        bench.lock.handle_timeout(bench.now);
        assert_eq!(bench.lock, before);
    }
}

#[test]
fn a_lock_is_held_from_its_hand_over_on() {
    let mut bench = won("++.", Options::new());
    assert!(!bench.is_held() && bench.lock.is_acquiring());
    assert!(bench.hand_over());
    assert!(bench.is_held() && !bench.lock.is_acquiring());
    assert!(bench.hand_over(), "asked twice it says the same");
    bench.extend(TTL);
    assert!(bench.hand_over(), "and during an extension");
}

#[test]
fn there_is_nothing_to_hand_over_before_the_win_and_after_the_release() {
    let acquiring = Bench::acquire(3);
    let (releasing, _) = Bench::releasing(3);
    let (lost, _) = Bench::lost(3);
    for mut bench in [acquiring, releasing, lost] {
        let before = bench.lock.clone();
        assert!(!bench.hand_over());
        assert_eq!(bench.lock, before);
    }
}

#[test]
fn a_lock_that_its_caller_comes_for_too_late_is_given_back() {
    let mut bench = won("+++", Options::new().attempts(1));
    bench.pass(VALIDITY);
    assert!(!bench.hand_over());
    assert_eq!(bench.expect_release().nodes, bench.config.nodes());
    let error = bench.expect_acquire_failed();
    assert!(matches!(error, AcquireError::Expired(_)), "{error}");
    bench.expect_nothing();
}

#[test]
fn a_lock_is_handed_over_with_the_validity_that_was_asked_for_or_not_at_all() {
    let options = Options::new().attempts(1).min_validity(ms(5_000));
    let last_moment = VALIDITY.saturating_sub(ms(5_000)).saturating_sub(Duration::from_nanos(1));
    let mut bench = won("+++", options);
    bench.pass(last_moment);
    assert!(bench.hand_over());

    let mut bench = won("+++", options);
    bench.pass(last_moment.saturating_add(Duration::from_nanos(1)));
    assert!(!bench.hand_over());
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Expired(_)));
}

#[test]
fn a_lock_that_nobody_comes_for_is_given_back_at_its_deadline() {
    let mut bench = won("+++", Options::new().attempts(1));
    assert_eq!(bench.lock.poll_timeout(), Some(at(0).saturating_add(VALIDITY)));
    bench.fire();
    bench.expect_release();
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Expired(_)), "it was never held, so it is not lost");
}

#[test]
fn after_a_hand_over_in_vain_the_next_attempt_is_made() {
    let mut bench = won("+++", Options::new());
    bench.pass(VALIDITY);
    assert!(!bench.hand_over());
    let undo = bench.expect_release();
    bench.reply_all(&undo, &Reply::Missing);
    bench.fire();
    let set = bench.expect_acquire();
    assert_ne!(set.action.token(), undo.action.token());
    bench.reply(&set, "++.");
    bench.expect_acquired();
    assert!(bench.hand_over());
}

#[test]
fn a_hand_over_in_vain_reports_and_undoes_what_the_nodes_really_did() {
    let mut bench = Bench::acquire_with(5, Options::new().attempts(1));
    let set = bench.expect_acquire();
    bench.reply(&set, "n+++.");
    bench.expect_acquired();
    bench.pass(ms(1));
    bench.reply(&set, "....-");
    bench.pass(VALIDITY);
    assert!(!bench.hand_over());
    assert_eq!(letters(&bench.expect_acquire_failed().attempts().unwrap().nodes), "n+++-");
    assert_eq!(bench.expect_release().nodes, nodes([1, 2, 3, 4]));
}

#[test]
fn a_node_timeout_that_is_longer_than_the_ttl_breaks_nothing() {
    let mut bench = Bench::start(config(3), ms(4), Options::new().attempts(1), 7);
    assert!(bench.timer() > ms(4));
    let set = bench.expect_acquire();
    assert_eq!(set.send_by, at(0).saturating_add(Duration::from_micros(1_960)), "past its validity it is not sent");
    bench.reply(&set, "++.");
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.release();
    let release = bench.expect_release();
    assert!(release.send_by > set.send_by);
    bench.reply(&release, "+..");
    bench.fire();
    assert_eq!(bench.now, at(0).saturating_add(Duration::from_micros(6_040)), "nobody is waited for after the keys");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Unconfirmed);
    assert!(bench.lock.is_settled());
}
