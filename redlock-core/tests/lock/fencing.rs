//! Fences: minted by the nodes, kept by a quorum.

use core::time::Duration;

use redlock_core::fence::{Fence, Fences, Fencing};
use redlock_core::{AcquireError, Action, Command, Lock, Options, Reply, Request, Resources, ScriptForm};

use crate::harness::{Bench, Cluster, NAME, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, config, ms, nodes};

fn fences(numbers: &[u64]) -> Fences {
    numbers.iter().copied().map(Fence::new).collect()
}

fn granted(number: u64) -> Reply {
    Reply::Granted(fences(&[number]))
}

/// Starts to acquire a fenced lock when the wall clock says so many microseconds since 1970.
fn acquire_at(size: usize, micros: u64, options: Options) -> Bench {
    let config = config(size);
    let request = Request::new(&config, NAME, TTL, options.fenced(true)).expect("a valid request");
    let request = request.at_wall_clock(Duration::from_micros(micros));
    let lock = Lock::acquire(&config, request, [7; 32], at(0));
    Bench { config, lock, now: at(0) }
}

fn once(size: usize) -> Bench {
    acquire_at(size, 5_000, Options::new().attempts(1))
}

impl Bench {
    #[track_caller]
    fn expect_raise(&mut self) -> Command {
        match self.lock.poll_command() {
            Some(command) if matches!(command.action, Action::Raise { .. }) => command,
            other => panic!("expected that counters are raised, found {other:?}"),
        }
    }

    #[track_caller]
    fn expect_held_with(&mut self, fence: u64) {
        self.expect_acquired();
        assert!(self.hand_over());
        assert_eq!(self.lock.fences(), Some(&fences(&[fence])));
    }
}

fn raised_to(command: &Command) -> Fences {
    match &command.action {
        Action::Raise { fencing, .. } => match &**fencing {
            Fencing::Raise { fences, .. } => fences.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lock_that_nobody_asked_to_fence_has_no_fence() {
    assert_eq!(Bench::held(3).lock.fences(), None);
}

#[test]
fn nodes_that_agree_on_what_is_proposed_cost_one_round_trip() {
    for size in SIZES {
        let (mut bench, mut cluster) = (acquire_at(size, 5_000, Options::new()), Cluster::new(size));
        cluster.serve(&mut bench);
        bench.expect_held_with(5_000);
        bench.expect_nothing();
    }
}

#[test]
fn the_text_of_the_script_is_sent_to_a_node_that_does_not_know_it() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply(&acquire, "???");
    for place in 0..3 {
        let again = bench.expect_acquire();
        bench.reply_from(place, &again, granted(5_000));
    }
    bench.expect_held_with(5_000);
}

#[test]
fn every_acquisition_has_a_larger_fence_than_those_before_it() {
    let (mut cluster, mut last) = (Cluster::new(3), Fence::default());
    // The clock of whoever comes goes back, stands still, and jumps.
    for micros in [9_000, 9_000, 20, 0, 9_001, 70_000, 70_000] {
        let mut bench = acquire_at(3, micros, Options::new());
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        let fence = bench.lock.fences().expect("it is fenced").as_slice()[0];
        assert!(fence > last && fence.get() >= micros, "{fence} after {last}, at {micros}");
        last = fence;
        bench.release();
        cluster.serve(&mut bench);
    }
}

#[test]
fn a_retry_proposes_the_present_and_not_the_beginning() {
    let mut bench = acquire_at(1, 5_000, Options::new());
    let first = bench.expect_acquire();
    bench.reply(&first, "-");
    bench.expect_release();
    let waited = bench.timer();
    bench.fire();
    let second = bench.expect_acquire();
    let Action::Acquire { fencing: Some(fencing), .. } = &second.action else { panic!("{second:?}") };
    let Fencing::Mint { proposal, .. } = &**fencing else { panic!("{fencing:?}") };
    assert_eq!(u128::from(proposal.get()), 5_000 + waited.as_micros());
}

#[test]
fn a_lock_is_not_won_before_a_quorum_keeps_its_fence() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    let raise = bench.expect_raise();
    assert_eq!((raise.nodes, raised_to(&raise)), (nodes([1]), fences(&[9_000])));
    bench.expect_nothing();
    bench.reply_from(1, &raise, Reply::Done);
    bench.expect_held_with(9_000);
}

#[test]
fn a_grant_that_comes_later_commits_raises_or_is_no_use() {
    let mut bench = once(5);
    let acquire = bench.expect_acquire();
    for (place, number) in [(0, 9_000), (1, 5_000), (2, 5_000)] {
        bench.reply_from(place, &acquire, granted(number));
    }
    let raise = bench.expect_raise();
    assert_eq!(raise.nodes, nodes([1, 2]));
    bench.reply_from(3, &acquire, granted(9_001));
    bench.expect_nothing();
    bench.reply_from(4, &acquire, granted(8_999));
    let late = bench.expect_raise();
    assert_eq!((late.nodes, raised_to(&late)), (nodes([4]), fences(&[9_000])));
    bench.reply_from(4, &late, Reply::Done);
    bench.expect_no_event(); // two of five keep it, and one is ahead
    bench.reply_from(1, &raise, Reply::Done);
    bench.expect_held_with(9_000);
    bench.reply_from(2, &raise, Reply::Missing);
    assert!(bench.is_held());
    assert_eq!(bench.lock.held_on(), nodes([0, 1, 3, 4]), "one has said that its key is gone");
}

#[test]
fn a_lock_whose_fence_no_quorum_can_keep_is_not_won() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    let raise = bench.expect_raise();
    bench.reply_from(2, &acquire, granted(9_001));
    bench.reply_from(1, &raise, Reply::Missing);
    assert_eq!(bench.expect_release().nodes, bench.config.nodes());
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Contended(_)));
}

#[test]
fn a_node_that_does_not_raise_its_counter_in_time_does_not_count() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply(&acquire, "..x");
    bench.advance(ms(300));
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    bench.expect_raise();
    assert_eq!(bench.timer(), NODE_TIMEOUT);
    bench.advance(ms(499));
    bench.expect_nothing();
    bench.advance(ms(1));
    bench.expect_release();
    let AcquireError::Unavailable(attempts) = bench.expect_acquire_failed() else { panic!("nobody else has it") };
    assert_eq!(crate::harness::letters(&attempts.nodes), "+~x");
}

#[test]
fn a_node_that_could_not_be_asked_to_raise_its_counter_is_released_all_the_same() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply(&acquire, "..x");
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    let raise = bench.expect_raise();
    bench.reply(&raise, ".n.");
    assert_eq!(bench.expect_release().nodes, bench.config.nodes(), "it has the key");
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Unavailable(_)));
}

#[test]
fn a_fence_that_is_kept_after_the_deadline_is_too_late() {
    let mut bench = once(1);
    let acquire = bench.expect_acquire();
    bench.pass(VALIDITY);
    bench.reply_from(0, &acquire, granted(5_000));
    bench.expect_release();
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    let raise = bench.expect_raise();
    assert!(raise.send_by <= at(0).saturating_add(VALIDITY));
    bench.pass(VALIDITY);
    bench.reply_from(1, &raise, Reply::Done);
    bench.expect_release();
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Unavailable(_) | AcquireError::Expired(_)));
}

#[test]
fn the_text_of_the_script_raises_a_counter_once() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply_from(0, &acquire, granted(9_000));
    bench.reply_from(1, &acquire, granted(5_000));
    let raise = bench.expect_raise();
    bench.reply_from(1, &raise, Reply::UnknownScript);
    let again = bench.expect_raise();
    assert_ne!(raise.id, again.id);
    bench.reply_from(1, &raise, Reply::Done);
    bench.expect_nothing();
    bench.reply_from(1, &again, Reply::Done);
    bench.expect_held_with(9_000);
}

#[test]
fn a_node_that_asked_for_the_text_and_could_not_be_sent_it_is_released_as_well() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply_from(0, &acquire, Reply::UnknownScript);
    let source = bench.expect_acquire();
    assert_eq!((source.form, source.nodes), (ScriptForm::Source, nodes([0])));
    bench.reply(&source, "n..");
    bench.reply_from(1, &acquire, granted(5_000));
    bench.reply_from(2, &acquire, granted(5_000));
    bench.expect_held_with(5_000);
    bench.release();
    assert_eq!(bench.expect_release().nodes, nodes([0, 1, 2]), "the digest may have been sent twice, and done once");
}

#[test]
fn a_grant_without_a_fence_is_none() {
    let mut bench = once(3);
    let acquire = bench.expect_acquire();
    bench.reply(&acquire, "++.");
    bench.expect_release();
    assert!(matches!(bench.expect_acquire_failed(), AcquireError::Unavailable(_)));
    let mut unfenced = Bench::acquire_with(3, Options::new().attempts(1));
    let acquire = unfenced.expect_acquire();
    unfenced.reply_from(0, &acquire, granted(5_000));
    unfenced.reply_from(1, &acquire, granted(5_000));
    unfenced.expect_release();
    assert!(matches!(unfenced.expect_acquire_failed(), AcquireError::Unavailable(_)));
}

#[test]
fn an_extension_keeps_the_fence_and_gives_it_to_a_node_that_has_lost_everything() {
    let (mut bench, mut cluster) = (acquire_at(3, 5_000, Options::new()), Cluster::new(3));
    cluster.serve(&mut bench);
    bench.expect_held_with(5_000);
    cluster.nodes[0].wipe();
    bench.advance(ms(1_000));
    bench.extend(TTL);
    cluster.serve(&mut bench);
    bench.expect_extended();
    assert_eq!(bench.lock.fences(), Some(&fences(&[5_000])));
    assert_eq!(cluster.nodes[0].counter(&NAME.into()), Fence::new(5_000));
    assert_eq!(cluster.keys(bench.now), 3);
}

#[test]
fn a_lock_that_is_adopted_has_the_fence_that_it_had() {
    let (mut bench, mut cluster) = (acquire_at(3, 5_000, Options::new()), Cluster::new(3));
    cluster.serve(&mut bench);
    bench.expect_held_with(5_000);
    let detached = bench.lock.detached(bench.now).expect("it is held");
    bench.lock.forget(bench.now);
    let request = Request::adopting(&bench.config, &detached, Options::new()).expect("a valid request");
    bench.lock = Lock::acquire(&bench.config, request, [8; 32], bench.now);
    cluster.serve(&mut bench);
    bench.expect_held_with(5_000);
    assert_eq!(cluster.nodes[1].counter(&NAME.into()), Fence::new(5_000), "nothing was minted");
}

#[test]
fn each_of_several_names_has_a_fence_of_its_own() {
    let config = config(3);
    let mut cluster = Cluster::new(3);
    let mut lock = |names: Resources| {
        let request = Request::new(&config, names, TTL, Options::new().fenced(true)).expect("a valid request");
        let lock = Lock::acquire(&config, request, [7; 32], at(0));
        let mut bench = Bench { config: config.clone(), lock, now: at(0) };
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        let fences = bench.lock.fences().cloned();
        bench.release();
        cluster.serve(&mut bench);
        fences
    };
    assert_eq!(lock("to".into()), Some(fences(&[1])));
    assert_eq!(lock("to".into()), Some(fences(&[2])));
    assert_eq!(lock(Resources::all(["to", "from"])), Some(fences(&[1, 3])), "in the order of their names");
    assert_eq!(lock("from".into()), Some(fences(&[2])));
}

#[test]
fn a_client_from_the_future_is_believed_for_a_day() {
    let second = 1_000_000;
    let mut cluster = Cluster::new(3);
    let mut fence_of = |proposal| {
        let mut bench = acquire_at(3, proposal, Options::new());
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        let fences = bench.lock.fences().cloned();
        bench.release();
        cluster.serve(&mut bench);
        fences
    };
    let far = 400 * 86_400 * second;
    assert_eq!(fence_of(far), Some(fences(&[85_400 * second])), "a node looks at its clock");
    assert_eq!(fence_of(far), Some(fences(&[85_400 * second + 1])), "and again");
    assert_eq!(
        fence_of(86_000 * second - 2),
        Some(fences(&[86_000 * second - 2])),
        "not within the same 1,000 seconds"
    );
    assert_eq!(fence_of(86_000 * second), Some(fences(&[86_000 * second - 1])), "but when they are over");
}
