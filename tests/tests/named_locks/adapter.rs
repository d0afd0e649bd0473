//! The async adapters and clients.

use std::future::Future;

use redlock_async_std::AsyncStd;
use redlock_driver::{CurrentRuntime, Options, Redlock, RetryDelay};
use redlock_tokio::{FredUrl, Tokio};

use crate::nodes::{PATIENCE, RETRY_DELAY};

/// An adapter with one of its clients.
pub(crate) trait Adapter: 'static {
    type Runtime: CurrentRuntime;

    /// Runs a test on the runtime.
    fn run(test: impl Future<Output = ()>);

    /// A handle to the servers with these URLs.
    fn redlock(urls: Vec<String>) -> Redlock<Self::Runtime>;
}

fn options() -> Options {
    Options::new().wait(PATIENCE).retry_delay(RetryDelay::new(RETRY_DELAY, RETRY_DELAY))
}

/// `redlock-tokio` over redis-rs.
pub(crate) struct TokioRedis;

impl Adapter for TokioRedis {
    type Runtime = Tokio;

    fn run(test: impl Future<Output = ()>) {
        run_on_tokio(test);
    }

    fn redlock(urls: Vec<String>) -> Redlock<Tokio> {
        Redlock::builder().nodes(urls).options(options()).build().unwrap()
    }
}

/// `redlock-tokio` over fred.
pub(crate) struct TokioFred;

impl Adapter for TokioFred {
    type Runtime = Tokio;

    fn run(test: impl Future<Output = ()>) {
        run_on_tokio(test);
    }

    fn redlock(urls: Vec<String>) -> Redlock<Tokio> {
        Redlock::builder().nodes(urls.into_iter().map(FredUrl)).options(options()).build().unwrap()
    }
}

/// `redlock-async-std` over redis-rs.
pub(crate) struct AsyncStdRedis;

impl Adapter for AsyncStdRedis {
    type Runtime = AsyncStd;

    fn run(test: impl Future<Output = ()>) {
        async_std::task::block_on(test);
    }

    fn redlock(urls: Vec<String>) -> Redlock<AsyncStd> {
        Redlock::builder().nodes(urls).options(options()).build().unwrap()
    }
}

fn run_on_tokio(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}
