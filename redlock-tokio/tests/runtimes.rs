//! A handle outlives the runtime that it was built on.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redlock_tokio::cache::MapCache;
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{AcquireError, ExtendError, LockGuard, Loss, NamedLocks, Redlock, ReleaseVerdict, Tokio};
use tokio::runtime::{Builder, Runtime};

const TTL: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(2);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn nodes() -> [MemoryNode; 3] {
    ["one", "two", "three"].map(MemoryNode::new)
}

/// A handle whose runtime has ended.
fn orphan(nodes: &[MemoryNode]) -> Redlock {
    runtime().block_on(async { Redlock::builder().nodes(nodes).build().unwrap() })
}

/// A held lock whose runtime has ended.
fn orphaned_guard(nodes: &[MemoryNode]) -> (Redlock, LockGuard) {
    runtime().block_on(async {
        let redlock = Redlock::builder().nodes(nodes).build().unwrap();
        let guard = redlock.lock("job", TTL).await.unwrap();
        (redlock, guard)
    })
}

fn keys(nodes: &[MemoryNode]) -> usize {
    nodes.iter().map(|node| node.keys().len()).sum()
}

/// Returns what the call panics with that builds a handle on such a runtime.
fn panic_of_build(runtime: &mut Builder, builder: impl FnOnce() -> redlock_tokio::Builder) -> String {
    let runtime = runtime.build().unwrap();
    let build = || runtime.block_on(async { builder().build() });
    let panicked = catch_unwind(AssertUnwindSafe(build)).unwrap_err();
    let words = panicked.downcast_ref::<String>().cloned();
    words.or_else(|| panicked.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

#[test]
fn a_runtime_without_timers_or_sockets_is_noticed_by_whoever_builds_the_handle() {
    let in_memory = || Redlock::builder().nodes(nodes());
    let words = panic_of_build(&mut Builder::new_current_thread(), in_memory);
    assert!(words.contains("enable_time"), "{words}");
    let over_sockets = || Redlock::builder().node("redis://127.0.0.1:1");
    let words = panic_of_build(Builder::new_current_thread().enable_time(), over_sockets);
    assert!(words.contains("enable_io"), "{words}");

    let timed = Builder::new_current_thread().enable_time().build().unwrap();
    drop(timed.block_on(async { in_memory().build().unwrap().lock("job", TTL).await.unwrap() }));
    let whole = runtime();
    let built_outside = over_sockets().build_on(Tokio::new(whole.handle().clone()));
    built_outside.unwrap();
}

/// Polls once, outside of any runtime.
fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_shared_handle_goes_on_in_the_next_runtime() {
    static SHARED: OnceLock<Redlock> = OnceLock::new();
    let nodes = nodes();
    for _ in 0..3 {
        runtime().block_on(async {
            let redlock = SHARED.get_or_init(|| Redlock::builder().nodes(&nodes).build().unwrap());
            let guard = redlock.lock("job", TTL).wait(WAIT).await.unwrap();
            assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        });
    }
    runtime().block_on(async {
        let left = SHARED.get().unwrap().close().await;
        assert_eq!((left.unsettled, left.held), (0, 0));
    });
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn a_handle_goes_on_in_a_runtime_that_lives_longer() {
    let (nodes, longer) = (nodes(), runtime());
    let redlock = orphan(&nodes);
    for _ in 0..2 {
        longer.block_on(async { redlock.lock("job", TTL).wait(WAIT).await.unwrap().release().await });
    }
}

#[test]
fn what_is_held_stays_held_and_is_extended_and_released_elsewhere() {
    let nodes = nodes();
    let (_redlock, mut guard) = orphaned_guard(&nodes);
    assert!(guard.is_valid());
    runtime().block_on(async {
        guard.extend(2 * TTL).await.unwrap();
        assert!(guard.remaining() > TTL);
    });
    runtime().block_on(async { assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released) });
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn a_guard_that_is_dropped_in_another_runtime_is_released() {
    let nodes = nodes();
    let (redlock, guard) = orphaned_guard(&nodes);
    runtime().block_on(async {
        drop(guard);
        redlock.close().await;
    });
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn a_guard_that_is_dropped_outside_is_released_as_soon_as_there_is_a_runtime() {
    let nodes = nodes();
    let (redlock, guard) = orphaned_guard(&nodes);
    drop(guard);
    runtime().block_on(redlock.close());
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn without_any_runtime_every_call_ends_at_once() {
    let nodes = nodes();
    let redlock = orphan(&nodes);
    let Poll::Ready(Err(error)) = poll_once(redlock.lock("job", TTL)) else { panic!("it waits for nothing") };
    assert!(matches!(error, AcquireError::NoRuntime(_)), "{error}");
    assert!(poll_once(redlock.close()).is_ready());

    let (redlock, mut guard) = orphaned_guard(&nodes);
    let Poll::Ready(Err(error)) = poll_once(guard.extend(TTL)) else { panic!("it waits for nothing") };
    assert!(matches!(error, ExtendError::Unconfirmed(_)) && error.to_string().contains("runtime"), "{error}");
    assert_eq!(poll_once(guard.lost()), Poll::Ready(Loss::Closed));
    let Poll::Ready(report) = poll_once(guard.release()) else { panic!("it waits for nothing") };
    assert_eq!(report.verdict, ReleaseVerdict::Unconfirmed);
    let Poll::Ready(left) = poll_once(redlock.close()) else { panic!("it waits for nothing") };
    assert_eq!(left.unsettled, 1);
}

#[test]
fn a_lock_that_is_held_by_name_is_extended_elsewhere_and_without_any_runtime_not_at_all() {
    let nodes = nodes();
    let locks = runtime().block_on(async {
        let locks = NamedLocks::new(Redlock::builder().nodes(&nodes).build().unwrap(), MapCache::new());
        locks.lock("job", TTL).await.unwrap();
        locks
    });
    let Poll::Ready(Err(error)) = poll_once(locks.extend("job", TTL)) else { panic!("it waits for nothing") };
    assert!(error.to_string().contains("runtime"), "{error}");
    runtime().block_on(async {
        locks.extend("job", TTL * 2).await.unwrap();
        assert!(locks.held("job") > Some(TTL));
        assert_eq!(locks.unlock("job").await.unwrap().verdict, ReleaseVerdict::Released);
        locks.redlock().close().await;
    });
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn calls_that_are_under_way_when_the_runtime_ends_go_on() {
    let nodes = nodes();
    let (first, second) = (runtime(), runtime());
    let redlock = first.block_on(async { Redlock::builder().nodes(&nodes).build().unwrap() });
    let holder = first.block_on(redlock.lock("job", TTL)).unwrap();
    nodes.iter().for_each(MemoryNode::stop);
    second.block_on(async {
        let waiting = tokio::spawn(redlock.lock("job", TTL));
        let releasing = tokio::spawn(holder.release());
        tokio::task::yield_now().await;
        first.shutdown_background();
        nodes.iter().for_each(MemoryNode::resume);
        releasing.await.unwrap();
        waiting.await.unwrap().unwrap().release().await;
        redlock.close().await;
    });
    assert_eq!(keys(&nodes), 0);
}

#[test]
fn the_loss_is_noticed_in_the_next_runtime() {
    let nodes = nodes();
    let (_redlock, guard) = runtime().block_on(async {
        let redlock = Redlock::builder().nodes(&nodes).build().unwrap();
        let guard = redlock.lock("job", Duration::from_millis(100)).await.unwrap();
        (redlock, guard)
    });
    assert_eq!(runtime().block_on(guard.lost()), Loss::Expired);
}

#[test]
fn building_on_a_runtime_that_has_ended_is_refused() {
    let ended = Tokio::new(runtime().handle().clone());
    let error = Redlock::builder().nodes(nodes()).build_on(ended).unwrap_err();
    assert!(error.to_string().contains("no running"), "{error}");
}

/// The next runtime is one without a timer: what cannot work must not be tried for ever.
#[test]
fn a_task_that_panics_is_not_started_again() {
    let redlock = orphan(&nodes());
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert!(matches!(redlock.lock("job", TTL).await, Err(AcquireError::NoRuntime(_))));
        assert_eq!(redlock.close().await.held, 0);
    });
}

#[test]
fn what_a_guard_left_is_released_when_the_handle_goes_in_a_runtime() {
    let nodes = nodes();
    let (redlock, guard) = orphaned_guard(&nodes);
    drop(guard);
    runtime().block_on(async {
        drop(redlock);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(keys(&nodes), 0);
}
