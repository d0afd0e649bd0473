//! The sockets, against servers in threads.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use redlock_driver::net::Network;
use redlock_tokio::Tokio;

use tokio::runtime::Builder;
use tokio::time::timeout;

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

/// A program may keep all of these threads busy, and the end of the runtime would wait for a resolver that is silent.
#[test]
fn a_name_is_looked_up_without_a_thread_of_the_runtime() {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (end, ended) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || ended.recv());
    let lookup = Tokio::new(runtime.handle().clone()).lookup("localhost", 6379);
    let addresses = runtime.block_on(async { timeout(Duration::from_secs(10), lookup).await });
    drop(end);
    assert!(addresses.unwrap().unwrap().iter().all(|address| address.ip().is_loopback()));
}
