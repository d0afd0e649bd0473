//! The end of a handle.

use std::time::Duration;

use futures_util::FutureExt;
use redlock_driver::{AcquireError, Instant, ReleaseVerdict, Runtime};

use crate::clock::settle;
use crate::link::{Connect, Link};
use crate::world::{TTL, World, node_timeout};

/// Longer than a key of [`TTL`] can live.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn close_ends_the_acquisitions_that_wait_and_takes_no_new_ones() {
    let world = World::new().await;
    let held = world.lock("job").await;
    let waiting = tokio::spawn(world.redlock.lock("job", TTL));
    settle().await;
    let report = world.clock.run(world.redlock.close()).await;
    assert_eq!((report.held, report.unsettled), (1, 0));
    assert_eq!(waiting.await.unwrap().unwrap_err(), AcquireError::Closed);
    let sent = world.links[0].commands();
    assert_eq!(world.clock.run(world.redlock.lock("other", TTL)).await.unwrap_err(), AcquireError::Closed);
    settle().await;
    assert_eq!(world.links[0].commands(), sent);
    drop(held);
}

#[tokio::test]
async fn close_undoes_an_acquisition_that_nobody_has_come_for() {
    let world = World::new().await;
    let mut acquisition = world.redlock.lock("job", TTL);
    assert!((&mut acquisition).now_or_never().is_none());
    settle().await;
    assert!(world.links[0].has_key("job"));
    world.clock.run(world.redlock.close()).await;
    world.assert_nothing_is_left();
    assert_eq!(world.clock.run(acquisition).await.unwrap_err(), AcquireError::Closed);
}

#[tokio::test]
async fn close_waits_for_releases() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    settle().await;
    world.links.iter().for_each(Link::fall_silent);
    drop(guard);
    let redlock = world.redlock.clone();
    let closing = tokio::spawn(async move { redlock.close().await });
    settle().await;
    assert!(!closing.is_finished());
    world.links.iter().for_each(Link::answer);
    let report = closing.await.unwrap();
    assert_eq!((report.held, report.unsettled), (0, 0));
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn close_does_not_wait_for_a_silent_node_longer_than_the_node_timeout() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    settle().await;
    world.links[0].fall_silent();
    drop(guard);
    let report = world.clock.run(world.redlock.close()).await;
    assert_eq!((report.held, report.unsettled), (0, 1));
    assert_eq!(world.clock.now(), Instant::EPOCH.saturating_add(node_timeout()));
    world.links[0].answer();
    settle().await;
    assert_eq!(world.clock.run(world.redlock.close()).await.to_string(), "nothing is left");
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn guards_can_be_extended_and_released_after_close() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    world.redlock.close().await;
    let deadline = guard.deadline();
    world.clock.advance(TTL / 2);
    assert!(world.clock.run(guard.extend(TTL)).await.unwrap() > deadline);
    assert_eq!(world.clock.run(guard.release()).await.verdict, ReleaseVerdict::Released);
    assert_eq!(world.redlock.close().await.held, 0);
}

#[tokio::test]
async fn the_tasks_end_with_the_last_handle() {
    let World { links, redlock, .. } = World::new().await;
    let last = redlock.clone();
    drop(redlock);
    settle().await;
    assert!(!links.iter().any(Link::is_over));
    drop(last);
    settle().await;
    assert!(links.iter().all(Link::is_over));
}

#[tokio::test]
async fn a_guard_keeps_the_engine_going_and_is_released_after_its_handle_is_gone() {
    let World { clock, links, redlock } = World::new().await;
    let mut guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    drop(redlock);
    settle().await;
    clock.run(guard.extend(TTL)).await.unwrap();
    assert!(!links.iter().any(Link::is_over));
    drop(guard);
    settle().await;
    assert!(links.iter().all(|link| link.is_over() && link.is_empty()));
}

#[tokio::test]
async fn an_acquisition_keeps_the_engine_going() {
    let World { clock, links, redlock } = World::new().await;
    let acquisition = redlock.lock("job", TTL);
    drop(redlock);
    settle().await;
    drop(clock.run(acquisition).await.unwrap());
    settle().await;
    assert!(links.iter().all(Link::is_over));
}

#[tokio::test]
async fn the_tasks_end_while_a_node_hangs_when_the_ttl_is_over() {
    for locks in 1..=4 {
        let World { clock, links, redlock } = World::new().await;
        links[0].fall_silent();
        for number in 0..locks {
            drop(clock.run(redlock.lock(format!("job-{number}"), TTL)).await.unwrap());
            settle().await;
        }
        drop(redlock);
        settle().await;
        assert!(!links.iter().any(Link::is_over), "a release waits for its answer");
        clock.advance(LONG);
        settle().await;
        assert!(links.iter().all(Link::is_over), "with {locks} locks");
    }
}

#[tokio::test]
async fn the_tasks_end_when_a_connection_closed_without_an_answer_to_what_it_carried() {
    let World { clock, links, redlock } = World::new().await;
    links[0].fall_silent();
    let guard = clock.run(redlock.lock("job", TTL)).await.unwrap();
    settle().await;
    links[0].report_closed();
    settle().await;
    drop((redlock, guard));
    settle().await;
    clock.advance(LONG);
    settle().await;
    assert!(links.iter().all(Link::is_over));
}

#[tokio::test]
async fn the_tasks_end_while_a_connection_is_being_made() {
    let World { links, redlock, .. } = World::with(|links| links[0].connect(Connect::Hangs));
    settle().await;
    drop(redlock);
    settle().await;
    assert!(links.iter().all(Link::is_over));
}

#[tokio::test]
async fn the_tasks_end_while_nodes_are_down() {
    let down = |links: &[Link; 3]| links.iter().for_each(|link| link.connect(Connect::Fails));
    let World { clock, links, redlock } = World::with(down);
    clock.run(redlock.try_lock("job", TTL)).await.unwrap_err();
    drop(redlock);
    clock.advance(LONG);
    settle().await;
    assert!(links.iter().all(Link::is_over));
}

#[tokio::test]
async fn work_that_is_done_when_the_handle_is_closed_was_done_under_the_lock() {
    let world = World::new().await;
    let redlock = world.redlock.clone();
    let work = world.redlock.with_lock("job", TTL, |lease| async move {
        redlock.close().await;
        lease.is_valid()
    });
    let completed = world.clock.run(work).await.unwrap();
    assert_eq!((completed.value, completed.loss), (true, None));
    assert_eq!(completed.release.verdict, ReleaseVerdict::Released);
}
