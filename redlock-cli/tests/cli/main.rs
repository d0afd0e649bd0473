//! The command `redlock` as a process, on real servers.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]
#![allow(clippy::print_stdout, reason = "it says which test was skipped")]

mod bench;
mod containers;
mod health;
mod help;
mod if_free;
mod limits;
mod losing;
mod nodes;
mod picture;
mod readme;
mod run;
mod signals;
mod status;
mod terminal;
mod token;
mod tool;
