//! Release: its verdict, and what goes on after it.

use redlock_core::{Action, Cause, Hold, NodeId, NodeSet, Options, ReleaseReport, ReleaseVerdict, Reply};

use crate::harness::{Bench, Cluster, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, config, letters, ms, nodes, unavailable};

/// The report on the release of a held lock to which the nodes replied with these letters, or fell silent.
fn report_on(votes: &str) -> ReleaseReport {
    let (mut bench, release) = Bench::releasing(votes.len());
    bench.reply(&release, votes);
    bench.advance(NODE_TIMEOUT);
    bench.expect_released()
}

#[test]
fn all_nodes_are_told_the_token_that_goes() {
    for size in SIZES {
        let mut bench = Bench::acquire(size);
        let set = bench.expect_acquire();
        bench.reply_all(&set, &Reply::Done);
        bench.expect_acquired();
        assert!(bench.hand_over());
        bench.release();
        let release = bench.expect_release();
        assert_eq!((release.nodes, release.action.token()), (bench.config.nodes(), set.action.token()));
        assert!(matches!(release.action, Action::Release { .. }));
        bench.expect_nothing();
        assert!(!bench.is_held());
        assert_eq!(bench.lock.deadline(), None);
    }
}

#[test]
fn a_node_that_was_never_sent_the_lock_is_not_told_of_its_release() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "++n");
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.release();
    let release = bench.expect_release();
    assert_eq!(release.nodes, nodes([0, 1]));
    bench.reply(&release, "++.");
    assert_eq!(letters(&bench.expect_released().nodes), "++/");
    assert!(bench.lock.is_settled(), "nothing is left behind anywhere");
}

#[test]
fn a_node_that_was_given_the_keys_afterwards_is_told_of_the_release() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "++n");
    bench.expect_acquired();
    assert!(bench.hand_over());
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "..0");
    assert_eq!(bench.expect_acquire().nodes, nodes([2]));
    bench.release();
    assert_eq!(bench.expect_release().nodes, nodes([0, 1, 2]));
}

/// Expects a release next at which the home of the resource, and no other node, calls up who waits.
fn expect_call_up(bench: &mut Bench) {
    let release = bench.expect_release();
    let home = bench.config.home(bench.lock.resources().only().expect("one")).expect("a node");
    let calls_up = |node: NodeId| release.with_nodes(NodeSet::from_iter([node])).calls_up();
    let calling: NodeSet = bench.config.nodes().iter().filter(|node| calls_up(*node)).collect();
    assert_eq!(calling, NodeSet::from_iter([home]));
}

#[test]
fn whatever_is_released_lets_the_home_call_up_who_waits() {
    let mut bench = Bench::held(3);
    bench.advance(VALIDITY);
    expect_call_up(&mut bench); // held and lost
    let mut bench = Bench::held(3);
    bench.release();
    expect_call_up(&mut bench); // held
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "+--");
    expect_call_up(&mut bench); // not won: somebody may wait for the end of a key that is gone before its time
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "++.");
    bench.expect_acquired();
    bench.release();
    expect_call_up(&mut bench); // won, and cancelled before it was handed over
}

#[test]
fn a_quorum_that_deleted_the_key_makes_it_released() {
    for votes in ["+", "++.", "+x+", "+++.", "+++-", "+++..", "0-+++"] {
        assert_eq!(report_on(votes).verdict, ReleaseVerdict::Released, "{votes}");
    }
}

#[test]
fn a_lock_that_too_few_nodes_still_had_was_over_before() {
    for votes in ["0", "00.", "0-x", "+00", "+-0", "00..", "++0-", "000..", "+0-0.", "--00x"] {
        assert_eq!(report_on(votes).verdict, ReleaseVerdict::AlreadyExpired, "{votes}");
    }
}

#[test]
fn a_lock_that_a_quorum_keeps_for_somebody_else_was_taken_over() {
    for votes in ["-", "--.", "-+-", "---0", "---.", "---++", "-0-x-"] {
        assert_eq!(report_on(votes).verdict, ReleaseVerdict::TakenOver, "{votes}");
    }
}

#[test]
fn a_release_that_too_few_nodes_answered_is_not_confirmed() {
    for votes in ["x", ".", "+x.", "x0x", "nn+", "++x0", "..++", "+0x.+", "--x.+"] {
        assert_eq!(report_on(votes).verdict, ReleaseVerdict::Unconfirmed, "{votes}");
    }
}

#[test]
fn the_verdict_comes_as_soon_as_it_is_fixed() {
    for (votes, verdict) in [
        ("++", ReleaseVerdict::Released),
        ("--", ReleaseVerdict::TakenOver),
        ("00", ReleaseVerdict::AlreadyExpired),
        ("xx", ReleaseVerdict::Unconfirmed),
    ] {
        let (mut bench, release) = Bench::releasing(3);
        bench.reply(&release, &format!("{}..", &votes[..1]));
        bench.expect_nothing();
        bench.reply(&release, &format!(".{}.", &votes[1..]));
        let report = bench.expect_released();
        assert_eq!((report.verdict, letters(&report.nodes)), (verdict, format!("{votes}.")));
    }
}

#[test]
fn the_verdict_is_told_once() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "xx.");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Unconfirmed);
    bench.fire();
    let again = bench.expect_release();
    bench.reply_all(&again, &Reply::Done);
    bench.release();
    bench.expect_nothing();
}

#[test]
fn a_report_tells_what_each_node_said() {
    let report = report_on("+-x.0");
    assert_eq!(letters(&report.nodes), "+-x~0");
    let text = report.to_string();
    assert!(text.starts_with("not confirmed by a quorum (a: agreed; b: held by somebody else"), "{text}");
}

#[test]
fn a_machine_is_settled_when_every_node_has_answered() {
    for size in SIZES {
        let (mut bench, release) = Bench::releasing(size);
        assert!(!bench.lock.is_settled() && !bench.lock.is_quiet());
        bench.reply_all(&release, &Reply::Done);
        bench.expect_released();
        assert!(bench.lock.is_settled() && bench.lock.is_quiet());
        assert_eq!(bench.lock.poll_timeout(), None);
    }
}

#[test]
fn a_node_that_failed_is_told_again_with_a_growing_delay() {
    let (mut bench, mut release) = Bench::releasing(3);
    bench.reply(&release, "++.");
    bench.expect_released();
    for delay in [50, 100, 200, 400, 800, 1_000, 1_000] {
        bench.reply_from(2, &release, unavailable(Cause::NotSent));
        assert!(!bench.lock.is_settled());
        let at = bench.now.saturating_add(ms(delay));
        while bench.now < at {
            bench.expect_nothing();
            bench.fire();
        }
        assert_eq!(bench.now, at);
        release = bench.expect_release();
        assert_eq!(release.nodes, nodes([2]));
        bench.expect_nothing();
    }
    bench.reply_from(2, &release, Reply::Done);
    assert!(bench.lock.is_settled());
}

#[test]
fn it_is_quiet_around_a_node_that_fails_when_the_time_of_the_nodes_is_over() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "++x");
    bench.expect_released();
    while !bench.lock.is_quiet() {
        bench.fire();
        while let Some(again) = bench.lock.poll_command() {
            bench.reply_all(&again, &unavailable(Cause::NotSent));
        }
    }
    assert_eq!(bench.now, at(0).saturating_add(NODE_TIMEOUT));
    assert!(!bench.lock.is_settled());
}

#[test]
fn nodes_that_failed_together_are_told_again_together() {
    let (mut bench, release) = Bench::releasing(5);
    bench.reply(&release, "+++x.");
    bench.pass(ms(20));
    bench.reply(&release, "....x");
    assert_eq!(bench.timer(), ms(30));
    bench.fire();
    assert_eq!(bench.expect_release().nodes, nodes([3, 4]));
}

#[test]
fn nobody_is_told_again_when_the_ttl_is_over() {
    let (mut bench, release) = Bench::releasing(3);
    let over = release.send_by;
    assert_eq!(over.saturating_since(bench.now), ms(10_102), "the TTL and the drift");
    bench.reply(&release, "++x");
    bench.expect_released();
    while !bench.lock.is_settled() {
        assert!(bench.now < over);
        bench.fire();
        if let Some(again) = bench.lock.poll_command() {
            assert!(bench.now < over && again.send_by == over);
            bench.reply_all(&again, &unavailable(Cause::Disconnected));
        }
    }
    assert_eq!((bench.now, bench.lock.poll_timeout()), (over, None));
}

#[test]
fn the_longest_ttl_that_a_node_was_told_decides_when_that_is() {
    let mut bench = Bench::held(3);
    bench.extend(ms(60_000));
    let extend = bench.expect_extend();
    bench.reply(&extend, "xx.");
    bench.expect_extend_failed();
    bench.release();
    let release = bench.expect_release();
    assert_eq!(release.send_by.saturating_since(bench.now), ms(60_602));
}

#[test]
fn a_node_that_is_silent_is_not_told_again_but_its_late_answer_settles() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "++.");
    bench.expect_released();
    bench.fire();
    assert!(bench.lock.is_quiet() && !bench.lock.is_settled());
    bench.advance(ms(5_000));
    bench.expect_nothing();
    bench.reply(&release, "..+");
    assert!(bench.lock.is_settled());
}

#[test]
fn a_late_answer_that_is_a_failure_is_followed_up() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "++.");
    bench.expect_released();
    bench.advance(ms(3_000));
    bench.reply(&release, "..x");
    bench.fire();
    assert_eq!(bench.expect_release().nodes, nodes([2]));
}

#[test]
fn a_node_that_has_answered_is_not_told_again_whatever_it_says_next() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "++.");
    bench.expect_released();
    bench.reply(&release, "xx.");
    bench.advance(ms(1_000));
    bench.expect_nothing();
}

#[test]
fn a_release_stops_an_attempt_that_is_under_way() {
    for size in SIZES {
        let mut bench = Bench::acquire(size);
        let set = bench.expect_acquire();
        bench.release();
        let release = bench.expect_release();
        assert_eq!((release.nodes, release.action.token()), (bench.config.nodes(), set.action.token()));
        bench.reply_all(&set, &Reply::Done);
        bench.expect_nothing();
        bench.reply_all(&release, &Reply::Done);
        assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
        assert!(bench.lock.is_settled());
    }
}

#[test]
fn a_release_of_an_attempt_spares_nodes_that_were_never_asked() {
    let mut bench = Bench::acquire(5);
    let set = bench.expect_acquire();
    bench.reply(&set, "n.-.n");
    bench.release();
    assert_eq!(bench.expect_release().nodes, nodes([1, 2, 3]));
}

#[test]
fn a_release_between_two_attempts_has_nothing_to_report() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "--.");
    let undo = bench.expect_release();
    bench.release();
    bench.expect_nothing();
    bench.reply_all(&undo, &Reply::HeldByOther(Hold::UNKNOWN));
    assert!(bench.lock.is_settled());
    assert_eq!((bench.lock.poll_timeout(), bench.lock.poll_event()), (None, None));
}

#[test]
fn a_release_supersedes_an_extension() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "+..");
    bench.release();
    let release = bench.expect_release();
    bench.reply(&extend, ".0+");
    bench.expect_nothing();
    bench.reply(&release, "+++");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
    bench.expect_nothing();
}

#[test]
fn a_lock_that_was_won_and_not_handed_over_can_be_released() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "++.");
    bench.expect_acquired();
    bench.release();
    let release = bench.expect_release();
    assert!(!bench.hand_over());
    bench.reply(&release, "++0");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
}

#[test]
fn a_late_release_touches_nobody_else() {
    for size in SIZES {
        let mut cluster = Cluster::new(size);
        let mut first = Bench::start(config(size), TTL, Options::new(), 1);
        cluster.serve(&mut first);
        first.expect_acquired();
        assert!(first.hand_over());
        let mut second = Bench::start(config(size), TTL, Options::new(), 2);
        second.now = first.now.saturating_add(ms(10_001));
        second.lock.handle_timeout(second.now);
        cluster.serve(&mut second);
        second.fire();
        cluster.serve(&mut second);
        second.expect_acquired();

        first.pass(ms(10_050));
        first.release();
        cluster.serve(&mut first);
        first.expect_lost();
        assert_eq!(first.expect_released().verdict, ReleaseVerdict::TakenOver);
        assert_eq!(cluster.keys(first.now), size);
    }
}

#[test]
fn a_node_that_was_not_sent_the_command_in_time_has_nothing_to_release() {
    for is_extended in [false, true] {
        let mut bench = Bench::acquire(3);
        let set = bench.expect_acquire();
        bench.reply(&set, "++.");
        bench.expect_acquired();
        assert!(bench.hand_over());
        if is_extended {
            bench.extend(TTL);
            let extend = bench.expect_extend();
            bench.reply(&extend, "++.");
            bench.expect_extended();
        }
        bench.release();
        let release = bench.expect_release();
        bench.reply(&release, "++.");
        bench.expect_released();
        assert!(!bench.lock.is_settled(), "it may be on its way");
        bench.reply_from(2, &set, unavailable(Cause::NotSent));
        assert_eq!(bench.lock.is_settled(), !is_extended, "an extension may have given it the keys");
    }
}
