//! Questions about locks.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::{Cause, Holder, Instant, KeyStatus, LockState, LockStatus, Redlock, RequestError, Runtime};

use crate::clock::{Clock, settle};
use crate::holding::wait_in_vain;
use crate::link::Link;
use crate::world::World;

/// The longest node timeout.
const TIMEOUT: Duration = Duration::from_millis(500);

async fn status(world: &World, redlock: &Redlock<Clock>) -> LockStatus {
    world.clock.run(redlock.status("job")).await.unwrap()
}

fn holder(status: &LockStatus) -> Option<Holder> {
    match status.state() {
        LockState::Held { by, .. } => Some(by),
        _ => None,
    }
}

/// As one who asks every second and waits for a part of that.
#[tokio::test]
async fn whoever_waits_no_longer_for_an_answer_is_forgotten() {
    let world = World::new().await;
    world.links.iter().for_each(Link::fall_silent);
    let redlock = world.redlock.clone();
    let other = tokio::spawn(async move { redlock.status("job").await });
    settle().await;
    let task = wait_in_vain(world.redlock.status("job"), settle()).await;
    assert_eq!(Arc::strong_count(&task), 1, "nobody can wake it any more");
    world.links.iter().for_each(Link::answer);
    assert!(world.clock.run(other).await.unwrap().unwrap().is_free(), "others still wait");
}

#[tokio::test]
async fn a_question_takes_no_time_and_leaves_nothing() {
    let world = World::new().await;
    assert!(status(&world, &world.redlock).await.is_free());
    world.assert_nothing_is_left();
    let guard = world.lock("job").await;
    settle().await;
    assert_eq!(holder(&status(&world, &world.redlock).await), Some(Holder::ThisHandle));
    assert_eq!(holder(&status(&world, &world.rival()).await), Some(Holder::Another));
    assert_eq!(world.clock.now(), Instant::EPOCH);
    drop(guard);
    settle().await;
    assert!(status(&world, &world.redlock).await.is_free());
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_bad_name_is_refused_and_nothing_is_sent() {
    let world = World::new().await;
    let sent = world.links[0].commands();
    assert_eq!(world.redlock.status("").now_or_never(), Some(Err(RequestError::EmptyName)));
    settle().await;
    assert_eq!(world.links[0].commands(), sent);
}

#[tokio::test]
async fn a_silent_node_is_waited_for_until_the_node_timeout() {
    let world = World::new().await;
    world.links[1].fall_silent();
    let status = status(&world, &world.redlock).await;
    assert_eq!(world.clock.now(), Instant::EPOCH.saturating_add(TIMEOUT));
    assert!(status.is_free());
    let (_, _, silent) = status.nodes().nth(1).unwrap();
    assert!(matches!(&silent.key, KeyStatus::Unavailable(why) if why.cause() == Cause::NoAnswer), "{silent}");
    world.links[1].answer();
}

#[tokio::test]
async fn all_who_ask_at_the_same_time_are_told() {
    let world = World::new().await;
    let _guard = world.lock("3").await;
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let all = join_all(names.iter().map(|name| world.redlock.status(name.as_str())));
    for (number, status) in world.clock.run(all).await.into_iter().enumerate() {
        assert_eq!(status.unwrap().is_held(), number == 3);
    }
}

#[tokio::test]
async fn a_question_that_is_dropped_disturbs_no_other() {
    let world = World::new().await;
    world.links.iter().for_each(Link::fall_silent);
    let mut dropped = Box::pin(world.redlock.status("job"));
    assert!(dropped.as_mut().now_or_never().is_none());
    let mut kept = Box::pin(world.redlock.status("other"));
    assert!(kept.as_mut().now_or_never().is_none());
    drop(dropped);
    world.links.iter().for_each(Link::answer);
    assert!(world.clock.run(kept).await.unwrap().is_free());
}

#[tokio::test]
async fn a_closed_handle_can_still_be_asked() {
    let world = World::new().await;
    let _guard = world.lock("job").await;
    settle().await;
    world.clock.run(world.redlock.close()).await;
    assert_eq!(holder(&status(&world, &world.redlock).await), Some(Holder::ThisHandle));
}
