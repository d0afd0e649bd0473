//! One list of cases against every adapter and client: they must all behave the same.
//!
//! The cases that need nothing of Redis are those of `redlock-conformance`; the ones that do stand here.
//! `cargo test -p redlock-tests --test conformance -- --table` prints what came of which case with which adapter.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod adapter;
mod bad_input;
mod connections;
mod cross_check;
mod fixture;
mod fred_clients;
mod in_memory;
mod interoperability;
mod server_cases;
mod server_errors;
mod server_node;
mod smol_programs;
mod sockets;
mod tls;

use std::process::ExitCode;

use redlock_conformance::Suite;

use crate::adapter::{AsyncStdRedis, BlockingRedis, TokioCustom, TokioFred, TokioRedis, tcp};
use crate::server_cases::WithServerCases;
use crate::server_node::ServerNode;

const NO_SERVER: &str = "there is no Redis server in it";

fn main() -> ExitCode {
    redlock_conformance::main([
        in_memory::asynchronous::suite("async_memory").no_server_cases(NO_SERVER),
        in_memory::blocking::suite("blocking_memory").no_server_cases(NO_SERVER),
        Suite::of_async::<ServerNode<TokioCustom>>("tokio_custom")
            .async_transport(|node: &ServerNode<TokioCustom>| tcp::Tcp { address: node.host_and_port() })
            .server_cases::<TokioCustom>(""),
        Suite::of_async::<ServerNode<TokioRedis>>("tokio_redis").server_cases::<TokioRedis>("tokio-redis"),
        fred_clients::add_cases(
            Suite::of_async::<ServerNode<TokioFred>>("tokio_fred").server_cases::<TokioFred>("tokio-fred"),
        ),
        smol_programs::add_cases(
            Suite::of_async::<ServerNode<AsyncStdRedis>>("async_std_redis")
                .server_cases::<AsyncStdRedis>("async-std-redis"),
        ),
        Suite::of_blocking::<ServerNode<BlockingRedis>>("blocking_redis")
            .server_cases::<BlockingRedis>("blocking-redis"),
    ])
}
