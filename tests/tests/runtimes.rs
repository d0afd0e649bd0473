//! A handle outlives its runtime, with real servers: its connections are made again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use redlock_tests::{Servers, wait_until};
use redlock_tokio::{Redlock, ReleaseVerdict};
use tokio::runtime::{Builder, Runtime};

const TTL: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn keys(servers: &Servers) -> usize {
    servers.iter().filter(|server| server.get("job").unwrap().is_some()).count()
}

#[test]
fn a_lock_is_extended_and_released_in_the_next_runtime() {
    let servers = Servers::start(3);
    let (redlock, mut guard) = runtime().block_on(async {
        let redlock = Redlock::builder().nodes(servers.urls()).build().unwrap();
        let guard = redlock.lock("job", TTL).await.unwrap();
        (redlock, guard)
    });
    assert!(keys(&servers) >= 2);
    runtime().block_on(async { guard.extend(2 * TTL).await.unwrap() });
    runtime().block_on(async {
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        redlock.close().await;
    });
    assert!(wait_until(Duration::from_secs(1), || keys(&servers) == 0));
}

#[test]
fn a_handle_of_async_std_is_used_from_any_thread() {
    let servers = Servers::start(3);
    let redlock = redlock_async_std::Redlock::builder().nodes(servers.urls()).build().unwrap();
    for _ in 0..2 {
        let redlock = redlock.clone();
        let user = std::thread::spawn(move || {
            smol::block_on(async {
                redlock.lock("job", TTL).await.unwrap().release().await;
            });
        });
        user.join().unwrap();
    }
    smol::block_on(redlock.close());
    assert!(wait_until(Duration::from_secs(1), || keys(&servers) == 0));
}
