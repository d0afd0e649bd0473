//! What only `redlock-blocking` does, on real servers: threads, aborting, connections that are shared. What every
//! adapter does stands in the conformance suite.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod attribution;
mod contention;
mod fixture;
mod lost_nodes;
mod server_errors;
mod waiting;
