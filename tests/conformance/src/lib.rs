//! The conformance suite of Redlock for Rust: what a transport of your own must do, as cases to run against it.
//!
//! You have put a client of your own under `redlock-driver` or `redlock-blocking`. This crate tells you whether locks
//! over it keep their promises: it starts nodes of yours, takes locks, lets nodes hang, die and come back, drops futures
//! at every stage, and looks at what is left. It knows nothing of Redis.
//!
//! Three things are yours to write: what a node is ([`TestNode`]), how it is reached ([`AsyncNode`] or
//! [`BlockingNode`]), and a test target that hands them to [`main`]. Here is all of it, for an async transport on tokio,
//! with nodes inside the process:
//!
//! ```
#![doc = include_str!("../examples/asynchronous.rs")]
//! ```
//!
//! It belongs into a test target without the standard harness:
//!
//! ```toml
//! [dev-dependencies]
//! redlock-conformance = "0.1"
//!
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! ```sh
//! cargo test --test conformance                # a test for each case
//! cargo test --test conformance -- --table     # and a table of what came of them
//! cargo test --test conformance lost_nodes     # only these
//! ```
//!
//! To have one ordinary `#[test]` instead, call [`check`]. The same for a blocking transport stands at
//! [`BlockingNode`].
//!
//! # What is checked
//!
//! - `transport`: the contract of the traits. Replies come in order, one for each command; commands are carried in the
//!   order in which they were sent, to the byte; more is sent before the first is answered, and before anybody waits for it
//!   where that is promised; a script that the node does not know is reported; a connection that breaks ends what is under
//!   way and claims nothing about it; nothing is sent twice; a node that is down is an error, and is reached when it is back.
//! - `life`, `foreign_keys`, `contention`: locks exclude each other and programs that are none of ours, are extended,
//!   released, expire, and never touch a successor.
//! - `cancellation`: whatever is dropped, whenever, leaves no key behind.
//! - `lost_nodes`: a minority that is dead or hangs costs no time, a node that is back is used again and is told what it
//!   missed, and without a quorum the error names the nodes.
//!
//! Cases wait for things to become so and for nothing else, but some of them let a lock expire; all together take some
//! seconds.
//!
//! # What your nodes cannot do
//!
//! A node that cannot be paused, or not be killed, says so in [`TestNode::cannot`]. Cases that need it are then shown as
//! ignored, and the table has the reason.

// The cases are tests, though they stand in a library.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a case that panics has found something"
)]

mod async_node;
mod bench;
mod blocking_node;
mod client;
mod harness;
mod lock;
mod node;
mod scheduler;
mod suite;
mod table;
mod transport;

pub use async_node::AsyncNode;
pub use blocking_node::BlockingNode;
pub use client::{Acquiring, Client, Closed, Guard, Inspecting, Refusal, Refused, Working};
pub use harness::{check, main};
pub use node::{Need, TestNode};
pub use scheduler::Scheduler;
pub use suite::Suite;
