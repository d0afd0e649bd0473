//! What the author of a transport or a runtime, and a user, rely on: the driver without Redis, one file a topic.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::unchecked_time_subtraction,
    reason = "a test that panics has found something"
)]

mod at_once;
mod batches;
mod cancellation;
mod clock;
mod closing;
mod connections;
mod hearing;
mod holding;
mod link;
mod memory;
mod named_locks;
mod observing;
mod order;
mod status;
mod time;
mod wakers;
mod world;
