//! The first attempt: who votes, when it is decided, and until when a lock is valid.

use core::time::Duration;

use redlock_core::{AcquireError, Action, Cause, Config, Hold, NodeSet, NodeTimeout, Options, Reply};

use crate::harness::{
    Bench, Cluster, NAME, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, config, letters, ms, node, unavailable,
};

/// The error of a first and only attempt to which the nodes replied with these letters.
fn error_of(votes: &str) -> AcquireError {
    let mut bench = Bench::acquire_with(votes.len(), Options::new().attempts(1));
    let set = bench.expect_acquire();
    bench.reply(&set, votes);
    bench.expect_acquire_failed()
}

#[test]
fn all_nodes_are_asked_at_once_for_the_same_key_and_token() {
    for size in SIZES {
        let mut bench = Bench::acquire(size);
        let set = bench.expect_acquire();
        assert_eq!(set.nodes, bench.config.nodes());
        let Action::Acquire { resources, ttl, .. } = &set.action else { panic!("{set:?}") };
        assert_eq!((resources.as_slice()[0].as_bytes(), ttl.get()), (NAME.as_bytes(), TTL));
        bench.expect_nothing();
    }
}

#[test]
fn it_is_won_as_soon_as_a_quorum_grants() {
    for (size, quorum) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
        let mut bench = Bench::acquire(size);
        let set = bench.expect_acquire();
        for index in 0..quorum {
            bench.expect_nothing();
            bench.reply_from(index, &set, Reply::Done);
        }
        assert_eq!(bench.expect_acquired(), at(0).saturating_add(VALIDITY), "{size} nodes");
        bench.expect_nothing();
    }
}

#[test]
fn it_is_lost_as_soon_as_a_quorum_cannot_be_reached() {
    for (size, enough) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
        let mut bench = Bench::acquire_with(size, Options::new().attempts(1));
        let set = bench.expect_acquire();
        for index in 0..enough {
            bench.expect_nothing();
            bench.reply_from(index, &set, Reply::HeldByOther(Hold::UNKNOWN));
        }
        let error = bench.expect_acquire_failed();
        assert!(matches!(error, AcquireError::Contended(_)), "{size} nodes: {error}");
    }
}

#[test]
fn a_tie_is_lost() {
    for votes in ["+-", "++--", "+--+", "--.."] {
        assert!(matches!(error_of(votes), AcquireError::Contended(_)), "{votes}");
    }
}

#[test]
fn a_minority_that_refuses_or_fails_does_no_harm() {
    for votes in ["++-", "x++", "+++n", "-+++", "++-+x", "nx+++"] {
        let mut bench = Bench::acquire(votes.len());
        let set = bench.expect_acquire();
        bench.reply(&set, votes);
        bench.expect_acquired();
    }
}

#[test]
fn a_node_that_answers_twice_has_one_vote() {
    for size in [3, 4, 5] {
        for reply in [Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)] {
            let mut bench = Bench::acquire(size);
            let set = bench.expect_acquire();
            for _ in 0..size {
                bench.reply_from(0, &set, reply.clone());
            }
            bench.expect_nothing();
        }
    }
}

#[test]
fn a_second_answer_does_not_take_the_first_one_back() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "+..");
    bench.reply(&set, "-..");
    bench.reply(&set, ".-.");
    bench.expect_nothing();
    bench.reply(&set, "..+");
    bench.expect_acquired();
}

#[test]
fn a_reply_to_another_command_or_from_an_unknown_node_is_no_vote() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    let (_, other) = Bench::releasing(3);
    assert_ne!(other.id, set.id);
    bench.reply_all(&other, &Reply::Done);
    bench.reply_from(0, &set, Reply::Done);
    bench.reply_from(3, &set, Reply::Done);
    bench.reply_from(31, &set, Reply::Done);
    bench.expect_nothing();
}

#[test]
fn a_reply_that_does_not_fit_the_command_is_a_refusal() {
    for votes in ["0", "?", "0?.", ".?0", "+0?", "0?+++"] {
        let mut bench = Bench::acquire_with(votes.len(), Options::new().attempts(1));
        let set = bench.expect_acquire();
        bench.reply(&set, votes);
        if votes.contains("+++") {
            bench.expect_acquired();
        } else {
            let error = bench.expect_acquire_failed();
            assert!(matches!(error, AcquireError::Unavailable(_)), "{votes}: {error}");
            assert_eq!(letters(&error.attempts().unwrap().nodes), votes.replace(['0', '?'], "!"));
        }
    }
}

#[test]
fn held_by_somebody_and_nodes_that_are_down_are_told_apart() {
    let contended = ["-", "-.", "--.", "+-x", "-n+", "--..", "+x-+", "---..", "-n-++", "+-x-.", "xx-.."];
    let unavailable = ["n", "x.", "xx.", "x+n", "xx..", "+n.x", "xxx..", "xn+x+"];
    for votes in contended {
        assert!(matches!(error_of(votes), AcquireError::Contended(_)), "{votes}: {}", error_of(votes));
    }
    for votes in unavailable {
        assert!(matches!(error_of(votes), AcquireError::Unavailable(_)), "{votes}: {}", error_of(votes));
    }
}

#[test]
fn an_error_tells_what_each_node_said() {
    let error = error_of("+-x.x");
    assert_eq!(letters(&error.attempts().unwrap().nodes), "+-x.x");
    assert_eq!(error.attempts().unwrap().count, 1);
    let text = error.to_string();
    assert!(text.contains("b: held by somebody else; c: the connection broke"), "{text}");
}

#[test]
fn the_deadline_is_the_ttl_after_the_start_less_the_drift() {
    for (factor, ttl, validity) in [(0.01, 10_000, 9_898), (0.0, 10_000, 9_998), (0.5, 1_000, 498), (0.01, 200, 196)] {
        let config = Config::builder(["a", "b", "c"]).drift_factor(factor).build().unwrap();
        let mut bench = Bench::start(config, ms(ttl), Options::new(), 7);
        let set = bench.expect_acquire();
        bench.pass(ms(5));
        bench.reply(&set, "++.");
        assert_eq!(bench.expect_acquired(), at(validity), "from the start on, not from the replies");
        bench.reply(&set, "..+");
        assert_eq!(bench.lock.deadline(), Some(at(validity)));
    }
}

#[test]
fn a_grant_that_comes_after_the_win_changes_nothing() {
    for straggler in [Reply::Done, Reply::HeldByOther(Hold::UNKNOWN), unavailable(Cause::Disconnected)] {
        let mut bench = Bench::acquire(3);
        let set = bench.expect_acquire();
        bench.reply(&set, "++.");
        let deadline = bench.expect_acquired();
        assert!(bench.hand_over());
        bench.advance(ms(1_000));
        bench.reply_from(2, &set, straggler);
        bench.expect_nothing();
        assert!(bench.is_held());
        assert_eq!(bench.lock.poll_timeout(), Some(deadline), "nobody waits for the third");
        bench.release();
        assert!(bench.expect_release().nodes.contains(node(2)), "but it is told to release");
    }
}

#[test]
fn a_node_has_five_per_cent_of_the_ttl_to_answer_within_bounds() {
    for (ttl, timeout) in [(10, 20), (399, 20), (400, 20), (1_000, 50), (9_980, 499), (10_000, 500), (3_600_000, 500)] {
        let mut bench = Bench::start(config(3), ms(ttl), Options::new(), 7);
        assert_eq!(bench.timer(), ms(timeout), "TTL of {ttl} ms");
        let set = bench.expect_acquire();
        assert!(Some(set.send_by) <= bench.lock.poll_timeout(), "TTL of {ttl} ms");
        assert!(ttl < 399 || set.send_by == at(timeout), "TTL of {ttl} ms");
    }
}

#[test]
fn silence_is_a_refusal_when_the_time_of_the_nodes_is_over() {
    for size in SIZES {
        let mut bench = Bench::acquire_with(size, Options::new().attempts(1));
        let set = bench.expect_acquire();
        for index in bench.config.quorum()..size {
            bench.reply_from(index, &set, Reply::Done);
        }
        bench.advance(NODE_TIMEOUT.saturating_sub(Duration::from_nanos(1)));
        bench.expect_nothing();
        bench.advance(Duration::from_nanos(1));
        let error = bench.expect_acquire_failed();
        assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
        assert!(letters(&error.attempts().unwrap().nodes).starts_with('~'), "{error}");
    }
}

#[test]
fn a_quorum_that_is_reached_when_the_validity_is_over_is_given_back() {
    let late = || {
        let config =
            Config::builder(["a", "b", "c"]).node_timeout(NodeTimeout::fixed(ms(20_000))).build().expect("a config");
        let mut bench = Bench::start(config, TTL, Options::new().attempts(1).min_validity(ms(400)), 7);
        let set = bench.expect_acquire();
        bench.reply(&set, "+..");
        (bench, set)
    };
    let last_moment = VALIDITY.saturating_sub(ms(400)).saturating_sub(Duration::from_nanos(1));

    let (mut bench, set) = late();
    bench.pass(last_moment);
    bench.reply(&set, ".+.");
    bench.expect_acquired();

    let (mut bench, set) = late();
    bench.pass(last_moment.saturating_add(Duration::from_nanos(1)));
    bench.reply(&set, ".+.");
    let error = bench.expect_acquire_failed();
    assert!(matches!(error, AcquireError::Expired(_)), "{error}");
    assert_eq!(letters(&error.attempts().unwrap().nodes), "++.");
    assert_eq!(bench.expect_release().nodes, bench.config.nodes());
}

#[test]
fn a_hung_minority_does_not_hold_anybody_up() {
    for (size, hung) in [(3, 1), (4, 1), (5, 2)] {
        let mut cluster = Cluster::new(size);
        cluster.cut_off = NodeSet::first(hung);
        let mut bench = Bench::acquire(size);
        bench.pass(ms(1));
        cluster.serve(&mut bench);
        bench.expect_acquired();
    }
}

#[test]
fn one_of_two_gets_the_lock_and_the_other_one_leaves_it_alone() {
    for size in SIZES {
        let mut cluster = Cluster::new(size);
        let mut holder = Bench::start(config(size), TTL, Options::new(), 1);
        let mut other = Bench::start(config(size), TTL, Options::new().attempts(1), 2);
        cluster.serve(&mut holder);
        holder.expect_acquired();
        cluster.serve(&mut other);
        let error = other.expect_acquire_failed();
        assert!(matches!(error, AcquireError::Contended(_)), "{error}");
        assert!(other.lock.is_settled());
        assert_eq!(cluster.keys(holder.now), size);
    }
}

#[test]
fn a_key_of_another_client_is_respected_even_without_a_ttl() {
    let mut cluster = Cluster::new(3);
    for node in &mut cluster.nodes[1..] {
        node.set(NAME.as_bytes(), b"by hand", None, at(0));
    }
    let mut bench = Bench::acquire_with(3, Options::new().attempts(1));
    cluster.serve(&mut bench);
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Contended(_)));
    assert_eq!(cluster.keys(at(0)), 2, "the vote of the free node was given back, the other keys stand");
}
