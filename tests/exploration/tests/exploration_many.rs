//! The real machine of many locks over one to three nodes, in small worlds that are explored completely.
//!
//! `cargo run --release --bin explore_many` explores larger worlds.

#![allow(clippy::print_stdout, reason = "figures are for people")]

use redlock_exploration::many::{Scenario, explore};

/// Explores a world to its end; panics with the shortest way to a broken rule.
fn holds(scenario: &Scenario) {
    let explored = explore(scenario).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{explored}");
    assert!(explored.witnesses > 0, "{explored}");
}

const LATE: Scenario = Scenario { late_commands: true, ..Scenario::new() };

#[test]
fn two_users_of_one_name_share_a_connection_that_fails_and_breaks() {
    holds(&Scenario { failures: 1, ..LATE });
}

#[test]
fn two_users_of_two_names_share_a_connection() {
    holds(&Scenario { one_name: false, ..LATE });
}

#[test]
fn connections_break_twice() {
    holds(&Scenario { breaks: 2, ..LATE });
}

#[test]
fn a_lock_is_extended_over_connections_that_break() {
    holds(&Scenario { users: 1, breaks: 2, failures: 1, extensions: 1, jumps: 2, ..LATE });
    holds(&Scenario { extensions: 1, one_name: false, ..LATE });
}

#[test]
fn a_lock_is_kept_alive_up_to_its_longest_hold() {
    holds(&Scenario { users: 1, breaks: 1, jumps: 4, keeps_alive: true, ..LATE });
    holds(&Scenario { breaks: 0, jumps: 3, keeps_alive: true, ..Scenario::new() });
    // Long enough that a renewal would come after the loss.
    holds(&Scenario { users: 1, breaks: 0, jumps: 7, keeps_alive: true, ..Scenario::new() });
}

#[test]
fn nodes_ask_for_the_scripts() {
    holds(&Scenario { knows_scripts: false, ..LATE });
}

#[test]
fn two_nodes_must_agree() {
    holds(&Scenario { nodes: 2, users: 1, failures: 1, extensions: 1, ..LATE });
}

#[test]
fn one_of_three_nodes_may_be_silent() {
    holds(&Scenario { nodes: 3, users: 1, breaks: 0, ..Scenario::new() });
}

#[test]
fn two_users_contend_for_two_nodes() {
    holds(&Scenario { nodes: 2, breaks: 0, ..Scenario::new() });
}
