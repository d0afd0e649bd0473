//! The end of a lock that nobody released.

use redlock_core::{Cause, ExtendError, Loss, ReleaseVerdict, Reply};

use crate::harness::{Bench, Cluster, SIZES, TTL, VALIDITY, at, letters, ms, nodes, unavailable};

/// What each node said to the extension that found the keys gone. They were taken over if those of others leave no quorum.
#[track_caller]
fn keys_gone(loss: &Loss) -> String {
    let (nodes, is_taken) = match loss {
        Loss::KeysGone(nodes) => (nodes, false),
        Loss::TakenOver(nodes) => (nodes, true),
        other => panic!("{other:?}"),
    };
    let said = letters(nodes);
    let (others, blocking) = (said.matches('-').count(), said.len().div_ceil(2));
    assert_eq!(is_taken, others >= blocking, "{said}");
    said
}

#[test]
fn a_lock_is_lost_at_its_deadline_whoever_is_asleep() {
    for size in SIZES {
        let mut bench = Bench::held(size);
        bench.pass(VALIDITY);
        assert!(!bench.is_held(), "before the timer has fired");
        bench.advance(ms(0));
        assert_eq!(bench.expect_lost(), Loss::Expired);
        assert_eq!(bench.expect_release().nodes, bench.config.nodes(), "a slow clock may keep the key");
        bench.expect_nothing();
        assert_eq!(bench.lock.loss(), Some(&Loss::Expired));
        assert_eq!(bench.lock.deadline(), Some(at(0).saturating_add(VALIDITY)));
    }
}

#[test]
fn the_deadline_ends_an_extension_that_is_under_way() {
    let mut bench = Bench::held(3);
    bench.advance(VALIDITY.saturating_sub(ms(1)));
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "+..");
    bench.fire();
    assert_eq!(bench.expect_extend_failed(), ExtendError::Lost(Loss::Expired));
    assert_eq!(bench.expect_lost(), Loss::Expired);
    bench.expect_release();
    bench.expect_nothing();
}

#[test]
fn a_lock_whose_keys_are_gone_is_lost_at_once() {
    for votes in ["0", "-", "-0.", "00.", "+--", "0-..", "+--+", "0-0..", "+--+-"] {
        let (mut bench, extend) = Bench::extending(votes.len());
        bench.reply(&extend, votes);
        let error = bench.expect_extend_failed();
        let loss = bench.expect_lost();
        assert_eq!(error, ExtendError::Lost(loss.clone()));
        let known = keys_gone(&loss);
        assert!(votes.starts_with(known.trim_end_matches('.')), "{votes}: {known}");
        assert_eq!((bench.is_held(), bench.lock.deadline()), (false, Some(bench.now)));
        for _ in 0..known.matches('0').count() {
            bench.expect_acquire();
        }
        assert_eq!(bench.expect_release().nodes, bench.config.nodes(), "behind what was planted meanwhile");
        bench.expect_nothing();
    }
}

#[test]
fn an_extension_that_has_failed_may_still_prove_the_loss() {
    for late in ["00", "--", "-0"] {
        let (mut bench, extend) = Bench::extending(3);
        bench.reply(&extend, "+..");
        bench.fire();
        assert!(matches!(bench.expect_extend_failed(), ExtendError::Unconfirmed(_)));
        bench.reply(&extend, &format!(".{late}"));
        assert_eq!(keys_gone(&bench.expect_lost()), format!("+{late}"));
        assert!(!bench.is_held());
        bench.expect_no_event();
    }
}

#[test]
fn nodes_that_are_down_do_not_prove_a_loss() {
    for votes in ["x", "x0x", "-x.", "0xx+", "-x0xx"] {
        let (mut bench, extend) = Bench::extending(votes.len());
        bench.reply(&extend, votes);
        bench.advance(ms(500));
        assert!(matches!(bench.expect_extend_failed(), ExtendError::Unconfirmed(_)), "{votes}");
        assert!(bench.is_held());
    }
}

#[test]
fn a_flushed_quorum_is_found_out_by_the_next_extension() {
    let mut cluster = Cluster::new(3);
    let mut bench = Bench::acquire(3);
    cluster.serve(&mut bench);
    bench.expect_acquired();
    assert!(bench.hand_over());
    cluster.nodes[0].wipe();
    cluster.nodes[2].wipe();
    bench.advance(ms(1_000));
    bench.extend(TTL);
    cluster.serve(&mut bench);
    bench.expect_extend_failed();
    assert_eq!(keys_gone(&bench.expect_lost()), "0+0");
    assert_eq!(cluster.keys(bench.now), 0, "and what is left of it is released");
}

#[test]
fn a_lost_lock_stays_lost() {
    let (mut bench, extend) = Bench::extending(3);
    bench.advance(VALIDITY);
    bench.expect_extend_failed();
    bench.expect_lost();
    bench.expect_release();
    bench.reply_all(&extend, &Reply::Done);
    assert!(!bench.hand_over());
    assert_eq!(bench.try_extend(TTL), Err(ExtendError::Lost(Loss::Expired)));
    assert!(!bench.is_held());
    assert_eq!(bench.lock.loss(), Some(&Loss::Expired));
    bench.expect_nothing();
}

#[test]
fn an_extension_that_is_asked_for_too_late_finds_the_lock_lost() {
    let mut bench = Bench::held(3);
    bench.pass(VALIDITY);
    assert_eq!(bench.try_extend(TTL), Err(ExtendError::Lost(Loss::Expired)));
    assert_eq!(bench.expect_lost(), Loss::Expired);
    bench.expect_release();
    bench.expect_nothing();
}

#[test]
fn a_lost_lock_that_every_node_has_given_up_is_released_without_a_command() {
    for size in SIZES {
        let (mut bench, undo) = Bench::lost(size);
        bench.reply_all(&undo, &Reply::Missing);
        bench.expect_nothing();
        assert!(!bench.lock.is_settled(), "its holder has not let go");
        bench.release();
        assert_eq!(bench.expect_released().verdict, ReleaseVerdict::AlreadyExpired);
        assert_eq!((bench.lock.poll_timeout(), bench.lock.deadline()), (None, None));
        bench.expect_nothing();
        assert!(bench.lock.is_settled());
    }
}

#[test]
fn the_release_of_a_lost_lock_waits_for_the_nodes_that_have_not_answered() {
    for size in SIZES {
        let (mut bench, undo) = Bench::lost(size);
        bench.release();
        bench.expect_nothing();
        assert!(!bench.lock.is_quiet());
        bench.reply_all(&undo, &Reply::Missing);
        assert_eq!(bench.expect_released().verdict, ReleaseVerdict::AlreadyExpired);
        bench.expect_nothing();
        assert!(bench.lock.is_settled());
    }
}

#[test]
fn a_lost_lock_was_over_before_whatever_the_nodes_still_had() {
    for (votes, verdict) in [
        ("++.", ReleaseVerdict::AlreadyExpired),
        ("0+0", ReleaseVerdict::AlreadyExpired),
        ("--.", ReleaseVerdict::TakenOver),
        ("+x.", ReleaseVerdict::Unconfirmed),
    ] {
        for is_heard_before in [true, false] {
            let (mut bench, undo) = Bench::lost(3);
            if is_heard_before {
                bench.reply(&undo, votes);
            }
            bench.release();
            if !is_heard_before {
                bench.reply(&undo, votes);
            }
            if votes == "+x." {
                bench.expect_nothing();
                bench.reply(&undo, "..x");
            }
            assert_eq!(bench.expect_released().verdict, verdict, "{votes}");
            bench.expect_nothing();
        }
    }
}

#[test]
fn a_lost_lock_that_is_released_tells_only_the_nodes_that_failed_again() {
    let (mut bench, undo) = Bench::lost(3);
    bench.reply(&undo, "++x");
    bench.release();
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::AlreadyExpired);
    bench.expect_nothing();
    bench.fire();
    let again = bench.expect_release();
    assert_eq!((again.nodes, again.send_by), (nodes([2]), undo.send_by));
    bench.reply(&again, "..0");
    assert!(bench.lock.is_settled());
    bench.expect_nothing();
}

#[test]
fn a_lock_that_is_released_after_its_deadline_is_released_once() {
    let mut bench = Bench::held(3);
    bench.pass(VALIDITY);
    bench.release();
    let release = bench.expect_release();
    assert_eq!(bench.expect_lost(), Loss::Expired);
    bench.expect_nothing();
    bench.reply(&release, "+++");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::AlreadyExpired, "a slow clock kept the keys");
    assert!(bench.lock.is_settled());
}

#[test]
fn a_node_that_could_not_be_told_of_the_loss_is_told_again_until_the_ttl_is_over() {
    let (mut bench, mut release) = Bench::lost(3);
    let lost_at = bench.now;
    bench.reply(&release, "00x");
    while let Some(at) = bench.lock.poll_timeout() {
        assert!(at > bench.now, "a timer in the past never fires for the last time");
        bench.fire();
        if let Some(again) = bench.lock.poll_command() {
            release = again;
            assert_eq!(release.nodes, nodes([2]));
            bench.reply_from(2, &release, unavailable(Cause::NotSent));
        }
    }
    let told_for = bench.now.saturating_since(lost_at);
    assert!(told_for >= TTL && told_for < ms(11_200), "{told_for:?}");
    bench.expect_nothing();
}

#[test]
fn a_failure_that_is_heard_of_after_the_ttl_is_not_followed_up() {
    let (mut bench, release) = Bench::lost(3);
    bench.reply(&release, "00.");
    bench.advance(ms(11_000));
    assert_eq!(bench.lock.poll_timeout(), None);
    bench.reply(&release, "..x");
    assert_eq!(bench.lock.poll_timeout(), None);
}
