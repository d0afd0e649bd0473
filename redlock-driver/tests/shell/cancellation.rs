//! Futures, guards and handles that come and go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::{Loss, ReleaseVerdict};

use crate::clock::settle;
use crate::link::Link;
use crate::world::{TTL, World, node_timeout};

#[tokio::test]
async fn a_waiting_acquisition_that_is_dropped_leaves_the_holder_alone() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    settle().await;
    for polls in 0..5 {
        let mut waiting = world.redlock.lock("job", TTL);
        for _ in 0..polls {
            assert!((&mut waiting).now_or_never().is_none());
            settle().await;
            world.clock.advance(node_timeout() / 5);
        }
    }
    settle().await;
    assert!(guard.is_valid());
    assert!(world.links.iter().all(|link| link.has_key("job")));
    drop(guard);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn an_extension_can_be_begun_while_the_round_of_a_dropped_one_is_under_way() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    settle().await;
    let deadline = guard.deadline();
    world.links.iter().for_each(Link::fall_silent);
    assert!(guard.extend(TTL).now_or_never().is_none());
    settle().await;
    world.clock.advance(node_timeout() / 2);
    let mut second = Box::pin(guard.extend(TTL));
    assert_eq!(second.as_mut().now_or_never(), None);
    world.links.iter().for_each(Link::answer);
    assert!(world.clock.run(second).await.unwrap() > deadline);
}

#[tokio::test]
async fn the_failure_of_a_dropped_extension_is_not_the_answer_to_the_next() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    settle().await;
    let deadline = guard.deadline();
    world.links.iter().for_each(Link::fall_silent);
    assert!(guard.extend(TTL).now_or_never().is_none());
    settle().await;
    // The round is over, and the task of the timers has not run since.
    world.clock.advance(node_timeout());
    let mut second = Box::pin(guard.extend(TTL));
    assert_eq!(second.as_mut().now_or_never(), None);
    world.links.iter().for_each(Link::answer);
    assert!(world.clock.run(second).await.unwrap() > deadline);
}

#[tokio::test]
async fn a_release_that_is_dropped_at_any_poll_is_done_all_the_same() {
    let world = World::new().await;
    for polls in 0..2 {
        let guard = world.lock("job").await;
        settle().await;
        let mut release = Box::pin(guard.release());
        for _ in 0..polls {
            assert!(release.as_mut().now_or_never().is_none());
        }
        drop(release);
        settle().await;
        world.assert_nothing_is_left();
    }
}

#[tokio::test]
async fn a_guard_can_be_dropped_on_a_thread_without_a_runtime() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    std::thread::spawn(move || drop(guard)).join().unwrap();
    settle().await;
    world.assert_nothing_is_left();
}

/// A task of an executor that is gone, for instance.
struct Broken;

impl Wake for Broken {
    fn wake(self: Arc<Self>) {
        panic!("as a waker should not");
    }
}

#[tokio::test]
async fn a_task_that_cannot_be_woken_harms_neither_the_nodes_nor_others_that_wait() {
    let world = World::new().await;
    let waker = Waker::from(Arc::new(Broken));
    let broken = &mut Context::from_waker(&waker);
    let mut acquisition = world.redlock.lock("job", TTL);
    assert!(acquisition.poll_unpin(broken).is_pending());
    settle().await;
    let guard = acquisition.now_or_never().unwrap().unwrap();
    let (mut lost, other) = (guard.lost(), tokio::spawn(guard.lost()));
    assert!(lost.poll_unpin(broken).is_pending());
    settle().await;
    drop(guard);
    assert_eq!(other.await.unwrap(), Loss::Released);
    let _guard = world.lock("other").await;
    settle().await;
    assert!(world.links.iter().all(|link| link.has_key("other")));
}

#[tokio::test]
async fn thousands_of_guards_come_and_go_and_nothing_is_left() {
    let world = World::new().await;
    for round in 0..5 {
        let names = (0..1_000).map(|number| format!("job-{round}-{number}"));
        let mut acquisitions: Vec<_> = names.map(|name| world.redlock.lock(name, TTL)).collect();
        let abandoned = acquisitions.split_off(500);
        for acquisition in abandoned {
            drop(acquisition.now_or_never());
        }
        let guards = world.clock.run(join_all(acquisitions)).await;
        assert!(guards.iter().all(Result::is_ok));
    }
    let report = world.clock.run(world.redlock.close()).await;
    assert_eq!((report.held, report.unsettled), (0, 0));
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn many_handles_come_and_go_and_nothing_is_left() {
    let world = World::new().await;
    for number in 0..300 {
        let handle = world.rival();
        let guard = world.clock.run(handle.lock("job", TTL)).await.unwrap();
        if number % 2 == 0 {
            drop((handle, guard));
        } else {
            assert_eq!(world.clock.run(guard.release()).await.verdict, ReleaseVerdict::Released);
        }
        settle().await;
    }
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn contenders_for_one_lock_have_it_one_after_the_other() {
    let world = World::new().await;
    let mut rivals = Vec::new();
    for _ in 0..10 {
        rivals.push(world.rival());
    }
    let holders = std::sync::atomic::AtomicUsize::new(0);
    let turns = rivals.iter().map(|rival| async {
        let guard = rival.lock("job", TTL).await.unwrap();
        assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
        tokio::task::yield_now().await;
        holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        guard.release().await
    });
    world.clock.run(join_all(turns)).await;
    settle().await;
    world.assert_nothing_is_left();
}

/// A pending one would hang whoever is wrong.
#[tokio::test]
async fn an_acquisition_that_is_polled_after_it_has_ended_panics_however_it_did() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    let free = world.redlock.lock("other", TTL);
    let too_short = world.redlock.lock("other", Duration::ZERO);
    for acquisition in [free, too_short, world.redlock.try_lock("job", TTL)] {
        let mut acquisition = Box::pin(acquisition);
        drop(world.clock.run(acquisition.as_mut()).await);
        let again = catch_unwind(AssertUnwindSafe(|| acquisition.as_mut().now_or_never().map(drop)));
        assert!(again.is_err(), "{again:?}");
    }
    drop(guard);
    settle().await;
    world.assert_nothing_is_left();
}
