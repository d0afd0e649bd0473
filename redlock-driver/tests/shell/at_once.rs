//! Connections on which whoever has something to say sends it.

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::clock::settle;
use crate::link::Link;
use crate::world::{TTL, World, node_timeout};

/// How many commands each node has carried.
fn carried(world: &World) -> [usize; 3] {
    [0, 1, 2].map(|index| world.links[index].commands())
}

#[tokio::test]
async fn a_call_has_sent_before_it_waits() {
    let world = World::at_once().await;
    let mut acquisition = world.redlock.lock("job", TTL);
    assert!((&mut acquisition).now_or_never().is_none());
    assert_eq!(carried(&world), [1, 1, 1], "no other task has run");
    drop(acquisition);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_guard_that_is_dropped_has_sent_its_release() {
    let world = World::at_once().await;
    // The scripts are known.
    drop(world.lock("other").await);
    settle().await;
    let guard = world.lock("job").await;
    settle().await;
    drop(guard);
    assert!(world.links.iter().all(Link::is_empty), "no other task has run");
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn so_has_one_whose_grants_have_not_all_come() {
    let world = World::at_once().await;
    drop(world.lock("other").await);
    settle().await;
    world.links[2].fall_silent();
    let guard = world.lock("job").await;
    settle().await;
    let before = carried(&world);
    drop(guard);
    assert_eq!(carried(&world), before.map(|count| count + 1));
    world.links[2].answer();
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn many_at_a_time_are_gathered() {
    let world = World::at_once().await;
    let guards = join_all((0..100).map(|number| world.redlock.lock(format!("job-{number}"), TTL))).await;
    assert!(guards.iter().all(Result::is_ok));
    settle().await;
    let batches = world.links[0].batches();
    assert!(batches < 10, "{batches} batches");
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn no_more_is_sent_to_a_node_that_does_not_answer_than_the_driver_sends() {
    let world = World::at_once().await;
    world.links[0].fall_silent();
    let guards = join_all((0..10).map(|number| world.redlock.lock(format!("job-{number}"), TTL))).await;
    settle().await;
    assert_eq!(world.links[0].most_under_way(), 2);
    world.clock.advance(node_timeout() * 2);
    world.links[0].answer();
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_holds_when_threads_lock_and_let_go_at_the_same_time() {
    let world = World::at_once().await;
    let workers = (0..8).map(|worker| {
        let redlock = world.redlock.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                let acquisition = redlock.lock(format!("job-{worker}-{number}"), TTL);
                if number % 2 == 0 {
                    let _ = acquisition.now_or_never();
                } else {
                    drop(acquisition.await.unwrap());
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(world.redlock.close().await.unsettled, 0);
    world.assert_nothing_is_left();
}
