//! What a user of the caches relies on, one file a topic.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod bounded;
mod map;
mod model;
mod threads;
mod value;
