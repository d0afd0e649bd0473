//! Several real handles that want one lock, wait in the queue of its home and are called up, in small worlds that are
//! explored completely.

#![allow(clippy::print_stdout, reason = "figures are for people")]

use redlock_exploration::handles::{Late, Scenario, explore};

/// Explores a world to its end; panics with the shortest way to a broken rule.
fn holds(scenario: &Scenario) {
    let explored = explore(scenario).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{explored}");
    assert!(explored.witnesses > 0, "{explored}");
}

const PLAIN: Scenario = Scenario::new();

#[test]
fn two_handles_wait_for_each_other() {
    holds(&PLAIN);
    holds(&Scenario { jumps: 2, ..PLAIN });
    holds(&Scenario { are_subscribed: false, ..PLAIN });
    holds(&Scenario { rounds: 2, jumps: 0, ..PLAIN });
}

#[test]
fn a_call_up_is_lost() {
    holds(&Scenario { lost_call_ups: 1, ..PLAIN });
}

#[test]
fn a_waiter_gives_up() {
    holds(&Scenario { give_ups: 1, ..PLAIN });
}

#[test]
fn a_connection_breaks() {
    holds(&Scenario { breaks: 1, ..PLAIN });
}

#[test]
fn one_handle_has_two_waiters() {
    holds(&Scenario { users: &[0, 1, 1], ..PLAIN });
}

#[test]
fn three_handles_wait_for_each_other() {
    holds(&Scenario { users: &[0, 1, 2], jumps: 0, ..PLAIN });
}

#[test]
fn two_nodes_answer_when_they_like() {
    holds(&Scenario { nodes: 2, jumps: 0, ..PLAIN });
    holds(&Scenario { nodes: 2, late: Late::Others, ..PLAIN });
}

#[test]
fn the_home_of_three_nodes_answers_late() {
    holds(&Scenario { nodes: 3, late: Late::Home, ..PLAIN });
}
