//! `redlock-async-std` in programs that know nothing of async-std.

use futures_util::FutureExt;
use redlock_async_std::{AcquireError, Redlock, ReleaseVerdict};
use redlock_conformance::Suite;
use redlock_tests::{Servers, wait_until};

use crate::fixture::{GONE_WITHIN, TTL};

const TOPIC: &str = "smol_programs";

pub(crate) fn add_cases(suite: Suite) -> Suite {
    suite.case(TOPIC, "locks_live_on_each_of_smols_executors", locks_live_on_each_of_smols_executors).case(
        TOPIC,
        "what_is_dropped_is_released_though_no_executor_of_the_program_goes_on",
        what_is_dropped_is_released_though_no_executor_of_the_program_goes_on,
    )
}

fn keys(servers: &Servers) -> usize {
    servers.iter().filter_map(|server| server.get("job").ok().flatten()).count()
}

/// Takes the lock, extends it, sees a rival refused, and gives it back.
async fn live(redlock: Redlock) {
    let mut guard = redlock.lock("job", TTL).await.unwrap();
    guard.extend(TTL).await.unwrap();
    let refused = redlock.try_lock("job", TTL).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

fn locks_live_on_each_of_smols_executors() {
    let servers = Servers::start(3);
    let redlock = Redlock::builder().nodes(servers.urls()).build().unwrap();
    smol::block_on(live(redlock.clone()));
    smol::block_on(smol::spawn(live(redlock.clone())));
    let executor = smol::Executor::new();
    smol::block_on(executor.run(executor.spawn(live(redlock.clone()))));
    let local = smol::LocalExecutor::new();
    smol::block_on(local.run(local.spawn(live(redlock.clone()))));
    assert_eq!(smol::block_on(redlock.close()).unsettled, 0);
}

fn what_is_dropped_is_released_though_no_executor_of_the_program_goes_on() {
    let servers = Servers::start(3);
    let redlock = Redlock::builder().nodes(servers.urls()).build().unwrap();
    let guard = smol::block_on(redlock.lock("job", TTL)).unwrap();
    assert!(wait_until(TTL, || keys(&servers) == 3));
    drop(guard);
    assert!(wait_until(GONE_WITHIN, || keys(&servers) == 0));

    drop(redlock.lock("job", TTL).now_or_never());
    assert!(wait_until(GONE_WITHIN, || keys(&servers) == 0));
}
