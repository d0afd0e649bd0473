//! `redlock-tokio` over redis-rs, against real servers.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod bad_input;
mod cancellation;
mod contention;
mod fixture;
mod interoperability;
mod life;
mod lost_nodes;
mod server_errors;
mod tls;
