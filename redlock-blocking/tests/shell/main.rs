//! What the author of a transport, and a user, rely on: hand-made connections, one file a topic.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod attribution;
mod connecting;
mod election;
mod idle;
mod link;
#[cfg(unix)]
mod long_commands;
mod memory;
mod named_locks;
mod observing;
mod panics;
mod second_connections;
mod server;
mod sockets;
mod status;
mod system;
mod threads;
