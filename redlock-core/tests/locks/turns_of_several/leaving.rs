//! The turns that a lock of several names keeps, or may have got: each is given back, and none too early.

use redlock_core::{Cause, Heard, Locks, Request, Resources, Unavailable};

use super::{FIRST, SECOND, both, handles, handles_after_100_ms};
use crate::turns::{ms, only_called_up};
use crate::world::TTL;

fn broken() -> Unavailable {
    Unavailable::new(Cause::Disconnected)
}

#[test]
fn a_call_that_comes_when_the_turn_was_taken_already_does_not_end_it() {
    let (mut handles, [first, second, waits_for_both, waits_for_one]) = handles_after_100_ms();
    let (home, now) = (handles.home_of(FIRST), handles.now);
    handles.give_back(0, first);
    handles.log.clear();
    handles.locks[2].handle_heard(home, Heard::CalledUp(FIRST.into()), now);
    handles.run();
    assert_eq!(handles.log, [], "the turn is kept, as before");
    handles.give_back(1, second);
    assert!(handles.has(2, waits_for_both) && !handles.has(3, waits_for_one));
}

#[test]
fn who_waits_for_a_name_again_does_not_lose_its_place_at_the_end_of_the_turn_that_it_has_kept() {
    let (mut handles, [first, second, waits_for_both, waits_for_one]) = handles_after_100_ms();
    let config = handles.locks[0].config().clone();
    handles.locks.push(Locks::new(config));
    handles.give_back(0, first);
    // Somebody who knows of nobody that waits takes the name, and the home of the other one says nothing more.
    let newcomer = handles.acquire(4, FIRST);
    let (home, now) = (handles.home_of(SECOND), handles.now);
    handles.late.insert(home);
    handles.locks[2].handle_heard(home, Heard::CalledUp(SECOND.into()), now);
    handles.run();
    handles.late.remove(home);
    handles.locks[2].handle_disconnected(home, &broken(), now);
    handles.run();
    assert_eq!(handles.log.last(), Some(&(2, handles.home_of(FIRST), "in turn")), "it waits for the first name again");
    // The turn would have been kept until 300.
    handles.advance_to(350);
    handles.give_back(1, second);
    handles.give_back(4, newcomer);
    assert!(handles.has(3, waits_for_one), "it has waited for longer");
    handles.give_back(3, waits_for_one);
    assert!(handles.has(2, waits_for_both));
}

#[test]
fn a_turn_that_its_home_may_have_let_a_lock_keep_is_given_back_if_the_next_of_the_handle_waits_for_another_name() {
    let (mut handles, [first, _, waits_for_both, waits_for_one]) = handles_after_100_ms();
    handles.acquire(2, "account:0");
    let behind = handles.begin(2, Resources::all(["account:0", FIRST]), only_called_up());
    handles.late.insert(handles.home_of(FIRST));
    handles.give_back(0, first);
    // It gives up before it learns that it has its turn.
    handles.give_back(2, waits_for_both);
    handles.take_late_replies(2);
    assert!(handles.has(3, waits_for_one) && !handles.has(2, behind));
}

#[test]
fn a_turn_that_is_kept_is_given_back_if_the_next_of_the_handle_gives_up_in_the_same_moment() {
    let mut handles = handles(4);
    let (first, _) = (handles.acquire(0, FIRST), handles.acquire(1, SECOND));
    let (options, now) = (only_called_up().wait(ms(250)), handles.now);
    for names in [both(), FIRST.into()] {
        let request = Request::new(handles.locks[2].config(), names, TTL, options).unwrap();
        handles.locks[2].acquire(request, [100; 32], now).unwrap();
    }
    handles.run();
    let waits_for_one = handles.begin(3, FIRST, only_called_up());
    handles.advance_to(100);
    handles.give_back(0, first);
    assert!(!handles.has(3, waits_for_one));
    handles.advance_to(260);
    assert!(handles.has(3, waits_for_one), "not only at 300");
}

#[test]
fn a_turn_of_which_nothing_was_heard_because_the_connection_broke_is_given_back_over_the_next_one() {
    let (mut handles, [first, _, _, waits_for_one]) = handles_after_100_ms();
    let (home, now) = (handles.home_of(FIRST), handles.now);
    handles.late.insert(home);
    handles.give_back(0, first);
    handles.late.remove(home);
    handles.locks[2].handle_disconnected(home, &broken(), now);
    handles.run();
    assert!(handles.has(3, waits_for_one));
}

#[test]
fn a_turn_that_is_told_to_a_handle_that_hears_no_calls_any_more_is_given_back() {
    for gives_up in [false, true] {
        let (mut handles, [first, _, waits_for_both, waits_for_one]) = handles_after_100_ms();
        let (home, now) = (handles.home_of(FIRST), handles.now);
        handles.late.insert(home);
        handles.give_back(0, first);
        if gives_up {
            handles.give_back(2, waits_for_both);
        }
        handles.late.remove(home);
        handles.locks[2].handle_heard(home, Heard::Deaf(broken()), now);
        handles.run();
        handles.take_late_replies(2);
        assert!(handles.has(3, waits_for_one), "gives up: {gives_up}");
    }
}
