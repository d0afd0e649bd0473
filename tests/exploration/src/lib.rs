//! Exhaustive exploration: every world that two real [`Lock`](redlock_core::Lock)s over three model nodes can get into,
//! visited breadth-first, and checked.
//!
//! A [`Scenario`] says how large the world is. Inside it everything happens in every order: calls of the clients, the
//! execution of commands on the nodes, the arrival of replies, connections that break, a node that crashes and comes
//! back, and time that passes.
//!
//! ```
//! use redlock_exploration::{NodeClock, Scenario, Violation, explore};
//!
//! let calm = Scenario { last_begin: 0, slow_links: 0, ..Scenario::new() };
//! println!("{}", explore(&calm).unwrap());
//!
//! // Clocks that run faster than the configured drift are more than the protocol can stand.
//! let failure = explore(&Scenario { node_clock: NodeClock::TooFast, ..calm }).unwrap_err();
//! assert_eq!(failure.violation, Violation::NoQuorumBehindHolder);
//! ```
//!
//! [`many`] explores [`Locks`](redlock_core::Locks), the machine of many locks, in worlds of its own, and [`handles`]
//! several of them that wait for each other.
//!
//! # What it takes for granted
//!
//! - Connections are first in, first out, both ways, one for each client and node.
//! - A connection that breaks loses what was under way: commands that were not carried out, and replies to those that
//!   were. The client is told at any later time.
//! - Time passes in ticks, of which a validity has two; at most [`Scenario::slow_links`] connections have messages
//!   under way while one passes.
//!
//! # Why it ends, and proves something nevertheless
//!
//! - Machines and nodes are pure functions of what they are told, so what a call made of one is remembered: a world is
//!   a handful of numbers, and most steps look up three of them. Worlds are compared whole, not by their hashes.
//! - Worlds that differ in the order of their nodes only are one. That the machine treats all nodes alike is not
//!   believed but checked, at each of its steps.
//! - The first client begins at tick zero, because the clients differ in nothing but name and role, and nothing of
//!   interest happens before one has begun.
//! - A machine that is settled is dropped, as its driver does it. A reply that no machine waits for any more is taken
//!   at once.

#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "nobody outside of this workspace builds on it"
)]

mod action;
mod client;
mod clients;
mod command;
pub mod handles;
mod interner;
mod invariant;
mod kept;
mod laws;
pub mod many;
mod scenario;
mod search;
mod site;
mod sites;
mod symmetry;
mod world;

pub use command::run_command;
pub use invariant::Violation;
pub use laws::explore;
pub use scenario::{NodeClock, Role, Scenario};
pub use search::{Explored, Failure};
