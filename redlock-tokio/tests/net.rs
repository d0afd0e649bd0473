//! The sockets, against servers in threads.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::Future;

use redlock_tokio::Tokio;

fn run<F: Future<Output = ()>>(test: impl FnOnce(Tokio) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(Tokio::new(runtime.handle().clone())));
}

redlock_net_tests::tests! { run }
