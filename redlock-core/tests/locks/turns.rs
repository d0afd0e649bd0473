//! Those who want the same resource in several handles: they wait in the queue of its home.

mod crossing;
mod homes;
mod subscriptions;

use core::time::Duration;

use redlock_core::{AcquireError, Heard, NodeSet, Options, RetryDelay};

use crate::handles::Handles;
use crate::world::{TTL, at};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So patient that nothing is found out by asking now and then.
pub(crate) fn only_called_up() -> Options {
    let hour = Duration::from_secs(3_600);
    Options::new().retry_delay(RetryDelay::new(hour, hour))
}

#[test]
fn who_waits_is_called_up_at_the_release_and_has_it_in_the_same_moment() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    assert!(!handles.has(1, waiting));
    let kinds = handles.take_kinds(1);
    assert_eq!(kinds[..3], ["acquire"; 3], "the first attempt goes to all");
    let waits: Vec<_> = kinds.iter().filter(|kind| !["acquire", "release"].contains(kind)).collect();
    assert_eq!(waits, [&"subscribe", &"in turn", &"in turn"], "it hears before it waits; then the script's text");
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
    let kinds = handles.take_kinds(1);
    assert_eq!(kinds.len(), 3, "one command a node, in one round trip: {kinds:?}");
}

#[test]
fn nobody_is_overtaken_and_hardly_anything_is_sent() {
    const HANDLES: usize = 8;
    const ROUNDS: usize = 20;
    let mut handles = Handles::new(HANDLES);
    let mut holder = (0, handles.acquire(0, "job"));
    let mut waiting: Vec<_> = (1..HANDLES).map(|handle| handles.begin(handle, "job", only_called_up())).collect();
    handles.log.clear();
    handles.log.clear();
    let mut served = Vec::new();
    for _ in 0..ROUNDS * HANDLES {
        handles.now = handles.now.saturating_add(ms(1));
        let (handle, key) = holder;
        handles.give_back(handle, key);
        let next = (0..waiting.len()).find(|place| handles.has((handle + 1 + place) % HANDLES, waiting[*place]));
        assert_eq!(next, Some(0), "the one that has waited longest");
        served.push((handle + 1) % HANDLES);
        holder = ((handle + 1) % HANDLES, waiting.remove(0));
        waiting.push(handles.begin(handle, "job", only_called_up()));
    }
    let commands = handles.log.len();
    let most = ROUNDS * HANDLES * (2 * 3 + 1) + HANDLES;
    assert!(commands <= most, "two for each node and one to wait, and some texts of scripts: {commands}");
}

#[test]
fn a_handle_that_has_released_stands_at_the_end() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let own = handles.begin(0, "job", only_called_up());
    let others = handles.begin(1, "job", only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, others), "the other handle waited before the next one of this handle asked");
    assert!(!handles.has(0, own));
    handles.give_back(1, others);
    assert!(handles.has(0, own));
}

#[test]
fn the_next_of_a_handle_goes_at_once_where_nobody_else_waits() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let [first, second] = [(); 2].map(|()| handles.wait_for(0));
    handles.log.clear();
    for key in [holder, first, second] {
        handles.give_back(0, key);
    }
    let kinds = handles.take_kinds(0);
    assert!(kinds.iter().all(|kind| ["release", "acquire"].contains(kind)), "{kinds:?}");
}

#[test]
fn a_waiter_that_gives_up_leaves_the_queue_and_costs_nobody_anything() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let first = handles.begin(1, "job", only_called_up());
    let second = handles.begin(2, "job", only_called_up());
    handles.log.clear();
    handles.give_back(1, first);
    assert_eq!(handles.take_kinds(1), ["leave"]);
    handles.give_back(0, holder);
    assert!(handles.has(2, second));
}

#[test]
fn its_place_passes_on_inside_the_handle() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let first = handles.begin(1, "job", only_called_up());
    let behind = handles.begin(1, "job", only_called_up());
    let other = handles.begin(2, "job", only_called_up());
    handles.give_back(1, first);
    assert!(!handles.take_kinds(1).contains(&"leave"));
    handles.give_back(0, holder);
    assert!(handles.has(1, behind) && !handles.has(2, other));
}

#[test]
fn a_handle_that_closes_gives_up_its_place() {
    let mut handles = Handles::new(3);
    let holder = handles.wait_for(0);
    handles.wait_for(1);
    handles.wait_for(1);
    let other = handles.wait_for(2);
    let home = handles.home();
    handles.log.clear();
    let now = handles.now;
    handles.locks[1].close(now);
    handles.run();
    assert_eq!(handles.log, [(1, home, "leave")]);
    handles.give_back(0, holder);
    assert!(handles.has(2, other));
}

#[test]
fn a_call_that_comes_too_late_is_passed_on() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let first = handles.begin(1, "job", only_called_up());
    let second = handles.begin(2, "job", only_called_up());
    // It gives up while the call is on its way.
    handles.stopped = vec![1];
    handles.give_back(1, first);
    handles.give_back(0, holder);
    assert!(!handles.has(2, second), "the first one is waited for");
    handles.stopped.clear();
    let now = handles.now;
    handles.run();
    assert!(handles.has(2, second), "it has left, and the next one was called up");
    assert_eq!(handles.now, now);
}

#[test]
fn a_waiter_that_hangs_costs_the_others_its_grace_and_loses_its_place() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let hanging = handles.begin(1, "job", only_called_up());
    let waiting = handles.begin(2, "job", Options::new().retry_delay(RetryDelay::new(ms(1), ms(5))));
    handles.stopped = vec![1];
    handles.advance_to(100);
    handles.give_back(0, holder);
    handles.advance_to(125);
    assert!(!handles.has(2, waiting), "it is the turn of the one that hangs");
    handles.advance_to(135);
    assert!(handles.has(2, waiting));
    handles.stopped.clear();
    handles.run();
    assert!(!handles.has(1, hanging));
    handles.give_back(2, waiting);
    handles.advance_to(10_100);
    assert!(handles.has(1, hanging), "it goes on waiting");
}

#[test]
fn a_waiter_whose_connection_is_gone_is_passed_over_at_once() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    handles.begin(1, "job", only_called_up());
    let waiting = handles.begin(2, "job", only_called_up());
    handles.stopped = vec![1];
    handles.disconnect(1);
    handles.give_back(0, holder);
    assert!(handles.has(2, waiting));
}

#[test]
fn a_holder_that_never_comes_back_is_waited_for_as_long_as_its_key_lives() {
    let mut handles = Handles::new(2);
    handles.acquire(0, "job");
    handles.stopped = vec![0];
    let waiting = handles.begin(1, "job", only_called_up());
    handles.log.clear();
    handles.advance_to(9_990);
    assert_eq!(handles.take_kinds(1), Vec::<&str>::new(), "nothing is asked meanwhile");
    handles.advance_to(10_002);
    assert!(handles.has(1, waiting));
}

#[test]
fn another_client_that_only_deletes_its_key_is_noticed_by_asking_the_home_now_and_then() {
    let mut handles = Handles::new(1);
    for node in &mut handles.nodes {
        node.set(b"job", b"theirs", None, at(0));
    }
    let waiting = handles.wait_for(0);
    handles.log.clear();
    handles.advance_to(10_000);
    let kinds = handles.take_kinds(0);
    assert!(kinds.iter().all(|kind| *kind == "in turn"), "of the home only: {kinds:?}");
    assert!((50..200).contains(&kinds.len()), "every 100 ms or so: {}", kinds.len());
    for node in &mut handles.nodes {
        node.delete(b"job");
    }
    handles.advance_to(10_200);
    assert!(handles.has(0, waiting));
}

#[test]
fn a_request_for_a_number_of_attempts_does_not_stand_in_the_queue() {
    let mut handles = Handles::new(2);
    handles.acquire(0, "job");
    let key = handles.begin(1, "job", Options::new().attempts(3));
    handles.advance_to(1_000);
    assert!(matches!(handles.locks[1].hand_over(key, at(1_000)), Some(Err(AcquireError::Contended(_)))));
    let kinds = handles.take_kinds(1);
    assert!(kinds.iter().all(|kind| ["acquire", "release"].contains(kind)), "{kinds:?}");
}

#[test]
fn whoever_gives_up_is_told_the_place_and_for_how_long_the_lock_is_held() {
    let mut handles = Handles::new(3);
    handles.acquire(0, "job");
    handles.begin(1, "job", only_called_up());
    let key = handles.begin(2, "job", only_called_up().wait(ms(500)));
    handles.advance_to(501);
    let Some(Err(AcquireError::Contended(attempts))) = handles.locks[2].hand_over(key, handles.now) else {
        panic!("its time is over")
    };
    assert_eq!((attempts.place(), attempts.elapsed.as_millis()), (Some(2), 500));
    assert_eq!(attempts.held_for(), Some(TTL), "at the last look");
}

#[test]
fn only_the_first_in_the_queue_asks_when_the_turn_of_another_is_over() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let called = handles.begin(1, "job", only_called_up());
    let first = handles.begin(2, "job", only_called_up());
    handles.stopped = vec![1];
    handles.give_back(0, holder);
    // It comes while it is the turn of the one that is stopped.
    let last = handles.begin(0, "job", only_called_up());
    handles.log.clear();
    handles.advance_to(100);
    assert!(!handles.has(1, called) && !handles.has(2, first), "it was told that a key lives for longer");
    assert_eq!(handles.take_kinds(0), Vec::<&str>::new(), "it is behind that one");
    assert!(!handles.has(0, last));
}

#[test]
fn who_is_called_up_and_wins_without_the_home_gives_back_the_turn() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    let home = handles.home();
    handles.stopped = vec![1];
    handles.give_back(0, holder);
    // Somebody takes the key at the home before the one that is called up comes, and then gives it back.
    handles.nodes[home.index()].set(b"job", b"of another", None, handles.now);
    handles.stopped.clear();
    handles.late = handles.locks[1].config().nodes();
    let now = handles.now;
    for _ in 0..2 {
        handles.locks[1].handle_heard(home, Heard::CalledUp("job".into()), now);
        handles.run();
    }
    handles.log.clear();
    for _ in 0..3 {
        handles.take_late_reply(1);
    }
    handles.run();
    assert!(handles.has(1, waiting), "the other nodes have granted");
    assert_eq!(handles.log, [(1, home, "leave")]);
}

#[test]
fn who_comes_in_vain_because_the_others_are_slow_to_release_asks_for_a_place_at_once() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    let home = handles.home();
    let others: Vec<_> = handles.locks[0].config().nodes().without(NodeSet::from_iter([home])).iter().collect();
    for node in &others {
        handles.nodes[node.index()].set(b"job", b"of another", None, handles.now);
    }
    handles.give_back(0, holder);
    assert!(!handles.has(1, waiting));
    let kinds = handles.take_kinds(1);
    assert!(kinds.iter().filter(|kind| **kind == "in turn").count() >= 2, "{kinds:?}");
    assert!(handles.next_timer().is_some(), "and it does not ask for ever in the same moment");
    for node in &others {
        handles.nodes[node.index()].delete(b"job");
    }
    let soon = handles.now.saturating_since(at(0)).as_millis() + 3_600_000;
    assert!(handles.next_timer() <= Some(at(u64::try_from(soon).unwrap())));
}

#[test]
fn what_is_not_wanted_by_others_any_more_is_asked_for_in_one_round_trip_again() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
    handles.give_back(1, waiting);
    handles.log.clear();
    let again = handles.acquire(1, "job");
    handles.give_back(1, again);
    assert_eq!(handles.take_kinds(1), ["acquire", "acquire", "acquire", "release", "release", "release"]);
}

#[test]
fn a_key_that_is_kept_for_a_while_does_not_say_that_nobody_waits() {
    let mut handles = Handles::new(2);
    let first = handles.acquire(0, "job");
    let second = handles.begin(1, "job", only_called_up());
    handles.give_back(0, first);
    assert!(handles.has(1, second));
    let third = handles.begin(0, "job", only_called_up().min_hold(ms(100)));
    handles.give_back(1, second);
    assert!(handles.has(0, third));
    handles.begin(1, "job", only_called_up());
    handles.give_back(0, third);
    handles.log.clear();
    handles.begin(0, "job", only_called_up());
    assert_eq!(handles.take_kinds(0), ["in turn"], "behind the other handle");
}
