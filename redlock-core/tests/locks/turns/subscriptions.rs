//! Hearing that one is called up: where, when, and what happens without.

use redlock_core::{Cause, Heard, NodeSet, Unavailable};

use super::only_called_up;
use crate::handles::Handles;

#[test]
fn where_subscribing_is_forbidden_that_is_noticed_once_and_locks_try_now_and_then() {
    let mut handles = Handles::new(2);
    handles.forbidding = handles.locks[0].config().nodes();
    let holder = handles.acquire(0, "job");
    let waiting = handles.wait_for(1);
    handles.advance_to(5_000);
    let kinds = handles.take_kinds(1);
    let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
    assert!((1..=3).contains(&count("subscribe")), "once a node at most: {kinds:?}");
    assert!(count("acquire") > 50);
    handles.give_back(0, holder);
    handles.advance_to(5_200);
    assert!(handles.has(1, waiting));
}

#[test]
fn who_waits_is_called_up_over_the_connection_that_takes_the_place_of_a_broken_one() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    let (home, now) = (handles.home(), handles.now);
    handles.disconnect(1);
    handles.locks[1].handle_disconnected(home, &Unavailable::new(Cause::Disconnected), now);
    handles.run();
    assert!(handles.take_kinds(1).ends_with(&["subscribe", "in turn"]), "it may have lost its place meanwhile");
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn who_hears_nothing_stands_in_no_queue_and_tries_now_and_then() {
    let mut handles = Handles::new(2);
    let home = handles.home();
    handles.mute = NodeSet::from_iter([home]);
    let holder = handles.acquire(0, "job");
    let waiting = handles.wait_for(1);
    handles.advance_to(500);
    let kinds = handles.take_kinds(1);
    let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
    assert_eq!((count("subscribe"), count("in turn")), (1, 0), "{kinds:?}");
    assert!(count("acquire") >= 9, "{kinds:?}");
    handles.advance_to(1_500);
    assert!(handles.take_kinds(1).contains(&"subscribe"), "the first subscription takes too long");
    handles.give_back(0, holder);
    handles.advance_to(1_700);
    assert!(handles.has(1, waiting));
}

#[test]
fn whoever_waits_stands_in_the_queue_as_soon_as_a_late_subscription_stands() {
    let mut handles = Handles::new(2);
    let (home, only_called_up) = (handles.home(), only_called_up());
    handles.mute = NodeSet::from_iter([home]);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up);
    handles.subscription_stands(1, home);
    assert_eq!(handles.take_kinds(1).last(), Some(&"in turn"));
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn who_becomes_deaf_tries_now_and_then_and_subscribes_again_after_a_second() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.wait_for(1);
    let (home, now) = (handles.home(), handles.now);
    handles.mute = handles.locks[0].config().nodes().without(NodeSet::from_iter([home]));
    handles.disconnect(1);
    handles.take_kinds(1);
    handles.locks[1].handle_heard(home, Heard::Deaf(Unavailable::new(Cause::Disconnected)), now);
    handles.advance_to(900);
    let subscribes_at_home = |handles: &Handles| handles.log.contains(&(1, home, "subscribe"));
    assert!(handles.log.iter().any(|(_, _, kind)| *kind == "acquire") && !subscribes_at_home(&handles));
    handles.advance_to(1_300);
    assert!(subscribes_at_home(&handles));
    assert_eq!(handles.take_kinds(1).last(), Some(&"in turn"));
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn a_subscription_is_made_once_and_only_where_somebody_waits() {
    let mut handles = Handles::new(2);
    for _ in 0..3 {
        let holder = handles.acquire(0, "job");
        let waiting = handles.begin(1, "job", only_called_up());
        handles.give_back(0, holder);
        assert!(handles.has(1, waiting));
        handles.give_back(1, waiting);
    }
    let subscriptions: Vec<_> = handles.log.iter().filter(|(_, _, kind)| *kind == "subscribe").collect();
    let home = handles.home();
    assert_eq!(subscriptions, [&(1, home, "subscribe"), &(0, home, "subscribe")], "each has heard of the other");
}
