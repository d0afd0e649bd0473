//! Many who want the same lock, and many locks at once.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use redlock_tests::wait_until;
use redlock_tokio::{NodeTimeout, Redlock, RetryDelay};

use crate::fixture::{Fixture, NODE_COUNTS, TTL};

const SHORT_DELAY: RetryDelay = RetryDelay::new(Duration::from_millis(2), Duration::from_millis(20));

/// Reads, lets others run, writes: what two do at the same time is lost.
async fn increment_under_lock(redlock: Redlock, number: Arc<AtomicU64>, rounds: u32) {
    for _ in 0..rounds {
        let guard = redlock.lock("counter", TTL).retry_delay(SHORT_DELAY).await.unwrap();
        let read = number.load(Ordering::SeqCst);
        tokio::task::yield_now().await;
        number.store(read + 1, Ordering::SeqCst);
        guard.release().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_tasks_lose_no_increment() {
    for count in NODE_COUNTS {
        let nodes = Fixture::start(count);
        let number = Arc::new(AtomicU64::new(0));
        let task = |_| tokio::spawn(increment_under_lock(nodes.redlock.clone(), number.clone(), 10));
        try_join_all((0..16).map(task)).await.unwrap();
        assert_eq!(number.load(Ordering::SeqCst), 160, "{count} nodes");
    }
}

#[test]
fn processes_lose_no_increment() {
    let servers = redlock_tests::Servers::start(3);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("number");
    fs::write(&file, "0").unwrap();
    let start = |_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_increment"));
        command.arg(&file).arg("25").args(servers.urls()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "100");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_locks_at_once() {
    const LOCKS: usize = 10_000;
    let nodes = Fixture::start(3);
    // This is about numbers, not about time: an unoptimised client on a busy machine is slow.
    let patient = NodeTimeout::fixed(Duration::from_secs(20));
    let redlock = Redlock::builder().nodes(nodes.servers.urls()).node_timeout(patient).build().unwrap();
    let locks = (0..LOCKS).map(|number| redlock.try_lock(format!("job-{number}"), TTL * 6));
    let guards = try_join_all(locks).await.unwrap();
    assert!(guards.iter().all(redlock_tokio::LockGuard::is_valid));
    let sizes = || nodes.servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap()).collect::<Vec<_>>();
    assert!(wait_until(TTL, || sizes() == ["10000"; 3]), "{:?}", sizes());
    drop(guards);
    assert_eq!(redlock.close().await.unsettled, 0);
    assert_eq!(sizes(), ["0"; 3]);
}
