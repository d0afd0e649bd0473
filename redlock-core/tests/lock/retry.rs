//! What happens between attempts, and when there is no next one.

use core::time::Duration;

use redlock_core::{AcquireError, Cause, Command, Event, Hold, Options, Reply, RetryDelay};

use crate::harness::{Bench, Cluster, NODE_TIMEOUT, SIZES, TTL, at, config, letters, ms, nodes, unavailable};

/// An acquisition whose first attempt failed with these replies, and the release of that attempt.
fn failed_with(votes: &str, options: Options) -> (Bench, Command) {
    let mut bench = Bench::acquire_with(votes.len(), options);
    let set = bench.expect_acquire();
    bench.reply(&set, votes);
    let release = bench.expect_release();
    assert_eq!(release.action.token(), set.action.token());
    (bench, release)
}

/// An acquisition that waits for its second attempt, nothing of the first being left.
fn waiting(options: Options) -> Bench {
    let (mut bench, release) = failed_with("--.", options);
    bench.reply_all(&release, &Reply::HeldByOther(Hold::UNKNOWN));
    bench.expect_nothing();
    bench
}

#[test]
fn a_failed_attempt_is_released_before_the_wait() {
    for votes in ["-", "+--", "xx.", "++--", "+--.-"] {
        let (mut bench, _) = failed_with(votes, Options::new());
        bench.expect_nothing();
        assert!(bench.lock.poll_timeout().is_some(), "{votes}: and now it waits");
    }
}

#[test]
fn the_release_goes_wherever_the_key_may_be() {
    for (votes, told) in [
        ("+--", nodes([0, 1, 2])),
        ("xx.", nodes([0, 1, 2])),
        ("n-.", nodes([1, 2])),
        ("-n-.", nodes([0, 2, 3])),
        ("n+.xx", nodes([1, 2, 3, 4])),
    ] {
        let (_, release) = failed_with(votes, Options::new());
        assert_eq!(release.nodes, told, "{votes}");
    }
}

#[test]
fn a_node_that_was_silent_is_told_to_release() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "n..");
    bench.advance(NODE_TIMEOUT);
    assert_eq!(bench.expect_release().nodes, nodes([1, 2]));
}

#[test]
fn a_node_that_certainly_did_nothing_has_nothing_to_release() {
    let refusals =
        [Cause::NotAuthenticated, Cause::NotTrusted, Cause::NoPermission, Cause::CrossSlot, Cause::NoDatabase];
    for cause in refusals.into_iter().chain([Cause::NotSent]) {
        let mut bench = Bench::acquire(3);
        let set = bench.expect_acquire();
        bench.reply_all(&set, &unavailable(cause));
        assert_eq!(bench.expect_release().nodes, nodes([2]), "it was decided before the third had answered");

        let mut bench = Bench::acquire(1);
        let set = bench.expect_acquire();
        bench.reply_all(&set, &unavailable(cause));
        assert!(bench.lock.poll_command().is_none());
    }
}

#[test]
fn nobody_asks_who_has_the_keys_that_a_failed_attempt_does_not_have() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "--+");
    let undo = bench.expect_release();
    bench.reply_from(0, &undo, Reply::NotOurs);
    bench.reply_from(1, &undo, Reply::NotOurs);
    bench.reply_from(2, &undo, Reply::Done);
    bench.expect_nothing();
    assert!(bench.lock.is_quiet());
}

/// Nobody is helped by an error that comes 30 seconds later.
#[test]
fn what_waiting_cannot_cure_is_not_waited_for() {
    let permanent = [
        Cause::NotAuthenticated,
        Cause::NotTrusted,
        Cause::NoPermission,
        Cause::Cluster,
        Cause::CrossSlot,
        Cause::NoDatabase,
        Cause::UnknownCommand,
    ];
    for cause in permanent {
        let mut bench = Bench::acquire(3);
        let set = bench.expect_acquire();
        bench.reply_from(0, &set, unavailable(cause));
        bench.expect_no_event();
        bench.reply_from(2, &set, unavailable(cause));
        bench.expect_release();
        let AcquireError::Unavailable(attempts) = bench.expect_acquire_failed() else { panic!("{cause:?}") };
        assert_eq!(attempts.count, 1);
        assert!(attempts.nodes.to_string().contains(&cause.to_string()), "{attempts}");
    }
}

#[test]
fn nodes_that_may_come_back_are_waited_for_beside_one_that_will_not() {
    for passing in [Cause::NotSent, Cause::Loading, Cause::Busy, Cause::Disconnected, Cause::OutOfMemory] {
        let mut bench = Bench::acquire(3);
        let set = bench.expect_acquire();
        bench.reply_from(0, &set, unavailable(Cause::NoPermission));
        bench.reply_from(1, &set, unavailable(passing));
        bench.expect_release();
        bench.expect_no_event();
        assert!(bench.lock.is_waiting(), "{passing:?}");
    }
}

#[test]
fn every_attempt_has_a_token_of_its_own() {
    let mut bench = waiting(Options::new());
    let mut tokens = vec![*Bench::acquire(3).expect_acquire().action.token().expect("it is of a lock")];
    for _ in 0..5 {
        bench.fire();
        let set = bench.expect_acquire();
        assert!(!tokens.contains(set.action.token().expect("it is of a lock")));
        tokens.push(*set.action.token().expect("it is of a lock"));
        bench.reply(&set, "--.");
        bench.expect_release();
    }
    assert_eq!(bench.lock.attempts(), 6);
}

#[test]
fn a_grant_to_an_old_attempt_is_no_vote_in_a_new_one() {
    for size in [3, 4, 5] {
        let mut bench = Bench::acquire(size);
        let first = bench.expect_acquire();
        bench.fire();
        let undo = bench.expect_release();
        bench.fire();
        let second = bench.expect_acquire();
        bench.reply_all(&first, &Reply::Done);
        bench.reply_all(&undo, &Reply::Done);
        bench.expect_nothing();
        bench.reply_all(&second, &Reply::Done);
        bench.expect_acquired();
    }
}

#[test]
fn the_deadline_is_counted_from_the_attempt_that_won() {
    let mut bench = waiting(Options::new());
    bench.fire();
    let began = bench.now;
    let set = bench.expect_acquire();
    bench.pass(ms(3));
    bench.reply(&set, "++.");
    assert_eq!(bench.expect_acquired(), began.saturating_add(ms(9_898)));
}

#[test]
fn waits_are_drawn_anew_below_a_cap_that_doubles() {
    let delay = RetryDelay::new(ms(10), ms(50));
    let mut waits = Vec::new();
    for seed in 0..40 {
        let mut bench = Bench::start(config(3), TTL, Options::new().retry_delay(delay), seed);
        for cap in [10, 20, 40, 50, 50] {
            let set = bench.expect_acquire();
            bench.reply(&set, "--.");
            let undo = bench.expect_release();
            bench.reply_all(&undo, &Reply::HeldByOther(Hold::UNKNOWN));
            assert!(bench.timer() < ms(cap), "{:?} of {cap} ms", bench.timer());
            waits.push(bench.timer());
            bench.fire();
        }
    }
    let longest = waits.iter().max().unwrap();
    assert!(*longest > ms(40), "the caps are used: {longest:?}");
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits.len(), 200, "no two waits are equal");
}

#[test]
fn there_is_no_wait_after_the_last_attempt() {
    for attempts in 1..4 {
        let mut bench = Bench::acquire_with(3, Options::new().attempts(attempts));
        for _ in 1..attempts {
            let set = bench.expect_acquire();
            bench.reply(&set, "--.");
            bench.expect_release();
            bench.fire();
        }
        let set = bench.expect_acquire();
        bench.reply(&set, "--.");
        assert_eq!(bench.expect_acquire_failed().attempts().unwrap().count, attempts);
        bench.expect_release();
        bench.expect_nothing();
    }
}

#[test]
fn the_time_budget_is_kept() {
    for (size, votes) in [(1, "-"), (3, "--."), (4, "...."), (5, "..-..")] {
        for seed in 0..20 {
            let budget = ms(1_200);
            let mut bench = Bench::start(config(size), TTL, Options::new().wait(budget), seed);
            let error = loop {
                while let Some(command) = bench.lock.poll_command() {
                    bench.reply(&command, votes);
                }
                if let Some(Event::AcquireFailed(error)) = bench.lock.poll_event() {
                    break error;
                }
                bench.fire();
            };
            assert!(bench.now <= at(1_200), "{votes}: {:?}", bench.now);
            assert_eq!(error.attempts().unwrap().elapsed, bench.now.since_epoch());
            assert!(error.attempts().unwrap().count > 1);
        }
    }
}

#[test]
fn the_end_is_not_waited_for_when_there_is_no_time_for_another_attempt() {
    let mut bench = Bench::acquire_with(3, Options::new().wait(ms(100)));
    let set = bench.expect_acquire();
    bench.pass(Duration::from_micros(99_001));
    bench.reply(&set, "--.");
    let error = bench.expect_acquire_failed();
    assert_eq!(error.attempts().unwrap().elapsed, Duration::from_micros(99_001));
}

#[test]
fn a_budget_of_nothing_means_one_attempt_that_takes_its_time() {
    for size in SIZES {
        let mut bench = Bench::acquire_with(size, Options::new().wait(Duration::ZERO));
        let set = bench.expect_acquire();
        assert_eq!(bench.timer(), NODE_TIMEOUT);
        bench.advance(ms(400));
        bench.reply_all(&set, &Reply::Done);
        bench.expect_acquired();
    }
    let mut bench = Bench::acquire_with(3, Options::new().wait(Duration::ZERO));
    bench.fire();
    assert_eq!(bench.expect_acquire_failed().attempts().unwrap().count, 1);
}

#[test]
fn the_budget_ends_an_attempt_that_is_under_way() {
    let mut bench = Bench::acquire_with(3, Options::new().wait(ms(100)));
    let set = bench.expect_acquire();
    assert_eq!((bench.timer(), set.send_by), (ms(100), at(100)));
    bench.reply(&set, "+..");
    bench.fire();
    let error = bench.expect_acquire_failed();
    assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
    assert_eq!(letters(&error.attempts().unwrap().nodes), "+~~");
    assert_eq!(bench.expect_release().nodes, bench.config.nodes());
}

#[test]
fn an_attempt_cut_short_by_the_budget_reports_what_the_one_before_it_knew() {
    let mut bench = waiting(Options::new().wait(ms(100)));
    bench.fire();
    bench.expect_acquire();
    bench.advance(ms(100));
    let error = bench.expect_acquire_failed();
    assert!(matches!(error, AcquireError::Contended(_)), "{error}");
    assert_eq!(letters(&error.attempts().unwrap().nodes), "--.");
    assert_eq!(error.attempts().unwrap().count, 2, "it counts all the same");
    assert_eq!(error.attempts().unwrap().elapsed, bench.now.since_epoch());
}

#[test]
fn an_attempt_that_was_not_cut_short_speaks_for_itself() {
    let (mut bench, _) = failed_with("xx.", Options::new().attempts(2));
    bench.fire();
    let set = bench.expect_acquire();
    bench.reply(&set, "--.");
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Contended(_)));
}

#[test]
fn a_timer_that_comes_late_finds_the_budget_used_up() {
    let mut bench = waiting(Options::new().wait(ms(100)));
    bench.advance(ms(100));
    let error = bench.expect_acquire_failed();
    assert!(matches!(error, AcquireError::Contended(_)), "{error}");
    assert_eq!((error.attempts().unwrap().count, error.attempts().unwrap().elapsed), (1, ms(100)));
    bench.expect_nothing();
    assert!(bench.lock.is_settled());
}

#[test]
fn a_lock_that_becomes_free_is_acquired_by_the_one_who_waits() {
    for size in SIZES {
        let mut cluster = Cluster::new(size);
        let mut holder = Bench::start(config(size), TTL, Options::new(), 1);
        cluster.serve(&mut holder);
        let mut other = Bench::start(config(size), TTL, Options::new(), 2);
        cluster.serve(&mut other);
        holder.release();
        cluster.serve(&mut holder);
        other.fire();
        cluster.serve(&mut other);
        other.expect_acquired();
        assert_eq!((other.lock.attempts(), cluster.keys(other.now)), (2, size));
    }
}

#[test]
fn the_release_of_an_old_attempt_goes_on_beside_the_new_one() {
    let (mut bench, undo) = failed_with("--.", Options::new().retry_delay(RetryDelay::new(ms(1), ms(1))));
    bench.reply(&undo, "--x");
    bench.fire();
    let set = bench.expect_acquire();
    bench.reply(&set, "+..");
    bench.advance(ms(50));
    let again = bench.expect_release();
    assert_eq!((again.nodes, again.action.token()), (nodes([2]), undo.action.token()));
    bench.reply_from(2, &again, Reply::Done);
    bench.expect_nothing();
    bench.reply(&set, "..+");
    bench.expect_acquired();
}

#[test]
fn what_an_old_attempt_left_is_settled_before_the_machine_is() {
    let (mut bench, undo) = failed_with("--.", Options::new().attempts(1));
    bench.expect_acquire_failed();
    assert!(!bench.lock.is_settled() && !bench.lock.is_quiet());
    bench.reply(&undo, "--.");
    assert!(!bench.lock.is_settled());
    bench.advance(NODE_TIMEOUT);
    assert!(bench.lock.is_quiet() && !bench.lock.is_settled(), "the third was told, and is not waited for");
    bench.reply_from(2, &undo, Reply::Missing);
    assert!(bench.lock.is_settled());
    assert_eq!(bench.lock.poll_timeout(), None);
}

#[test]
fn a_node_that_never_answers_is_done_with_when_the_ttl_is_over() {
    let (mut bench, undo) = failed_with("--.", Options::new().attempts(1));
    bench.expect_acquire_failed();
    bench.reply(&undo, "--.");
    bench.advance(TTL);
    assert!(!bench.lock.is_settled());
    bench.fire();
    assert!(bench.lock.is_settled());
    assert_eq!(bench.now, at(10_102), "the TTL and the drift");
}

#[test]
fn no_key_stays_behind_a_failed_attempt() {
    let mut cluster = Cluster::new(5);
    cluster.cut_off = nodes([0, 1, 2]);
    let mut bench = Bench::acquire_with(5, Options::new().attempts(1));
    cluster.serve(&mut bench);
    assert_eq!(cluster.keys(bench.now), 2);
    bench.fire();
    cluster.serve(&mut bench);
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Unavailable(_)));
    assert_eq!(cluster.keys(bench.now), 0);
}
