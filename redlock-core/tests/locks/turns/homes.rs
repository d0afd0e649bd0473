//! The node that keeps the queue, when it is down, hangs or is not connected yet.

use redlock_core::{AcquireError, Cause, Facts, Heard, Hold, Locks, NodeId, NodeSet, Reply, Unavailable};

use super::{ms, only_called_up};
use crate::handles::Handles;
use crate::world::at;

#[test]
fn a_home_that_hangs_is_given_up_for_the_next_in_the_order() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    handles.hung = NodeSet::from_iter([handles.home()]);
    let first = handles.wait_for(1);
    let second = handles.begin(2, "job", only_called_up());
    handles.advance_to(2_000);
    assert!(!handles.has(1, first) && !handles.has(2, second));
    handles.give_back(0, holder);
    handles.advance_to(2_200);
    assert!(handles.has(1, first), "the holder does not know of it, so this one has asked");
    handles.give_back(1, first);
    assert!(handles.has(2, second), "who knows of it lets the other node call up as well");
}

#[test]
fn a_home_that_is_down_is_replaced_by_the_next_in_the_order() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let home = handles.home();
    for locks in &mut handles.locks {
        let why = Unavailable::with_detail(Cause::NotSent, "connection refused");
        locks.handle_disconnected(home, &why, at(0));
        if locks.poll_connect(home) {
            locks.handle_disconnected(home, &why, at(0));
        }
    }
    let waiting = handles.begin(1, "job", only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn a_home_to_which_a_connection_is_being_opened_is_waited_for() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    handles.unconnected = NodeSet::from_iter([handles.home()]);
    handles.locks[1] = Locks::new(handles.locks[1].config().clone());
    let waiting = handles.wait_for(1);
    assert!(!handles.take_kinds(1).contains(&"in turn"), "another node is not where others wait");
    handles.unconnected = NodeSet::EMPTY;
    handles.connect(1);
    handles.advance_to(500);
    assert!(handles.take_kinds(1).contains(&"in turn"));
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn whoever_waits_elsewhere_comes_back_when_the_home_can_be_used_again() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.wait_for(1);
    let (home, now) = (handles.home(), handles.now);
    handles.disconnect(1);
    handles.locks[1].handle_heard(home, Heard::Deaf(Unavailable::new(Cause::Disconnected)), now);
    handles.run();
    let (last, _) = handles.log.iter().map(|(_, node, kind)| (*node, *kind)).next_back().unwrap();
    assert_ne!(last, home, "it waits elsewhere");
    handles.advance_to(1_300);
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting), "the holder does not know of it, and lets the home call up");
}

#[test]
fn a_home_that_is_not_to_be_used_is_replaced_by_the_next_in_the_order() {
    let mut handles = Handles::new(2);
    let (now, first) = (handles.now, NodeId::new(0).unwrap());
    // It is the same server as the first node, and so has no vote.
    let name = (0..100).map(|number| format!("job:{number}")).find(|name| handles.home_of(name) != first).unwrap();
    let home = handles.home_of(&name);
    let mut facts = Facts::default();
    facts.note_info("redis_version:7.0.15\r\nrun_id:same\r\nuptime_in_seconds:1000\r\nrole:master\r\n");
    for locks in &mut handles.locks {
        for node in [first, home] {
            locks.handle_connected(node, facts.clone(), true, now);
        }
    }
    handles.run();
    let holder = handles.acquire(0, name.as_str());
    let waiting = handles.begin(1, name.as_str(), only_called_up());
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

#[test]
fn a_home_that_keeps_no_queue_for_this_user_is_left_by_all_who_wait_there() {
    let mut handles = Handles::new(2);
    let home = handles.home();
    let other = (0..100).map(|number| format!("job:{number}")).find(|name| handles.home_of(name) == home).unwrap();
    handles.acquire(0, "job");
    handles.acquire(0, other.as_str());
    let waiting = handles.begin(1, "job", only_called_up());
    let attempts = |handles: &Handles| handles.locks[1].lock(waiting).unwrap().attempts();
    let before = attempts(&handles);
    handles.late = NodeSet::from_iter([home]);
    handles.begin(1, other.as_str(), only_called_up());
    (0..2).for_each(|_| handles.take_late_reply(1));
    let now = handles.now;
    handles.locks[1].handle_reply(home, Reply::HeldByOther(Hold::UNKNOWN), now);
    handles.run();
    assert_eq!(attempts(&handles), before + 1, "it asks the next in the order");
}

#[test]
fn a_home_that_is_lost_for_good_or_silent_is_left_by_all_who_wait_there() {
    for is_given_up in [true, false] {
        let mut handles = Handles::new(2);
        let home = handles.home();
        handles.acquire(0, "job");
        handles.begin(1, "job", only_called_up());
        handles.unconnected = NodeSet::from_iter([home]);
        if is_given_up {
            handles.locks[1].give_up(home, &Unavailable::new(Cause::NotAuthenticated), at(0));
            handles.run();
        } else {
            handles.hung = NodeSet::from_iter([home]);
            handles.begin(1, "another", only_called_up());
            handles.log.clear();
            handles.advance_to(5_001);
        }
        let asks = |(of, node, kind): &(usize, NodeId, &str)| *of == 1 && *node != home && *kind == "in turn";
        assert!(handles.log.iter().any(asks), "given up: {is_given_up}, {:?}", handles.log);
    }
}

#[test]
fn a_budget_that_ends_while_the_home_is_asked_says_nothing_about_the_home() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let (home, other) = (handles.home(), handles.begin(1, "job", only_called_up().wait(ms(500))));
    handles.advance_to(499);
    let now = handles.now;
    handles.late = NodeSet::from_iter([home]);
    handles.locks[1].handle_heard(home, Heard::CalledUp("job".into()), now);
    handles.run();
    handles.advance_to(501);
    let error = handles.locks[1].hand_over(other, handles.now);
    assert!(matches!(error, Some(Err(AcquireError::Contended(_)))), "{error:?}");
    handles.take_late_replies(1);
    handles.late = NodeSet::EMPTY;
    handles.log.clear();
    let waiting = handles.begin(1, "job", only_called_up());
    assert_eq!(handles.log.last(), Some(&(1, home, "in turn")), "{:?}", handles.log);
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
}

/// Returns how many commands the handles send within the next two seconds.
fn count_commands(handles: &mut Handles) -> usize {
    handles.log.clear();
    handles.advance_to(u64::try_from(handles.now.since_epoch().as_millis()).unwrap() + 2_000);
    handles.log.len()
}

#[test]
fn those_who_wait_do_not_call_each_other_up_without_end_while_nodes_are_missing() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let waiting = [1, 2].map(|handle| (handle, handles.wait_for(handle)));
    let others = handles.locks[0].config().nodes().without(NodeSet::from_iter([handles.home()]));
    for locks in &mut handles.locks[1..] {
        for node in others.iter() {
            let why = Unavailable::with_detail(Cause::NotSent, "connection refused");
            locks.handle_disconnected(node, &why, at(0));
            if locks.poll_connect(node) {
                locks.handle_disconnected(node, &why, at(0));
            }
        }
    }
    handles.unconnected = others;
    handles.give_back(0, holder);
    let commands = count_commands(&mut handles);
    assert!(commands < 400, "{commands} commands in two seconds");
    assert!(waiting.into_iter().all(|(handle, key)| !handles.has(handle, key)));
}

#[test]
fn those_who_wait_do_not_call_each_other_up_without_end_while_only_the_home_has_forgotten_the_holder() {
    let mut handles = Handles::new(3);
    let holder = handles.acquire(0, "job");
    let waiting = [1, 2].map(|handle| (handle, handles.wait_for(handle)));
    let home = handles.home();
    handles.nodes[home.index()].delete(b"job");
    let commands = count_commands(&mut handles);
    assert!(commands < 400, "{commands} commands in two seconds");
    handles.give_back(0, holder);
    let until = u64::try_from(handles.now.since_epoch().as_millis()).unwrap() + 500;
    handles.advance_to(until);
    assert!(waiting.into_iter().any(|(handle, key)| handles.has(handle, key)), "it is free now");
}

/// Lets two of each handle hold the name in turn, for 2 ms each, in the first two seconds; returns how often it was held.
fn count_holds(handles: &mut Handles) -> usize {
    let mut waiting = Vec::new();
    for handle in (0..handles.locks.len()).flat_map(|handle| [handle; 2]) {
        waiting.push((handle, handles.wait_for(handle)));
    }
    let mut count = 0;
    while handles.now < at(2_000) {
        let Some(place) = (0..waiting.len()).find(|place| handles.has(waiting[*place].0, waiting[*place].1)) else {
            handles.now = handles.next_timer().unwrap().max(handles.now);
            handles.run();
            continue;
        };
        let (handle, held) = waiting.remove(place);
        count += 1;
        let until = handles.now.saturating_add(ms(2));
        while let Some(next) = handles.next_timer().filter(|next| *next < until) {
            handles.now = next.max(handles.now);
            handles.run();
        }
        handles.now = until;
        handles.give_back(handle, held);
        waiting.push((handle, handles.wait_for(handle)));
    }
    count
}

#[test]
fn a_home_that_hangs_costs_a_crowd_little() {
    let healthy = count_holds(&mut Handles::new(4));
    let mut handles = Handles::new(4);
    handles.hung = NodeSet::from_iter([handles.home()]);
    let hung = count_holds(&mut handles);
    assert!(hung > healthy / 10 * 9, "{hung} holds instead of {healthy}");
}
