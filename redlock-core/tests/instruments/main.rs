//! The observers for the crates `tracing` and `metrics`: what they make of a history.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod figures;
mod history;
mod spans;
