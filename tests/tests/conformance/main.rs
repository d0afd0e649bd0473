//! One list of cases against every adapter and client: they must all behave the same.
//!
//! The cases that need nothing of Redis are those of `redlock-conformance`; the ones that do stand here.
//! `cargo test -p redlock-tests --test conformance -- --table` prints what came of which case with which adapter.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]
#![allow(clippy::print_stdout, reason = "a random test prints its seed")]

mod adapter;
mod bad_input;
mod connections;
mod cross_check;
mod dialects;
mod fixture;
mod fred_clients;
mod in_memory;
mod interoperability;
mod middlebox;
mod server_cases;
mod server_errors;
mod server_node;
mod smol_programs;
mod sockets;
mod status;
mod tls;
mod trust;
mod waiting;

use std::process::ExitCode;

use redlock_async_std::AsyncStd;
use redlock_conformance::{BlockingNode, Suite};
use redlock_driver::native::NativeTransport;
use redlock_driver::redis_rs::RedisTransport;
use redlock_tokio::{FredTransport, Tokio, UrlNode};

use crate::adapter::{
    AsyncStdNative, AsyncStdRedis, BlockingCustom, BlockingNative, TokioCustom, TokioFred, TokioNative, TokioRedis,
    redis_client,
};
use crate::server_cases::WithServerCases;
use crate::server_node::ServerNode;

const NO_SERVER: &str = "there is no Redis server in it";

fn main() -> ExitCode {
    redlock_conformance::main([
        in_memory::asynchronous::suite("async_memory").no_server_cases(NO_SERVER),
        in_memory::blocking::suite("blocking_wrapped").no_server_cases(NO_SERVER),
        in_memory::blocking_suite("blocking_memory").no_server_cases(NO_SERVER),
        tokio_custom(),
        tokio_native(),
        tokio_redis(),
        tokio_fred(),
        async_std_native(),
        async_std_redis(),
        blocking_custom(),
        blocking_native(),
    ])
}

fn tokio_custom() -> Suite {
    Suite::of_async::<ServerNode<TokioCustom>>("tokio_custom")
        .async_transport(|node: &ServerNode<TokioCustom>| TokioCustom::transport(&node.url()))
        .server_cases::<TokioCustom>("")
}

fn tokio_native() -> Suite {
    let suite = Suite::of_async::<ServerNode<TokioNative>>("tokio_native")
        .async_transport(|node: &ServerNode<TokioNative>| native_transport::<Tokio>(&node.url()))
        .server_cases::<TokioNative>("tokio");
    dialects::add_cases::<TokioNative>(suite)
}

fn async_std_native() -> Suite {
    let suite = Suite::of_async::<ServerNode<AsyncStdNative>>("async_std_native")
        .async_transport(|node: &ServerNode<AsyncStdNative>| native_transport::<AsyncStd>(&node.url()))
        .server_cases::<AsyncStdNative>("async-std");
    dialects::add_cases::<AsyncStdNative>(suite)
}

fn native_transport<N>(url: &str) -> NativeTransport<N> {
    UrlNode::new(url).into_transport().unwrap()
}

fn tokio_redis() -> Suite {
    Suite::of_async::<ServerNode<TokioRedis>>("tokio_redis")
        .async_transport(|node: &ServerNode<TokioRedis>| redis_transport(&node.url()))
        .server_cases::<TokioRedis>("tokio-redis")
}

fn tokio_fred() -> Suite {
    let suite = Suite::of_async::<ServerNode<TokioFred>>("tokio_fred")
        .async_transport(|node: &ServerNode<TokioFred>| FredTransport::from_url(&node.url()).unwrap())
        .server_cases::<TokioFred>("tokio-fred");
    fred_clients::add_cases(suite)
}

fn async_std_redis() -> Suite {
    let suite = Suite::of_async::<ServerNode<AsyncStdRedis>>("async_std_redis")
        .async_transport(|node: &ServerNode<AsyncStdRedis>| redis_transport(&node.url()))
        .server_cases::<AsyncStdRedis>("async-std-redis");
    smol_programs::add_cases(suite)
}

fn blocking_custom() -> Suite {
    Suite::of_blocking::<ServerNode<BlockingCustom>>("blocking_custom")
        .blocking_transport(<ServerNode<BlockingCustom> as BlockingNode>::node)
        .server_cases::<BlockingCustom>("")
}

fn blocking_native() -> Suite {
    let suite = Suite::of_blocking::<ServerNode<BlockingNative>>("blocking_native")
        .blocking_transport(<ServerNode<BlockingNative> as BlockingNode>::node)
        .server_cases::<BlockingNative>("blocking");
    dialects::add_cases::<BlockingNative>(suite)
}

fn redis_transport(url: &str) -> RedisTransport {
    RedisTransport::new(redis_client(&format!("{url}?protocol=resp3"), None))
}
