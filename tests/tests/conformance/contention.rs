//! Many who want the same lock, and many locks at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use redlock_driver::{LockGuard, NodeTimeout, RetryDelay};
use redlock_tests::wait_until;

use crate::adapter::{Adapter, Redlock};
use crate::fixture::{Fixture, NODE_COUNTS, TTL};
use crate::time::{spawn, yield_now};

const SHORT_DELAY: RetryDelay = RetryDelay::new(Duration::from_millis(2), Duration::from_millis(20));

/// Reads, lets others run, writes: what two do at the same time is lost.
async fn increment_under_lock<A: Adapter>(redlock: Redlock<A>, number: Arc<AtomicU64>, rounds: u32) {
    for _ in 0..rounds {
        let guard = redlock.lock("counter", TTL).retry_delay(SHORT_DELAY).await.unwrap();
        let read = number.load(Ordering::SeqCst);
        yield_now().await;
        number.store(read + 1, Ordering::SeqCst);
        guard.release().await;
    }
}

pub(crate) async fn sixteen_tasks_lose_no_increment<A: Adapter>() {
    for count in NODE_COUNTS {
        let nodes = Fixture::<A>::start(count);
        let number = Arc::new(AtomicU64::new(0));
        let task = |_| spawn::<A, _>(increment_under_lock::<A>(nodes.redlock.clone(), number.clone(), 10));
        try_join_all((0..16).map(task)).await.unwrap();
        assert_eq!(number.load(Ordering::SeqCst), 160, "{count} nodes");
    }
}

pub(crate) async fn ten_thousand_locks_at_once<A: Adapter>() {
    const LOCKS: usize = 10_000;
    let nodes = Fixture::<A>::start(3);
    // This is about numbers, not about time: an unoptimised client on a busy machine is slow.
    let patient = NodeTimeout::fixed(Duration::from_secs(20));
    let redlock = A::builder(nodes.servers.urls()).node_timeout(patient).build().unwrap();
    let locks = (0..LOCKS).map(|number| redlock.try_lock(format!("job-{number}"), TTL * 6));
    let guards = try_join_all(locks).await.unwrap();
    assert!(guards.iter().all(LockGuard::is_valid));
    let sizes = || nodes.servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap()).collect::<Vec<_>>();
    assert!(wait_until(TTL, || sizes() == ["10000"; 3]), "{:?}", sizes());
    drop(guards);
    assert_eq!(redlock.close().await.unsettled, 0);
    assert_eq!(sizes(), ["0"; 3]);
}
