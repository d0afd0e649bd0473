//! Two real locks over three nodes, in small worlds that are explored completely: in none of all the orders in which
//! things can happen does an invariant break.
//!
//! `cargo run --release --bin explore` explores larger worlds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that panics has found something; figures are for people"
)]

use redlock_exploration::{NodeClock, Role, Scenario, Violation, explore};

/// Explores a world to its end; panics with the shortest way to a broken rule. A quorum must be enough to hold a lock.
fn holds(scenario: &Scenario) {
    let explored = explore(scenario).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{explored}");
    assert!(explored.witnesses > 0 && explored.ends > 0, "{explored}");
}

const EXTENDING: Role = Role { extensions: 1, ..Role::ONCE };
const CANCELLING: Role = Role { cancels: true, ..Role::ONCE };

/// Two slow connections: enough to keep a quorum of replies, or of extensions, from a client.
#[test]
fn two_clients_contend_over_slow_connections() {
    holds(&Scenario { roles: [EXTENDING, Role::ONCE], slow_links: 2, last_begin: 0, ..Scenario::new() });
}

#[test]
fn silence_is_a_refusal_long_before_the_validity_ends() {
    holds(&Scenario { node_timeout: 1, ..Scenario::new() });
}

#[test]
fn keys_may_outlive_the_validity_on_slow_nodes() {
    holds(&Scenario { node_clock: NodeClock::Slow, ..Scenario::new() });
}

#[test]
fn a_lock_is_extended_while_another_waits_for_its_end() {
    holds(&Scenario { roles: [EXTENDING, Role::ONCE], ..Scenario::new() });
}

#[test]
fn clients_may_stop_at_any_step() {
    holds(&Scenario { roles: [CANCELLING; 2], ..Scenario::new() });
}

#[test]
fn a_connection_breaks_at_any_moment() {
    holds(&Scenario { roles: [CANCELLING, Role::ONCE], cuts: 1, slow_links: 0, ..Scenario::new() });
}

#[test]
fn a_node_crashes_and_comes_back_with_its_data() {
    holds(&Scenario { crashes: 1, slow_links: 0, ..Scenario::new() });
}

#[test]
fn late_messages_of_one_attempt_meet_the_next() {
    holds(&Scenario { roles: [Role { attempts: 2, ..Role::ONCE }, Role::ONCE], last_begin: 0, ..Scenario::new() });
}

#[test]
fn clients_sleep_through_their_timers() {
    holds(&Scenario { roles: [EXTENDING, CANCELLING], slow_links: 0, late_timers: true, ..Scenario::new() });
}

#[test]
fn a_lock_is_handed_over_with_the_validity_that_was_asked_for() {
    let demanding = Role { min_validity: 1, ..Role::ONCE };
    holds(&Scenario { roles: [demanding, Role::ONCE], ..Scenario::new() });
}

/// The nodes have counted to different numbers, so that each first round of questions must be followed by another.
#[test]
fn a_later_holder_has_a_larger_fence_when_nodes_have_counted_differently() {
    for fences in [[0, 0, 0], [0, 1, 2], [2, 2, 0]] {
        holds(&Scenario { fences: Some(fences), slow_links: 0, ..Scenario::new() });
    }
}

#[test]
fn fences_hold_when_clients_stop_at_any_step() {
    let roles = [CANCELLING, Role::ONCE];
    holds(&Scenario { fences: Some([0, 1, 2]), roles, last_begin: 0, slow_links: 0, ..Scenario::new() });
}

/// The search is able to find something, and tells the shortest way to it.
#[test]
fn clocks_beyond_the_drift_break_the_promise() {
    let hostile = Scenario { node_clock: NodeClock::TooFast, last_begin: 0, slow_links: 0, ..Scenario::new() };
    let failure = explore(&hostile).unwrap_err();
    assert_eq!(failure.violation, Violation::NoQuorumBehindHolder);
    let story = failure.to_string();
    assert!(story.contains("A begins to acquire\n") && story.ends_with("tick 1\n"), "{story}");
    assert_eq!(story.lines().count(), 10, "{story}");
}
