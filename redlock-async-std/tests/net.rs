//! The sockets, against servers in threads.

use std::future::Future;

use redlock_async_std::AsyncStd;

fn run<F: Future<Output = ()>>(test: impl FnOnce(AsyncStd) -> F) {
    async_std::task::block_on(test(AsyncStd));
}

redlock_net_tests::tests! { run }
