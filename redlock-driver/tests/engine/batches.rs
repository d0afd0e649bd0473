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

#[tokio::test]
async fn a_lone_lock_does_not_wait_for_company() {
    let world = World::new().await;
    drop(world.lock("job").await);
    assert_eq!(world.clock.now(), Instant::EPOCH);
}
