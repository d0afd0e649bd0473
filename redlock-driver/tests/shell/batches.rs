//! What gathers for a node goes in one batch.

use futures_util::future::join_all;
use redlock_driver::{Instant, Runtime};

use crate::clock::settle;
use crate::world::{TTL, World};

const MANY: usize = 1_000;

#[tokio::test]
async fn locks_that_are_taken_at_once_share_batches() {
    let world = World::new().await;
    let guards = join_all((0..MANY).map(|number| world.redlock.lock(format!("job-{number}"), TTL)));
    let guards = world.clock.run(guards).await;
    assert!(guards.iter().all(Result::is_ok));
    drop(guards);
    world.clock.run(world.redlock.close()).await;
    for link in &world.links {
        assert!(link.commands() >= 2 * MANY);
        assert!(link.batches() <= 20, "{} batches", link.batches());
    }
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_node_has_at_most_two_batches_under_way() {
    let world = World::new().await;
    let slow = &world.links[0];
    slow.fall_silent();
    for number in 0..10 {
        drop(world.lock(&format!("job-{number}")).await);
        settle().await;
    }
    assert_eq!((slow.batches(), slow.most_under_way()), (2, 2));
    slow.answer();
    settle().await;
    assert_eq!(slow.most_under_way(), 2);
    world.assert_nothing_is_left();
}

/// Tokio lets a task that was just woken overtake all others, so the handle's task comes after the first of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tasks_that_go_on_at_the_same_time_share_batches_again_and_again() {
    const TASKS: usize = 16;
    const PAIRS: usize = 50;
    let world = World::new().await;
    let work = |task: usize| {
        let redlock = world.redlock.clone();
        tokio::spawn(async move {
            for _ in 0..PAIRS {
                redlock.lock(format!("job-{task}"), TTL).await.unwrap().release().await;
            }
        })
    };
    join_all((0..TASKS).map(work).collect::<Vec<_>>()).await;
    for link in &world.links {
        let size = link.commands() / link.batches();
        // The first ones go by themselves, and others where the system has interrupted the thread.
        assert!(size > TASKS / 2, "{size} commands in a batch, of {TASKS} tasks");
    }
}

#[tokio::test]
async fn a_lone_lock_does_not_wait_for_company() {
    let world = World::new().await;
    drop(world.lock("job").await);
    assert_eq!(world.clock.now(), Instant::EPOCH);
}
