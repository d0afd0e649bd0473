//! Those who want several resources together, and others who want one of them: each waits in the queue of one that is held.

mod leaving;

use redlock_core::{Cause, Heard, LockKey, NodeId, NodeSet, Options, Resources, Unavailable};

use crate::handles::Handles;
use crate::turns::only_called_up;
use crate::world::at;

/// Two names, of which each has a home of its own.
const FIRST: &str = "account:1";
const SECOND: &str = "account:2";

fn both() -> Resources {
    Resources::all([FIRST, SECOND])
}

fn handles(count: usize) -> Handles {
    let mut handles = Handles::new(count);
    // As with servers that were told this script, too, when the connections were opened.
    let key = handles.acquire(0, both());
    handles.give_back(0, key);
    handles.log.clear();
    assert_ne!(handles.home_of(FIRST), handles.home_of(SECOND));
    handles
}

impl Handles {
    /// Sets a key by hand, as another client would.
    fn set(&mut self, node: NodeId, name: &str) {
        self.nodes[node.index()].set(name.as_bytes(), b"theirs", None, self.now);
    }

    fn count(&mut self, handle: usize, kind: &str) -> usize {
        self.log.iter().filter(|(of, _, logged)| *of == handle && *logged == kind).count()
    }
}

#[test]
fn a_lock_of_several_names_waits_for_the_one_that_is_held_and_has_all_in_the_same_moment() {
    for held in [FIRST, SECOND] {
        let mut handles = handles(2);
        let holder = handles.acquire(0, held);
        let waiting = handles.begin(1, both(), only_called_up());
        assert!(!handles.has(1, waiting));
        assert_eq!(handles.log.last(), Some(&(1, handles.home_of(held), "in turn")), "it waits for {held}");
        handles.log.clear();
        handles.give_back(0, holder);
        assert!(handles.has(1, waiting));
        let kinds = handles.take_kinds(1);
        assert_eq!(kinds, ["in turn", "acquire", "acquire"], "one command a node: the home first");
    }
}

#[test]
fn those_who_want_the_same_names_have_them_in_turn_and_hardly_anything_is_sent() {
    const HANDLES: usize = 6;
    const ROUNDS: usize = 10;
    let mut handles = handles(HANDLES);
    let mut holder = (0, handles.acquire(0, both()));
    let mut waiting: Vec<_> = (1..HANDLES).map(|handle| handles.begin(handle, both(), only_called_up())).collect();
    handles.log.clear();
    for _ in 0..ROUNDS * HANDLES {
        let (handle, key) = holder;
        handles.give_back(handle, key);
        let next = (0..waiting.len()).find(|place| handles.has((handle + 1 + place) % HANDLES, waiting[*place]));
        assert_eq!(next, Some(0), "the one that has waited longest");
        holder = ((handle + 1) % HANDLES, waiting.remove(0));
        waiting.push(handles.begin(handle, both(), only_called_up()));
    }
    let commands = handles.log.len();
    let most = ROUNDS * HANDLES * (2 * 3 + 1) + 2 * HANDLES;
    assert!(commands <= most, "two for each node and one to wait, and some that make things known: {commands}");
}

#[test]
fn who_waits_for_one_name_is_not_held_up_by_one_that_waits_for_another_one_as_well() {
    let mut handles = handles(4);
    let (first, second) = (handles.acquire(0, FIRST), handles.acquire(2, SECOND));
    let waits_for_both = handles.begin(1, both(), only_called_up());
    let waits_for_one = handles.begin(3, FIRST, only_called_up());
    handles.give_back(0, first);
    assert!(handles.has(3, waits_for_one), "it is called up when the one before it cannot come");
    handles.give_back(2, second);
    assert!(!handles.has(1, waits_for_both), "the first name is held again");
    handles.give_back(3, waits_for_one);
    assert!(handles.has(1, waits_for_both), "it has gone from one queue to the other, and back");
}

/// Returns handles of which the first two hold one name each, the third waits for both and has done so for 100 ms, and the
/// fourth waits behind it for the first name; and the keys of all.
fn handles_after_100_ms() -> (Handles, [LockKey; 4]) {
    let mut handles = handles(4);
    let (first, second) = (handles.acquire(0, FIRST), handles.acquire(1, SECOND));
    let waits_for_both = handles.begin(2, both(), only_called_up());
    let waits_for_one = handles.begin(3, FIRST, only_called_up());
    handles.advance_to(100);
    handles.log.clear();
    (handles, [first, second, waits_for_both, waits_for_one])
}

#[test]
fn who_has_waited_keeps_its_turn_while_it_waits_for_a_name_after_that() {
    let (mut handles, [first, second, waits_for_both, waits_for_one]) = handles_after_100_ms();
    handles.give_back(0, first);
    assert!(!handles.has(2, waits_for_both) && !handles.has(3, waits_for_one));
    handles.advance_to(250);
    handles.give_back(1, second);
    assert!(handles.has(2, waits_for_both) && !handles.has(3, waits_for_one));
    handles.give_back(2, waits_for_both);
    assert!(handles.has(3, waits_for_one));
}

#[test]
fn a_turn_is_kept_for_twice_as_long_as_was_waited_for_it() {
    let (mut handles, [first, second, waits_for_both, waits_for_one]) = handles_after_100_ms();
    handles.give_back(0, first);
    handles.advance_to(298);
    assert!(!handles.has(3, waits_for_one));
    handles.advance_to(300);
    assert!(handles.has(3, waits_for_one), "it is called up when the turn is given back");
    handles.give_back(1, second);
    assert!(!handles.has(2, waits_for_both), "the first name is held again");
    handles.give_back(3, waits_for_one);
    assert!(handles.has(2, waits_for_both));
}

#[test]
fn the_turn_to_take_a_name_is_not_kept_while_one_before_it_is_held() {
    let mut handles = handles(5);
    let second = handles.acquire(1, SECOND);
    let waits_for_both = handles.begin(2, both(), only_called_up());
    let waits_for_one = handles.begin(3, SECOND, only_called_up());
    let first = handles.acquire(0, FIRST);
    handles.advance_to(100);
    handles.give_back(1, second);
    assert!(handles.has(3, waits_for_one) && !handles.has(2, waits_for_both), "so nobody waits in a circle");
    handles.give_back(3, waits_for_one);
    handles.give_back(0, first);
    assert!(handles.has(2, waits_for_both));
}

#[test]
fn who_gives_up_leaves_the_queue_and_gives_back_the_turn_that_it_has_kept() {
    let (mut handles, [first, second, waits_for_both, waits_for_one]) = handles_after_100_ms();
    let other = handles.begin(0, SECOND, only_called_up());
    handles.give_back(0, first);
    handles.log.clear();
    handles.give_back(2, waits_for_both);
    assert!(handles.has(3, waits_for_one));
    let leaves = handles.log.iter().filter(|(_, _, kind)| *kind == "leave").count();
    assert_eq!(leaves, 2, "one for each name: {:?}", handles.log);
    handles.give_back(1, second);
    assert!(handles.has(0, other));
}

#[test]
fn a_turn_that_is_kept_passes_on_inside_the_handle() {
    let (mut handles, [first, _, waits_for_both, waits_for_one]) = handles_after_100_ms();
    let behind = handles.begin(2, FIRST, only_called_up());
    handles.give_back(0, first);
    handles.give_back(2, waits_for_both);
    assert!(handles.has(2, behind) && !handles.has(3, waits_for_one), "the lock behind it has come on");
}

#[test]
fn a_turn_that_is_kept_is_given_back_if_the_next_of_the_handle_waits_for_another_name() {
    let (mut handles, [first, _, waits_for_both, waits_for_one]) = handles_after_100_ms();
    handles.acquire(1, "account:0");
    let before = handles.begin(2, "account:0", only_called_up());
    handles.give_back(2, before);
    let behind = handles.begin(2, Resources::all(["account:0", FIRST]), only_called_up());
    handles.give_back(0, first);
    assert!(!handles.has(3, waits_for_one), "the turn is kept");
    handles.give_back(2, waits_for_both);
    assert!(handles.has(3, waits_for_one) && !handles.has(2, behind));
}

#[test]
fn a_turn_of_which_nothing_was_heard_is_given_back() {
    let (mut handles, [first, ..]) = handles_after_100_ms();
    let home = handles.home_of(FIRST);
    handles.advance_to(300);
    handles.late.insert(home);
    handles.give_back(0, first);
    // It would be kept until 900.
    handles.advance_to(800);
    let asks = (3, home, "in turn");
    assert!(handles.log.contains(&asks), "the home does not keep the turn until it is over: {:?}", handles.log);
}

#[test]
fn nobody_has_a_turn_to_take_what_is_held() {
    let (mut handles, [first, second, waits_for_both, _]) = handles_after_100_ms();
    handles.give_back(0, first);
    handles.give_back(1, second);
    assert!(handles.has(2, waits_for_both));
    for name in [FIRST, SECOND] {
        let (home, now) = (handles.home_of(name), handles.now);
        assert_eq!(handles.nodes[home.index()].called_up(&name.into(), now), None, "{name}");
    }
}

#[test]
fn a_handle_that_is_gone_with_its_turn_costs_others_the_time_for_which_it_would_have_kept_it() {
    let (mut handles, [first, _, _, waits_for_one]) = handles_after_100_ms();
    handles.give_back(3, waits_for_one);
    handles.give_back(0, first);
    handles.stopped = vec![2];
    handles.disconnect(2);
    let other = handles.begin(3, FIRST, Options::new());
    handles.advance_to(295);
    assert!(!handles.has(3, other));
    handles.advance_to(330);
    assert!(handles.has(3, other), "200 ms, and the grace of 25 ms in which it could have given it back");
}

#[test]
fn a_release_of_several_names_calls_up_who_waits_for_each() {
    let mut handles = handles(3);
    let holder = handles.acquire(0, both());
    let waiting = [handles.begin(1, FIRST, only_called_up()), handles.begin(2, SECOND, only_called_up())];
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting[0]) && handles.has(2, waiting[1]));
}

#[test]
fn the_queue_of_each_name_has_its_say_about_who_comes_next() {
    let mut handles = handles(2);
    let holder = handles.acquire(0, both());
    let own = handles.begin(0, both(), only_called_up());
    let other = handles.begin(1, SECOND, only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, other), "it waited before the next one of the other handle asked");
    handles.give_back(1, other);
    assert!(handles.has(0, own));
}

#[test]
fn whoever_takes_one_of_the_names_next_does_not_let_others_of_its_handle_overtake_who_waits_for_another_one() {
    let mut handles = handles(2);
    let holder = handles.acquire(0, both());
    let own = handles.begin(0, SECOND, only_called_up());
    let other = handles.begin(1, SECOND, only_called_up());
    let home = handles.home_of(SECOND);
    handles.late.insert(home);
    handles.stopped = vec![1];
    handles.give_back(0, holder);
    handles.begin(0, FIRST, only_called_up());
    handles.take_late_replies(0);
    assert!(!handles.has(0, own), "the home has called up the other handle");
    handles.late.remove(home);
    handles.stopped.clear();
    let now = handles.now;
    handles.locks[1].handle_heard(home, Heard::CalledUp(SECOND.into()), now);
    handles.run();
    assert!(handles.has(1, other));
}

#[test]
fn what_is_not_wanted_by_others_any_more_is_asked_for_in_one_round_trip_again() {
    let mut handles = handles(2);
    let holder = handles.acquire(0, both());
    let waiting = handles.begin(1, both(), only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
    handles.give_back(1, waiting);
    handles.log.clear();
    let again = handles.acquire(1, both());
    handles.give_back(1, again);
    assert_eq!(handles.take_kinds(1), ["acquire", "acquire", "acquire", "release", "release", "release"]);
}

#[test]
fn nodes_that_disagree_on_which_name_is_held_do_not_send_a_waiter_to_and_fro() {
    let mut handles = handles(1);
    let (home_of_first, home_of_second) = (handles.home_of(FIRST), handles.home_of(SECOND));
    handles.set(home_of_first, SECOND);
    handles.set(home_of_second, FIRST);
    let waiting = handles.begin(0, both(), Options::new());
    let at_once = handles.log.len();
    assert!(at_once <= 12, "it asks all, goes to one queue and to the other, and waits: {at_once}");
    handles.advance_to(10_000);
    let commands = handles.log.len();
    assert!((200..1_200).contains(&commands), "then it tries now and then: {commands}");
    handles.nodes[home_of_first.index()].delete(SECOND.as_bytes());
    handles.advance_to(10_300);
    assert!(handles.has(0, waiting));
}

#[test]
fn a_call_up_for_a_name_that_it_does_not_wait_for_is_passed_on() {
    let mut handles = handles(2);
    handles.acquire(0, SECOND);
    handles.begin(1, both(), only_called_up());
    handles.log.clear();
    let home = handles.home_of(FIRST);
    handles.locks[1].handle_heard(home, Heard::CalledUp(FIRST.into()), at(1));
    handles.run();
    assert_eq!(handles.log, [(1, home, "leave")]);
}

#[test]
fn a_place_passes_on_inside_the_handle_or_is_given_up() {
    let mut handles = handles(3);
    let holder = handles.acquire(0, FIRST);
    let first = handles.begin(1, FIRST, only_called_up());
    let behind = handles.begin(1, both(), only_called_up());
    let other = handles.begin(2, FIRST, only_called_up());
    handles.give_back(1, first);
    handles.give_back(0, holder);
    assert!(handles.has(1, behind) && !handles.has(2, other), "the lock behind it has come on");
    handles.give_back(1, behind);
    assert!(handles.has(2, other));
}

#[test]
fn one_that_cannot_come_on_leaves_the_place_of_its_handle_to_others() {
    let mut handles = handles(3);
    let (holder, own) = (handles.acquire(0, FIRST), handles.acquire(1, SECOND));
    let first = handles.begin(1, FIRST, only_called_up());
    let behind = handles.begin(1, both(), only_called_up());
    let other = handles.begin(2, FIRST, only_called_up());
    handles.give_back(1, first);
    handles.give_back(0, holder);
    assert!(handles.has(2, other), "the second name is held by another lock of that handle");
    handles.give_back(2, other);
    handles.give_back(1, own);
    assert!(handles.has(1, behind));
}

#[test]
fn a_waiter_for_several_names_that_gives_up_leaves_its_queue() {
    let mut handles = handles(3);
    let holder = handles.acquire(0, SECOND);
    let first = handles.begin(1, both(), only_called_up());
    let second = handles.begin(2, SECOND, only_called_up());
    handles.log.clear();
    handles.give_back(1, first);
    assert_eq!(handles.log, [(1, handles.home_of(SECOND), "leave")]);
    handles.give_back(0, holder);
    assert!(handles.has(2, second));
}

#[test]
fn fences_and_labels_are_given_in_turn_as_well() {
    let mut handles = handles(2);
    let holder = handles.acquire(0, SECOND);
    let waiting = handles.begin(1, both(), only_called_up().fenced(true));
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
    let fences = handles.locks[1].lock(waiting).unwrap().fences().unwrap();
    assert_eq!(fences.as_slice().len(), 2);
}

#[test]
fn who_hears_nothing_at_the_home_of_what_is_held_tries_now_and_then() {
    let mut handles = handles(2);
    handles.mute = NodeSet::from_iter([handles.home_of(SECOND)]);
    let holder = handles.acquire(0, SECOND);
    let waiting = handles.begin(1, both(), Options::new());
    handles.advance_to(500);
    assert_eq!(handles.count(1, "in turn"), 0);
    assert!(handles.count(1, "acquire") >= 9);
    handles.give_back(0, holder);
    handles.advance_to(700);
    assert!(handles.has(1, waiting));
}

#[test]
fn a_home_that_is_down_is_replaced_for_the_names_that_it_is_the_home_of() {
    let mut handles = handles(2);
    let holder = handles.acquire(0, both());
    let home = handles.home_of(SECOND);
    for locks in &mut handles.locks {
        let why = Unavailable::with_detail(Cause::NotSent, "connection refused");
        locks.handle_disconnected(home, &why, at(0));
        if locks.poll_connect(home) {
            locks.handle_disconnected(home, &why, at(0));
        }
    }
    let waiting = handles.begin(1, SECOND, only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}
