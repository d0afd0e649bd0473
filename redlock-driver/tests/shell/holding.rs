//! Work under a lock, leaders, guards that are shared, and locks that change hands.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use redlock_driver::memory::MemoryNode;
use redlock_driver::{AcquireError, KeepAlive, Loss, Options, Owner, Redlock, ReleaseVerdict, Runtime, WorkError};

use crate::clock::settle;
use crate::memory::{has_keys, over, three_nodes};
use crate::world::TTL;

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A task that does nothing. It stays in memory for as long as somebody could wake it.
pub(crate) struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

/// Has a task wait for a future until `end` has come; returns the task.
pub(crate) async fn wait_in_vain(future: impl Future, end: impl Future) -> Arc<Idle> {
    let task = Arc::new(Idle);
    let waker = Waker::from(task.clone());
    let mut future = pin!(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    end.await;
    task
}

fn are_empty(nodes: &[MemoryNode]) -> bool {
    nodes.iter().all(|node| node.keys().is_empty())
}

#[tokio::test]
async fn work_has_the_lock_for_as_long_as_it_takes() {
    let (clock, nodes, redlock) = three_nodes();
    let (rival, timer) = (over(&nodes, &clock), clock.clone());
    let work = redlock.with_lock("job", TTL, |lease| async move {
        for _ in 0..5 {
            timer.sleep_until(timer.now().saturating_add(TTL)).await;
            let refused = rival.try_lock("job", TTL).await.unwrap_err();
            assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
            lease.check().unwrap();
        }
        lease.resources().to_string()
    });
    let completed = clock.run(work).await.unwrap();
    assert_eq!((completed.value.as_str(), completed.loss), ("job", None));
    assert_eq!(completed.release.verdict, ReleaseVerdict::Released);
    settle().await;
    assert!(are_empty(&nodes));
}

/// Checked by the compiler: without a warning the expectation would be one.
#[tokio::test]
async fn nobody_overlooks_the_result_of_work_or_a_lock_that_is_to_be_adopted() {
    let (clock, _nodes, redlock) = three_nodes();
    let completed = clock.run(redlock.with_lock("job", TTL, |_| async { Err::<(), _>("the work has failed") })).await;
    #[expect(unused_must_use)]
    completed.unwrap();
    let guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    #[expect(unused_must_use)]
    guard.detach().unwrap();
}

#[tokio::test]
async fn work_is_dropped_when_the_lock_is_lost_at_the_deadline() {
    let (clock, nodes, redlock) = three_nodes();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let dropped = Dropped(is_dropped.clone());
    let begun = clock.now();
    let work = redlock.with_lock("job", TTL, |_| {
        nodes.iter().for_each(MemoryNode::stop);
        async move {
            let _dropped = dropped;
            pending::<()>().await;
        }
    });
    let lost = clock.run(work).await.unwrap_err();
    assert_eq!(lost, WorkError::Lost(Loss::Expired));
    assert!(is_dropped.load(Ordering::SeqCst));
    let drift = TTL / 100 + Duration::from_millis(2);
    assert_eq!(clock.now().saturating_since(begun), TTL - drift, "at the deadline, not before and not after");
    nodes.iter().for_each(MemoryNode::resume);
    settle().await;
    assert!(are_empty(&nodes));
}

/// Such as the requests of a leader, each of which ends with its term.
#[tokio::test]
async fn whoever_waits_no_longer_for_a_loss_is_forgotten() {
    let (clock, _nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL).keep_alive(KeepAlive::while_held())).await.unwrap();
    let other = tokio::spawn(guard.lost());
    settle().await;
    for _ in 0..3 {
        let task = wait_in_vain(guard.lost(), async {}).await;
        assert_eq!(Arc::strong_count(&task), 1, "nobody can wake it any more");
    }
    drop(guard);
    assert_eq!(other.await.unwrap(), Loss::Released, "others still wait");
}

#[tokio::test]
async fn whoever_waits_no_longer_for_a_lock_is_forgotten() {
    let (clock, nodes, redlock) = three_nodes();
    let _held = clock.run(over(&nodes, &clock).lock("job", TTL)).await.unwrap();
    let task = wait_in_vain(redlock.lock("job", TTL), settle()).await;
    assert_eq!(Arc::strong_count(&task), 1, "nobody can wake it any more");
}

#[tokio::test]
async fn work_that_is_dropped_gives_the_lock_back() {
    let (clock, nodes, redlock) = three_nodes();
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = begun.clone();
    let mut work = Box::pin(redlock.with_lock("job", TTL, |_| async move {
        has_begun.store(true, Ordering::SeqCst);
        pending::<()>().await;
    }));
    while !begun.load(Ordering::SeqCst) {
        assert!(work.as_mut().now_or_never().is_none());
        settle().await;
    }
    assert!(has_keys(&nodes[0], &["job"]));
    drop(work);
    settle().await;
    assert!(are_empty(&nodes), "{}", clock.now().since_epoch().as_millis());
}

#[tokio::test]
async fn work_that_panics_gives_the_lock_back() {
    let (clock, nodes, redlock) = three_nodes();
    let panicking = redlock.with_lock("job", TTL, |_| async { panic!("as the test wants it") });
    let panicked = clock.run(std::panic::AssertUnwindSafe(panicking).catch_unwind()).await;
    assert!(panicked.is_err());
    settle().await;
    assert!(are_empty(&nodes));
}

#[tokio::test]
async fn work_under_a_lock_that_nobody_gets_is_not_begun() {
    let (clock, nodes, redlock) = three_nodes();
    let _held = clock.run(over(&nodes, &clock).lock("job", TTL * 10)).await.unwrap();
    let work = redlock.try_lock("job", TTL).run(|_| async { panic!("it was begun") });
    let refused = clock.run(work).await.unwrap_err();
    assert!(matches!(refused, WorkError::Acquire(AcquireError::Contended(_))), "{refused}");
}

#[tokio::test]
async fn work_may_be_kept_from_taking_too_long() {
    let (clock, _nodes, redlock) = three_nodes();
    let acquire = redlock.lock("job", TTL).keep_alive(KeepAlive::up_to(TTL * 3));
    let lost = clock.run(acquire.run(|_| pending::<()>())).await.unwrap_err();
    assert_eq!(lost, WorkError::Lost(Loss::MaxHoldReached));
}

#[tokio::test]
async fn work_whose_lock_is_not_to_be_kept_alive_ends_with_it() {
    let (clock, nodes, _) = three_nodes();
    let kept = Options::new().keep_alive(KeepAlive::while_held());
    for options in [Options::new(), kept] {
        let redlock = Redlock::builder().nodes(&nodes).options(options).build_on(clock.clone()).unwrap();
        let begun = clock.now();
        let acquire = redlock.lock("job", TTL).keep_alive(None);
        let lost = clock.run(acquire.run(|_| pending::<()>())).await.unwrap_err();
        assert_eq!(lost, WorkError::Lost(Loss::Expired));
        assert!(clock.now().saturating_since(begun) < TTL);
        settle().await;
    }
}

#[tokio::test]
async fn one_candidate_leads_until_it_resigns_or_is_cut_off() {
    let (clock, nodes, redlock) = three_nodes();
    let candidates = [redlock.candidate("scheduler", TTL), over(&nodes, &clock).candidate("scheduler", TTL)];
    let first = clock.run(candidates[0].campaign()).await.unwrap();
    assert!(first.is_leader());
    let mut second = Box::pin(candidates[1].campaign());
    assert!(second.as_mut().now_or_never().is_none());
    settle().await;
    assert!(second.as_mut().now_or_never().is_none());
    clock.run(first.resign()).await;
    let second = clock.run(second).await.unwrap();
    nodes.iter().for_each(MemoryNode::cut);
    assert_eq!(clock.run(second.ended()).await, Loss::Expired);
    assert!(!second.is_leader());
    nodes.iter().for_each(MemoryNode::restore);
    drop(second);
    assert!(clock.run(candidates[0].campaign()).await.unwrap().is_leader());
}

#[tokio::test]
async fn leaders_have_fences_that_increase_if_they_are_to() {
    let (clock, _nodes, redlock) = three_nodes();
    let candidate = redlock.candidate("scheduler", TTL);
    let first = clock.run(candidate.campaign()).await.unwrap();
    assert_eq!(first.lease().fence(), None);
    clock.run(first.resign()).await;
    let candidate = candidate.fenced().clone();
    let mut last = None;
    for _ in 0..3 {
        let leadership = clock.run(candidate.campaign()).await.unwrap();
        let fence = leadership.lease().fence();
        assert!(fence > last, "{fence:?} after {last:?}");
        last = fence;
        clock.run(leadership.resign()).await;
    }
}

#[tokio::test]
async fn a_campaign_goes_on_while_the_nodes_are_down() {
    let (clock, nodes, redlock) = three_nodes();
    nodes.iter().for_each(MemoryNode::cut);
    let mut campaign = Box::pin(redlock.candidate("scheduler", TTL).campaign());
    let day = clock.sleep_until(clock.now().saturating_add(Duration::from_secs(60)));
    assert!(matches!(clock.run(select(campaign.as_mut(), Box::pin(day))).await, Either::Right(_)));
    nodes.iter().for_each(MemoryNode::restore);
    assert!(clock.run(campaign).await.unwrap().is_leader());
}

#[tokio::test]
async fn a_campaign_goes_on_whatever_the_handle_allows_its_other_calls() {
    let (clock, nodes, rival) = three_nodes();
    let options = Options::new().attempts(2).wait(Duration::ZERO);
    let redlock = Redlock::builder().nodes(&nodes).options(options).build_on(clock.clone()).unwrap();
    let first = clock.run(rival.candidate("scheduler", TTL).campaign()).await.unwrap();
    let mut campaign = Box::pin(redlock.candidate("scheduler", TTL).campaign());
    let hour = clock.sleep_until(clock.now().saturating_add(Duration::from_secs(600)));
    assert!(matches!(clock.run(select(campaign.as_mut(), Box::pin(hour))).await, Either::Right(_)));
    clock.run(first.resign()).await;
    assert!(clock.run(campaign).await.unwrap().is_leader());
}

#[tokio::test]
async fn a_shared_lock_is_released_by_the_last_who_has_it() {
    let (clock, nodes, redlock) = three_nodes();
    let first = clock.run(redlock.lock("job", TTL)).await.unwrap().share();
    let (second, third) = (first.clone(), first.clone());
    assert_eq!(clock.run(first.release()).await, None);
    drop(second);
    settle().await;
    assert!(third.is_valid() && has_keys(&nodes[0], &["job"]));
    let report = clock.run(third.release()).await.expect("it is the last one");
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    let (one, other) = {
        let guard = clock.run(redlock.lock("job", TTL)).await.unwrap().share();
        (guard.clone(), guard)
    };
    drop((one, other));
    settle().await;
    assert!(are_empty(&nodes));
}

#[tokio::test]
async fn a_lock_that_was_lost_cannot_be_handed_on() {
    let (clock, nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    clock.advance(TTL);
    assert_eq!(guard.detach().unwrap_err(), Loss::Expired);
    settle().await;
    assert!(are_empty(&nodes));
}

#[tokio::test]
async fn an_adoption_that_is_dropped_leaves_the_lock_to_whoever_adopts_it() {
    let (clock, nodes, redlock) = three_nodes();
    let detached = clock.run(redlock.lock("job", TTL)).await.unwrap().detach().unwrap();
    let other = over(&nodes, &clock);
    let mut adoption = Box::pin(other.adopt(&detached));
    assert!(adoption.as_mut().now_or_never().is_none());
    drop(adoption);
    settle().await;
    assert!(has_keys(&nodes[0], &["job"]));
    assert!(clock.run(other.adopt(&detached)).await.unwrap().is_valid());
    settle().await;
    assert!(are_empty(&nodes));
}

#[tokio::test]
async fn a_lock_that_was_detached_is_kept_alive_by_nobody() {
    let (clock, nodes, redlock) = three_nodes();
    let guard = clock.run(redlock.lock("job", TTL).keep_alive(KeepAlive::while_held())).await.unwrap();
    guard.forget();
    settle().await;
    assert!(has_keys(&nodes[0], &["job"]));
    clock.run(clock.sleep_until(clock.now().saturating_add(TTL * 2))).await;
    assert!(are_empty(&nodes));
}

#[tokio::test]
async fn the_label_of_a_handle_is_seen_beside_its_locks_unless_a_call_has_one_of_its_own() {
    let (clock, nodes, rival) = three_nodes();
    let handle = Redlock::builder().nodes(&nodes).owner("host-7".parse().unwrap());
    let redlock = handle.build_on(clock.clone()).unwrap();
    let _ours = clock.run(redlock.lock("ours", TTL)).await.unwrap();
    let _job = clock.run(redlock.lock("job", TTL).owner("host-7/job".parse().unwrap())).await.unwrap();
    settle().await;
    for (name, label) in [("ours", "host-7"), ("job", "host-7/job")] {
        let status = clock.run(rival.status(name)).await.unwrap();
        assert_eq!(status.owner().map(Owner::as_str), Some(label), "{status}");
    }
}

#[tokio::test]
async fn the_names_of_a_handle_have_its_prefix() {
    let (clock, nodes, _) = three_nodes();
    let redlock = Redlock::builder().nodes(&nodes).prefix("billing:").build_on(clock.clone()).unwrap();
    let guard = clock.run(redlock.lock_all(["b", "a"], TTL)).await.unwrap();
    settle().await;
    assert!(has_keys(&nodes[0], &["billing:a", "billing:b"]));
    assert_eq!(guard.resources().to_string(), "billing:a, billing:b");
    let detached = guard.detach().unwrap();
    assert!(clock.run(redlock.adopt(&detached)).await.is_ok(), "its names are not prefixed again");
}
