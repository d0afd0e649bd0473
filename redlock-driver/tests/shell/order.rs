//! On every node the release of a lock comes behind its SET.

use futures_util::FutureExt;

use crate::clock::settle;
use crate::link::Link;
use crate::world::{TTL, World, node_timeout};

#[tokio::test]
async fn an_acquisition_that_is_dropped_after_any_number_of_answers_is_undone() {
    for answers in 0..=3 {
        let world = World::new().await;
        world.links.iter().for_each(Link::fall_silent);
        let mut acquisition = world.redlock.lock("job", TTL);
        assert!((&mut acquisition).now_or_never().is_none());
        settle().await;
        world.links[..answers].iter().for_each(Link::answer);
        settle().await;
        drop(acquisition);
        settle().await;
        world.links.iter().for_each(Link::answer);
        settle().await;
        assert!(world.links.iter().all(|link| link.commands() > 0));
        world.assert_nothing_is_left();
    }
}

#[tokio::test]
async fn an_acquisition_that_is_dropped_before_anything_was_carried_is_undone() {
    let world = World::new().await;
    assert!(world.redlock.lock("job", TTL).now_or_never().is_none());
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn an_acquisition_that_was_never_polled_sends_nothing() {
    let world = World::new().await;
    drop(world.redlock.lock("job", TTL));
    settle().await;
    assert!(world.links.iter().all(|link| link.commands() == 0));
}

#[tokio::test]
async fn a_guard_that_is_dropped_while_an_extension_is_under_way_is_undone() {
    for answers in 0..=3 {
        let world = World::new().await;
        let mut guard = world.lock("job").await;
        settle().await;
        world.links.iter().for_each(Link::fall_silent);
        assert!(guard.extend(TTL).now_or_never().is_none());
        settle().await;
        world.links[..answers].iter().for_each(Link::answer);
        drop(guard);
        settle().await;
        world.links.iter().for_each(Link::answer);
        settle().await;
        world.assert_nothing_is_left();
    }
}

#[tokio::test]
async fn a_lock_is_undone_on_a_connection_that_was_made_after_its_set_broke_the_first() {
    let world = World::new().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links[0].break_at_next_batch();
    let guard = world.lock("job").await;
    settle().await;
    assert!(world.links[0].has_key("job"), "it was carried out, and nobody knows");
    drop(guard);
    settle().await;
    assert_eq!(world.links[0].connects().len(), 2);
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_set_that_could_not_be_sent_in_time_is_never_sent() {
    let world = World::new().await;
    let hung = &world.links[0];
    hung.fall_silent();
    let mut guards = Vec::new();
    for name in ["first", "second", "third"] {
        guards.push(world.lock(name).await);
        settle().await;
    }
    assert_eq!(hung.batches(), 2, "the third waits for an answer");
    world.clock.advance(node_timeout() * 2);
    hung.answer();
    settle().await;
    assert!(hung.has_key("second") && !hung.has_key("third"));
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_holds_when_threads_lock_and_let_go_at_the_same_time() {
    let world = World::new().await;
    let workers = (0..8).map(|worker| {
        let redlock = world.redlock.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                let mut acquisition = redlock.lock(format!("job-{worker}-{number}"), TTL);
                if number % 2 == 0 {
                    let begun = (&mut acquisition).now_or_never();
                    (0..number % 5).for_each(|_| std::thread::yield_now());
                    if begun.is_none() {
                        let _ = (&mut acquisition).now_or_never();
                    }
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
