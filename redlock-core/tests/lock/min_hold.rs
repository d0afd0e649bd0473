//! A lock whose keys stay for a while, although it was released.

use core::time::Duration;

use redlock_core::{Action, Command, Options, ReleaseVerdict, Reply, Request, RequestError, Ttl};

use crate::harness::{Bench, NODE_TIMEOUT, TTL, VALIDITY, ms, nodes};

const MIN_HOLD: Duration = ms(5_000);

/// A lock that was handed over after a second.
fn held() -> Bench {
    let mut bench = Bench::acquire_with(3, Options::new().min_hold(MIN_HOLD));
    let set = bench.expect_acquire();
    bench.reply_all(&set, &Reply::Done);
    bench.expect_acquired();
    bench.pass(ms(1_000));
    assert!(bench.hand_over());
    bench
}

/// For how long a release lets the keys live.
fn kept_for(release: &Command) -> Option<Duration> {
    match &release.action {
        Action::Release { keep, .. } => keep.map(Ttl::get),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_release_lets_the_keys_live_until_then_and_calls_nobody() {
    let mut bench = held();
    bench.advance(ms(2_000));
    bench.release();
    let release = bench.expect_release();
    assert_eq!(kept_for(&release), Some(ms(3_000)));
    assert!(!release.calls_up());
    bench.reply(&release, "+++");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
    assert!(bench.lock.is_settled());
}

#[test]
fn a_release_after_that_deletes_the_keys() {
    let mut bench = held();
    bench.advance(MIN_HOLD);
    bench.release();
    let release = bench.expect_release();
    assert_eq!(kept_for(&release), None);
    assert!(release.calls_up());
}

#[test]
fn a_node_that_is_told_again_keeps_them_for_the_rest() {
    let mut bench = held();
    bench.release();
    let release = bench.expect_release();
    bench.reply(&release, "++x");
    bench.expect_released();
    bench.advance(ms(50));
    let again = bench.expect_release();
    assert_eq!((again.nodes, kept_for(&again)), (nodes([2]), Some(ms(4_950))));
}

#[test]
fn it_may_be_longer_than_the_ttl() {
    let mut bench = Bench::acquire_with(3, Options::new().min_hold(TTL * 3));
    let set = bench.expect_acquire();
    bench.reply_all(&set, &Reply::Done);
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.advance(VALIDITY);
    bench.expect_lost();
    let release = bench.expect_release();
    assert_eq!(kept_for(&release), Some(ms(30_000 - 9_898)));
    bench.advance(NODE_TIMEOUT);
    bench.advance(TTL * 2);
    assert!(!bench.lock.is_settled(), "a node may still be told to keep them no longer");
}

#[test]
fn what_was_not_handed_over_is_not_kept() {
    let mut bench = Bench::acquire_with(3, Options::new().min_hold(MIN_HOLD));
    let set = bench.expect_acquire();
    bench.reply(&set, "+--");
    assert_eq!(kept_for(&bench.expect_release()), None);
}

#[test]
fn it_is_no_longer_than_any_ttl_may_be() {
    let max_ttl = Duration::from_secs(86_400);
    let min_hold = max_ttl + ms(1);
    let config = crate::harness::config(3);
    let refused = Request::new(&config, "a", TTL, Options::new().min_hold(min_hold)).unwrap_err();
    assert_eq!(refused, RequestError::MinHoldTooLong { min_hold, max_ttl });
}
