//! Several resources are one lock: all or none.

use redlock_core::{
    AcquireError, Action, Command, Config, ExtendError, Hold, Lock, Options, Reply, Request, Resources, ScriptForm,
};

use crate::harness::{Bench, TTL, at, config, letters, ms, node, nodes};

const FROM: &str = "account:1";
const TO: &str = "account:2";

/// Starts to acquire both over three nodes; the order in which they are named is that of the caller.
fn acquire(names: [&str; 2]) -> (Bench, Command) {
    let mut bench = start(config(3), Resources::all(names), 7);
    let acquire = bench.expect_acquire();
    (bench, acquire)
}

fn start(config: Config, resources: Resources, seed: u8) -> Bench {
    start_with(config, resources, seed, Options::new())
}

fn start_with(config: Config, resources: Resources, seed: u8, options: Options) -> Bench {
    let request = Request::new(&config, resources, TTL, options).expect("a valid request");
    let lock = Lock::acquire(&config, request, [seed; 32], at(0));
    Bench { config, lock, now: at(0) }
}

fn held() -> (Bench, Command) {
    let (mut bench, acquire) = acquire([FROM, TO]);
    bench.reply(&acquire, "++.");
    bench.expect_acquired();
    assert!(bench.hand_over());
    (bench, acquire)
}

#[test]
fn they_are_asked_for_in_one_command_and_in_one_order() {
    let ((bench, acquire), (_, swapped)) = (acquire([FROM, TO]), acquire([TO, FROM]));
    assert_eq!(acquire.nodes, bench.config.nodes());
    assert_eq!(acquire.action, swapped.action);
    assert_eq!(acquire.action.resources().expect("it is of a lock").to_string(), "account:1, account:2");
}

#[test]
fn a_node_that_does_not_know_the_script_is_sent_its_text() {
    let (mut bench, acquire) = acquire([FROM, TO]);
    bench.reply(&acquire, "+?.");
    let source = bench.expect_acquire();
    assert_eq!((source.form, source.nodes, &source.action), (ScriptForm::Source, nodes([1]), &acquire.action));
    assert_eq!(source.send_by, acquire.send_by);
    bench.expect_nothing();
    bench.reply_from(1, &source, Reply::Done);
    bench.expect_acquired();
}

#[test]
fn a_node_that_turns_out_late_not_to_know_the_script_gets_the_keys_all_the_same() {
    let (mut bench, acquire) = held();
    bench.reply(&acquire, "..?");
    let source = bench.expect_acquire();
    assert_eq!((source.form, source.nodes), (ScriptForm::Source, nodes([2])));
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
    bench.reply_from(2, &source, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([0, 1, 2]));
}

#[test]
fn a_refusal_names_the_resource_that_is_held_and_how_long_it_lives() {
    let once = Options::new().attempts(1);
    let mut bench = start_with(config(3), Resources::all([FROM, TO]), 7, once);
    let acquire = bench.expect_acquire();
    let mut hold = Hold::UNKNOWN;
    (hold.resource, hold.remaining) = (Some(TO.into()), Some(ms(1_500)));
    for index in [0, 1] {
        bench.reply_from(index, &acquire, Reply::HeldByOther(hold.clone()));
    }
    let AcquireError::Contended(attempts) = bench.expect_acquire_failed() else { panic!("it is held") };
    let said = "held by somebody else (account:2, for 1.5 s)";
    assert_eq!(attempts.nodes.to_string(), format!("a: {said}; b: {said}; c: not awaited"));
}

#[test]
fn a_node_that_has_lost_some_of_the_keys_is_given_all_again() {
    let (mut bench, _) = held();
    bench.advance(ms(1_000));
    bench.extend(TTL);
    let extend = bench.expect_extend();
    bench.reply(&extend, "0+.");
    let plant = bench.expect_acquire();
    assert_eq!((plant.nodes, plant.form), (nodes([0]), ScriptForm::Digest));
    assert_eq!(bench.lock.held_on(), nodes([1]));
    bench.reply_from(0, &plant, Reply::UnknownScript);
    let source = bench.expect_acquire();
    assert_eq!((source.nodes, source.form, &source.action), (nodes([0]), ScriptForm::Source, &plant.action));
    bench.reply_from(0, &source, Reply::Done);
    assert_eq!(bench.lock.held_on(), nodes([0, 1]));
    bench.reply(&extend, "..x");
    let ExtendError::Unconfirmed(report) = bench.expect_extend_failed() else { panic!("it is still held") };
    assert_eq!(letters(&report), "0+x", "a node that was healed does not count in that round");
}

/// The keys of a node, on real model nodes.
mod on_nodes {
    use super::{FROM, TO, at, config, node, start};
    use redlock_core::model::Node;
    use redlock_core::{Event, Lock, Resources};

    fn drive(lock: &mut Lock, nodes: &mut [Node]) -> Option<Event> {
        while let Some(command) = lock.poll_command() {
            for node in command.nodes.iter() {
                let reply = nodes[node.index()].execute(&command, at(0));
                lock.handle_reply(command.id, node, reply, at(0));
            }
        }
        lock.poll_event()
    }

    fn keys(node: &mut Node) -> Vec<String> {
        node.keys(at(0)).map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }

    #[test]
    fn a_node_grants_all_or_nothing() {
        let mut nodes = vec![Node::new(); 3];
        let mut one = start(config(3), TO.into(), 1).lock;
        assert!(matches!(drive(&mut one, &mut nodes), Some(Event::Acquired { .. })));
        let mut both = start(config(3), Resources::all([FROM, TO]), 2).lock;
        assert_eq!(drive(&mut both, &mut nodes), None, "it waits");
        assert!(nodes.iter_mut().all(|node| keys(node) == [TO]));

        one.release(at(0));
        drive(&mut one, &mut nodes);
        let retry_at = both.poll_timeout().unwrap();
        both.handle_timeout(retry_at);
        assert!(matches!(drive(&mut both, &mut nodes), Some(Event::Acquired { .. })));
        assert!(both.hand_over(retry_at));
        assert!(nodes.iter_mut().all(|node| keys(node) == [FROM, TO]));
        assert_eq!(both.held_on(), (0..3).map(node).collect());
        both.release(retry_at);
        drive(&mut both, &mut nodes);
        assert!(nodes.iter_mut().all(|node| keys(node).is_empty()));
    }

    #[test]
    fn a_release_leaves_the_keys_of_others_alone() {
        let mut nodes = vec![Node::new(); 3];
        let mut both = start(config(3), Resources::all([FROM, TO]), 2).lock;
        drive(&mut both, &mut nodes);
        assert!(both.hand_over(at(0)));
        for node in &mut nodes {
            node.set(FROM.as_bytes(), b"theirs", None, at(0));
        }
        both.release(at(0));
        let Some(Event::Released(report)) = drive(&mut both, &mut nodes) else { panic!("it was held") };
        assert_eq!(report.verdict, redlock_core::ReleaseVerdict::TakenOver);
        assert!(nodes.iter_mut().all(|node| keys(node) == [FROM]));
    }
}

#[test]
fn nothing_but_their_actions_differs_from_a_single_name() {
    let single = start(config(3), FROM.into(), 7).lock.poll_command().unwrap();
    assert!(matches!(single.action, Action::Acquire { .. }));
    assert_eq!(single.wire().words().next(), Some(&b"SET"[..]));
    let (_, several) = acquire([FROM, TO]);
    assert_eq!(several.wire().words().next(), Some(&b"EVALSHA"[..]));
    assert_eq!((single.nodes, single.send_by), (several.nodes, several.send_by));
}
