//! Extensions that overlap: each asks the nodes for itself and has its own end.

use redlock_core::{Cause, Command, Event, ExtendError, Instant, Loss, OperationId, ReleaseVerdict, Reply};

use crate::harness::{Bench, NODE_TIMEOUT, SIZES, TTL, VALIDITY, at, letters, ms, nodes, unavailable};

/// An extension that is under way.
struct Extension {
    operation: OperationId,
    command: Command,
}

fn begin(bench: &mut Bench) -> Extension {
    let operation = bench.try_extend(TTL).expect("the lock is held");
    Extension { operation, command: bench.expect_extend() }
}

/// A lock that was held for a second when one extension was begun, and another a tenth of a second later.
fn overlapping(size: usize) -> (Bench, Extension, Extension) {
    let mut bench = Bench::held(size);
    bench.advance(ms(1_000));
    let first = begin(&mut bench);
    bench.advance(ms(100));
    let second = begin(&mut bench);
    (bench, first, second)
}

#[track_caller]
fn extended(bench: &mut Bench) -> (OperationId, Instant) {
    match bench.lock.poll_event() {
        Some(Event::Extended { operation, deadline }) => (operation, deadline),
        other => panic!("expected an extended lock, found {other:?}"),
    }
}

#[track_caller]
fn failed(bench: &mut Bench) -> (OperationId, ExtendError) {
    match bench.lock.poll_event() {
        Some(Event::ExtendFailed { operation, error }) => (operation, error),
        other => panic!("expected a failed extension, found {other:?}"),
    }
}

/// Both extensions fail with the loss, the first one first, and the lock is released once.
#[track_caller]
fn expect_all_lost(bench: &mut Bench, first: &Extension, second: &Extension) -> Loss {
    let failures = [failed(bench), failed(bench)];
    let loss = bench.expect_lost();
    assert_eq!(failures, [first, second].map(|extension| (extension.operation, ExtendError::Lost(loss.clone()))));
    assert_eq!(bench.expect_release().nodes, bench.config.nodes());
    bench.expect_nothing();
    loss
}

#[test]
fn each_asks_all_nodes_and_has_an_id_of_its_own() {
    for size in SIZES {
        let (mut bench, first, second) = overlapping(size);
        assert_ne!(first.operation, second.operation);
        assert_ne!(first.command.id, second.command.id);
        assert_eq!((first.command.nodes, second.command.nodes), (bench.config.nodes(), bench.config.nodes()));
        bench.expect_nothing();
    }
}

#[test]
fn each_ends_when_its_own_replies_say_so() {
    for size in SIZES {
        let (mut bench, first, second) = overlapping(size);
        bench.reply_all(&second.command, &Reply::Done);
        let later = at(1_100).saturating_add(VALIDITY);
        assert_eq!(extended(&mut bench), (second.operation, later));
        bench.expect_nothing();
        bench.reply_all(&first.command, &Reply::Done);
        assert_eq!(extended(&mut bench), (first.operation, later), "the later deadline stands");
        assert_eq!((bench.lock.deadline(), bench.lock.poll_timeout()), (Some(later), Some(later)));
        bench.expect_nothing();
    }
}

#[test]
fn the_first_may_end_first() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "++.");
    assert_eq!(extended(&mut bench), (first.operation, at(1_000).saturating_add(VALIDITY)));
    bench.reply(&second.command, "++.");
    assert_eq!(extended(&mut bench), (second.operation, at(1_100).saturating_add(VALIDITY)));
    bench.expect_nothing();
}

#[test]
fn a_node_that_confirms_one_has_not_confirmed_the_other() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "+..");
    bench.reply(&second.command, ".+.");
    bench.expect_nothing();
    bench.reply(&first.command, "..+");
    assert_eq!(extended(&mut bench).0, first.operation);
    bench.expect_nothing();
}

#[test]
fn one_that_fails_leaves_the_other_alone() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&second.command, "xx.");
    let (operation, error) = failed(&mut bench);
    assert_eq!(operation, second.operation);
    assert!(matches!(error, ExtendError::Unconfirmed(_)));
    bench.reply(&first.command, "++.");
    assert_eq!(extended(&mut bench), (first.operation, at(1_000).saturating_add(VALIDITY)));
    bench.expect_nothing();
}

#[test]
fn each_waits_for_the_nodes_from_its_own_start_on() {
    let (mut bench, first, second) = overlapping(3);
    assert_eq!(bench.timer(), NODE_TIMEOUT.saturating_sub(ms(100)));
    bench.fire();
    assert_eq!(failed(&mut bench).0, first.operation);
    bench.expect_nothing();
    assert_eq!(bench.timer(), ms(100));
    bench.fire();
    assert_eq!(failed(&mut bench).0, second.operation);
    assert_eq!(bench.lock.poll_timeout(), bench.lock.deadline());
}

#[test]
fn a_timer_that_comes_late_ends_them_in_the_order_in_which_they_were_begun() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&second.command, "+..");
    bench.advance(NODE_TIMEOUT);
    let ends = [failed(&mut bench), failed(&mut bench)];
    assert_eq!(ends.each_ref().map(|(operation, _)| *operation), [first.operation, second.operation]);
    let said = ends.map(|(_, error)| match error {
        ExtendError::Unconfirmed(nodes) => letters(&nodes),
        other => panic!("{other:?}"),
    });
    assert_eq!(said, ["~~~", "+~~"]);
    assert!(bench.is_held());
}

#[test]
fn one_counts_until_the_deadline_to_which_another_has_moved_the_end() {
    let mut bench = Bench::held(3);
    bench.advance(VALIDITY.saturating_sub(ms(100)));
    let (slow, quick) = (begin(&mut bench), begin(&mut bench));
    assert_eq!(bench.timer(), ms(100));
    bench.reply(&quick.command, "++.");
    let deadline = bench.now.saturating_add(VALIDITY);
    assert_eq!(extended(&mut bench), (quick.operation, deadline));
    bench.advance(ms(200));
    bench.expect_nothing();
    bench.reply(&slow.command, "++.");
    assert_eq!(extended(&mut bench), (slow.operation, deadline), "the old deadline is over, and no longer counts");
}

#[test]
fn the_deadline_ends_all_of_them() {
    let mut bench = Bench::held(3);
    bench.advance(VALIDITY.saturating_sub(ms(100)));
    let (first, second) = (begin(&mut bench), begin(&mut bench));
    bench.reply(&second.command, "+..");
    bench.fire();
    assert_eq!(expect_all_lost(&mut bench, &first, &second), Loss::Expired);
}

#[test]
fn the_replies_to_any_of_them_may_prove_the_loss() {
    for is_first in [true, false] {
        let (mut bench, first, second) = overlapping(3);
        let replied = if is_first { &first } else { &second };
        bench.reply(&replied.command, "-.-");
        let loss = expect_all_lost(&mut bench, &first, &second);
        let Loss::TakenOver(said) = loss else { panic!("{loss:?}") };
        assert_eq!(letters(&said), "-.-");
    }
}

#[test]
fn what_a_node_has_recovered_from_does_not_prove_the_loss() {
    let (mut bench, first, second) = overlapping(5);
    bench.reply(&first.command, "0....");
    bench.expect_acquire();
    bench.reply(&second.command, "+....");
    bench.reply(&first.command, ".00..");
    bench.expect_acquire();
    bench.expect_acquire();
    bench.expect_nothing();
    assert!(bench.is_held(), "the first node has confirmed the later one");
    bench.reply(&first.command, "...0.");
    bench.expect_acquire();
    let Loss::KeysGone(said) = expect_all_lost(&mut bench, &first, &second) else { panic!("its keys are gone") };
    assert_eq!(letters(&said), "0000.");
}

#[test]
fn a_node_that_is_being_healed_is_not_healed_twice() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "0..");
    let plant = bench.expect_acquire();
    bench.reply(&second.command, "0..");
    bench.expect_nothing();
    bench.reply_from(0, &plant, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([0, 1, 2]));
}

#[test]
fn late_replies_to_the_last_that_is_over_count_while_another_is_under_way() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "+..");
    bench.advance(NODE_TIMEOUT.saturating_sub(ms(100)));
    assert_eq!(failed(&mut bench).0, first.operation);
    bench.reply(&first.command, ".0.");
    let plant = bench.expect_acquire();
    assert_eq!((plant.nodes, plant.send_by), (nodes([1]), first.command.send_by));
    bench.expect_nothing();
    bench.reply(&first.command, "..-");
    assert_eq!(failed(&mut bench).0, second.operation);
    assert!(matches!(bench.expect_lost(), Loss::KeysGone(_)));
}

#[test]
fn the_text_of_the_script_goes_to_a_node_for_the_extension_that_asked_for_it() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "?+.");
    let source = bench.expect_extend();
    bench.reply(&second.command, "+..");
    bench.expect_nothing();
    bench.reply_from(0, &source, Reply::Done);
    assert_eq!(extended(&mut bench).0, first.operation);
    bench.reply(&second.command, ".+.");
    assert_eq!(extended(&mut bench).0, second.operation);
}

#[test]
fn a_release_supersedes_all_of_them() {
    let (mut bench, first, second) = overlapping(3);
    bench.reply(&first.command, "+..");
    bench.release();
    let release = bench.expect_release();
    for extension in [&first, &second] {
        bench.reply_all(&extension.command, &Reply::Done);
        bench.reply_all(&extension.command, &unavailable(Cause::Disconnected));
    }
    bench.expect_nothing();
    bench.reply(&release, "++.");
    assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
    bench.expect_nothing();
}
