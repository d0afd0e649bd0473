//! What opening a connection does, in a network that is made up and goes by a clock of its own.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod addresses;
mod names;
mod unix;
mod world;
