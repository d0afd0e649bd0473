//! What only `redlock-blocking` does, on real servers: threads, aborting, connections that are shared. What every
//! adapter does stands in the conformance suite.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]
#![allow(clippy::print_stderr, reason = "a random test prints its seed")]

mod attribution;
mod contention;
mod custom_transport;
mod fixture;
mod in_memory;
mod lost_nodes;
mod server_errors;
mod tls;
mod waiting;
