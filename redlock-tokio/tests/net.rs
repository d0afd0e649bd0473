//! The sockets, against servers in threads.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::Future;

use redlock_tokio::Tokio;
use tokio::runtime::Builder;

fn run<F: Future<Output = ()>>(mut runtime: Builder, test: impl FnOnce(Tokio) -> F) {
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(test(Tokio::new(runtime.handle().clone())));
}

/// Whoever reads also finds out what there is to be read.
mod current_thread {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Tokio) -> F) {
        super::run(Builder::new_current_thread(), test);
    }

    redlock_net_tests::tests! { run }
}

/// Another thread finds out what there is to be read, while one reads.
mod multi_thread {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Tokio) -> F) {
        super::run(Builder::new_multi_thread(), test);
    }

    redlock_net_tests::tests! { run }
}
