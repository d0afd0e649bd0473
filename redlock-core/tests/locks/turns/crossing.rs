//! Calls and answers that cross on their way.

use redlock_core::{Heard, NodeSet};

use super::only_called_up;
use crate::handles::Handles;

/// Two handles that have had a name one after the other, so that both know that others want it.
fn wanted_by_two() -> Handles {
    let mut handles = Handles::new(2);
    let first = handles.acquire(0, "job");
    let second = handles.begin(1, "job", only_called_up());
    handles.give_back(0, first);
    assert!(handles.has(1, second));
    handles.give_back(1, second);
    handles
}

#[test]
fn a_late_grant_of_the_home_is_not_taken_for_its_word_that_nobody_waits() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    handles.late = NodeSet::from_iter([handles.home()]);
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting), "the other two are a quorum");
    handles.begin(0, "job", only_called_up());
    handles.give_back(1, waiting);
    handles.take_late_reply(1);
    handles.take_kinds(1);
    handles.begin(1, "job", only_called_up());
    assert_eq!(handles.take_kinds(1), ["in turn"], "it still knows that others want it");
}

#[test]
fn whoever_is_called_up_while_others_have_not_answered_an_attempt_that_the_home_has_refused_asks_at_once() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", only_called_up());
    let (home, now) = (handles.home(), handles.now);
    // It is called up for nothing, and one of the others hangs.
    let hung = handles.locks[1].config().nodes().without(NodeSet::from_iter([home])).iter().next().unwrap();
    let other = handles.locks[1].config().nodes().iter().find(|node| ![home, hung].contains(node)).unwrap();
    handles.nodes[other.index()].delete(b"job");
    handles.hung = NodeSet::from_iter([hung]);
    handles.locks[1].handle_heard(home, Heard::CalledUp("job".into()), now);
    handles.run();
    handles.give_back(0, holder);
    assert!(handles.has(1, waiting));
    assert_eq!(handles.now, now);
}

#[test]
fn whoever_is_called_up_and_stands_in_no_queue_asks_at_once() {
    for has_answers in [true, false] {
        let mut handles = Handles::new(2);
        let holder = handles.acquire(0, "job");
        let nodes = handles.locks[1].config().nodes();
        handles.late = if has_answers { NodeSet::EMPTY } else { nodes };
        let waiting = handles.begin(1, "job", only_called_up().attempts(5));
        handles.late = NodeSet::EMPTY;
        handles.give_back(0, holder);
        let (home, now) = (handles.home(), handles.now);
        handles.locks[1].handle_heard(home, Heard::CalledUp("job".into()), now);
        for _ in nodes.iter().filter(|_| !has_answers) {
            handles.take_late_reply(1);
        }
        handles.run();
        assert!(handles.has(1, waiting), "with answers: {has_answers}");
        assert_eq!(handles.now, now);
        // It has not asked in turn, and nobody is to wait for it any longer.
        let at_home = handles.log.iter().filter(|(of, node, _)| (*of, *node) == (1, home));
        let kinds: Vec<_> = at_home.map(|(_, _, kind)| *kind).collect();
        assert!(kinds.contains(&"leave"), "{kinds:?}");
    }
}

#[test]
fn a_call_that_comes_while_the_lock_is_held_or_given_back_is_passed_on() {
    let mut handles = Handles::new(1);
    let holder = handles.acquire(0, "job");
    let (home, now) = (handles.home(), handles.now);
    handles.take_kinds(0);
    handles.locks[0].handle_heard(home, Heard::CalledUp("job".into()), now);
    handles.run();
    assert_eq!(handles.take_kinds(0), ["leave"]);
    handles.late = NodeSet::from_iter([home]);
    handles.give_back(0, holder);
    handles.take_kinds(0);
    handles.locks[0].handle_heard(home, Heard::CalledUp("job".into()), now);
    handles.run();
    assert_eq!(handles.take_kinds(0), ["leave"]);
}

#[test]
fn a_call_of_another_node_is_not_taken_for_one_that_the_home_has_followed_by_its_grant() {
    let mut handles = wanted_by_two();
    let home = handles.home();
    let others = handles.locks[0].config().nodes().without(NodeSet::from_iter([home]));
    for node in others.iter() {
        handles.nodes[node.index()].set(b"job", b"of another", None, handles.now);
    }
    handles.late = others;
    let waiting = handles.begin(0, "job", only_called_up());
    for node in others.iter() {
        handles.nodes[node.index()].delete(b"job");
    }
    let (other, now) = (others.iter().next().unwrap(), handles.now);
    handles.locks[0].handle_heard(other, Heard::CalledUp("job".into()), now);
    handles.late = NodeSet::EMPTY;
    others.iter().for_each(|_| handles.take_late_reply(0));
    handles.run();
    assert!(handles.has(0, waiting), "it asks at once again");
    assert_eq!(handles.now, now);
}

#[test]
fn a_call_that_overtakes_the_answer_to_whom_it_calls_is_not_lost() {
    for nodes in [&["only"][..], &["a", "b", "c"]] {
        let mut handles = Handles::over(nodes, 2);
        let first = handles.acquire(0, "job");
        let second = handles.begin(1, "job", only_called_up());
        handles.give_back(0, first);
        assert!(handles.has(1, second));
        handles.late = NodeSet::from_iter([handles.home()]);
        let waiting = handles.begin(0, "job", only_called_up());
        handles.late = NodeSet::EMPTY;
        handles.give_back(1, second);
        assert!(!handles.has(0, waiting), "it is called up, and does not know that it was refused before");
        let now = handles.now;
        handles.take_late_reply(0);
        handles.run();
        assert!(handles.has(0, waiting), "with {} nodes", nodes.len());
        assert_eq!(handles.now, now);
    }
}

#[test]
fn a_call_that_the_home_has_followed_by_its_grant_is_not_taken_for_another() {
    let mut handles = wanted_by_two();
    let home = handles.home();
    for node in handles.locks[0].config().nodes().without(NodeSet::from_iter([home])).iter() {
        handles.nodes[node.index()].set(b"job", b"of another", None, handles.now);
    }
    handles.late = NodeSet::from_iter([home]);
    handles.begin(0, "job", only_called_up());
    let now = handles.now;
    handles.locks[0].handle_heard(home, Heard::CalledUp("job".into()), now);
    handles.late = NodeSet::EMPTY;
    handles.take_kinds(0);
    handles.take_late_reply(0);
    handles.run();
    let kinds = handles.take_kinds(0);
    assert_eq!(kinds, ["acquire", "acquire", "release", "release", "release"], "it asks the others once");
}

#[test]
fn an_attempt_that_the_home_has_granted_is_undone_also_where_it_was_refused() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let home = handles.home();
    handles.nodes[home.index()].delete(b"job");
    let waiting = handles.begin(1, "job", only_called_up());
    assert!(!handles.has(1, waiting));
    let kinds = handles.take_kinds(1);
    let last = kinds.iter().rposition(|kind| *kind == "acquire").unwrap();
    assert_eq!(kinds[last + 1..], ["release"; 3], "a refusal may come from a key of its own: {kinds:?}");
    handles.give_back(0, holder);
}
