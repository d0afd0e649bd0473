//! `redlock-blocking` against real servers.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod fixture;
mod life;
