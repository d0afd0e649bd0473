//! Nodes, transports and connections that fail, each in its own way.

use std::time::Duration;

use futures_util::future::join_all;
use redlock_driver::transport::Reply;
use redlock_driver::{
    AcquireError, Cause, DEFAULT_CONNECT_TIMEOUT, DEFAULT_PING_INTERVAL, DEFAULT_SILENCE_TIMEOUT, Instant, LockGuard,
    Outcome, ReleaseVerdict, Runtime, Unavailable,
};
use tokio::task::JoinHandle;

use crate::clock::{Clock, settle};
use crate::link::{Connect, Link, disconnected};
use crate::world::{TTL, World, node_timeout};

/// What each node said to the only attempt of a lock that was not acquired.
async fn causes_of_failure(world: &World) -> Vec<Cause> {
    let error = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err();
    let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
    let outcomes = attempts.nodes.iter().filter_map(|(_, _, outcome)| match outcome {
        Outcome::Unavailable(unavailable) => Some(unavailable.cause()),
        _ => None,
    });
    outcomes.collect()
}

/// Takes, extends and releases a lock, and asserts that no step waited for anything.
async fn assert_no_waiting(world: &World) {
    let began = world.clock.now();
    let mut guard = world.lock("job").await;
    world.clock.run(guard.extend(TTL)).await.unwrap();
    assert_eq!(world.clock.run(guard.release()).await.verdict, ReleaseVerdict::Released);
    assert_eq!(world.clock.now(), began);
}

#[tokio::test]
async fn a_reply_that_is_missing_is_no_vote() {
    let world = World::new().await;
    let lose_the_last = |mut replies: Vec<Reply>| {
        replies.pop();
        Ok(replies)
    };
    world.links[0].tamper(lose_the_last);
    assert_no_waiting(&world).await;
    world.links[1].tamper(lose_the_last);
    assert_eq!(causes_of_failure(&world).await, [Cause::Unexpected; 2]);
    world.links.iter().for_each(|link| link.tamper(Ok));
    world.clock.advance(TTL / 2);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn replies_that_nobody_asked_for_are_no_votes() {
    let world = World::new().await;
    let _held = world.lock("job").await;
    settle().await;
    for link in &world.links {
        link.tamper(|mut replies| {
            replies.extend([Reply::Done, Reply::Done]);
            Ok(replies)
        });
    }
    let refused = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
}

#[tokio::test]
async fn a_reply_that_does_not_fit_concerns_its_lock_alone() {
    let world = World::new().await;
    for link in &world.links {
        link.tamper(|mut replies| {
            if let [_, second, _] = &mut *replies {
                *second = Reply::Unavailable(Unavailable::new(Cause::OutOfMemory));
            }
            Ok(replies)
        });
    }
    let locks = join_all(["first", "second", "third"].map(|name| world.redlock.try_lock(name, TTL)));
    let locks = world.clock.run(locks).await;
    assert_eq!(locks.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    settle().await;
    assert!(world.links.iter().all(|link| link.has_key("first") && !link.has_key("second")));
}

#[tokio::test]
async fn a_batch_that_fails_breaks_the_connection_and_the_next_one_carries_on() {
    let world = World::new().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links.iter().for_each(Link::break_at_next_batch);
    assert_eq!(causes_of_failure(&world).await, [Cause::Disconnected; 2]);
    settle().await;
    assert!(world.links.iter().all(|link| link.connects().len() == 2));
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn a_batch_that_fails_is_told_at_once_and_nothing_more_is_sent() {
    let world = World::new().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links[..2].iter().for_each(Link::break_at_next_batch);
    world.links[..2].iter().for_each(Link::fall_silent);
    let [first, _second] = [begin(&world, "first").await, begin(&world, "second").await];
    let (began, batches) = (world.clock.now(), world.links[0].batches());
    world.links[..2].iter().for_each(Link::answer_oldest);
    let refused = world.clock.run(first).await.unwrap().unwrap_err();
    assert!(matches!(refused, AcquireError::Unavailable(_)), "{refused}");
    assert_eq!(world.clock.now(), began, "the answers to the second batch are not waited for");
    begin(&world, "third").await;
    assert_eq!(world.links[0].batches(), batches);
}

#[tokio::test]
async fn nothing_is_sent_over_a_connection_that_is_closed() {
    let world = World::new().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links[0].fall_silent();
    begin(&world, "first").await;
    let batches = world.links[0].batches();
    world.links[0].report_closed();
    settle().await;
    begin(&world, "second").await;
    assert_eq!(world.links[0].batches(), batches);
}

/// Sends what takes a lock, and waits for nothing.
async fn begin(world: &World, name: &'static str) -> JoinHandle<Result<LockGuard<Clock>, AcquireError>> {
    let redlock = world.redlock.clone();
    let acquiring = tokio::spawn(async move { redlock.try_lock(name, TTL).await });
    settle().await;
    acquiring
}

#[tokio::test]
async fn a_connection_that_breaks_at_once_every_time_is_not_made_anew_without_a_pause() {
    let world = World::new().await;
    world.links.iter().for_each(|link| link.tamper(|_| Err(disconnected())));
    world.clock.run(world.redlock.lock("job", TTL).wait(Duration::from_secs(5))).await.unwrap_err();
    let connects = world.links[0].connects();
    assert!(connects.len() <= 12, "{connects:?}");
}

#[tokio::test]
async fn a_node_that_never_answers_costs_no_time() {
    let world = World::new().await;
    world.links[0].fall_silent();
    assert_no_waiting(&world).await;
    assert_no_waiting(&world).await;
    world.links[0].answer();
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_quorum_that_never_answers_costs_the_node_timeout() {
    let world = World::new().await;
    world.links[..2].iter().for_each(Link::fall_silent);
    assert_eq!(causes_of_failure(&world).await, [Cause::NoAnswer; 2]);
    assert_eq!(world.clock.now(), Instant::EPOCH.saturating_add(node_timeout()));
}

#[tokio::test]
async fn nodes_that_are_down_refuse_at_once() {
    let world = World::with(|links| links[..2].iter().for_each(|link| link.connect(Connect::Fails)));
    settle().await;
    let began = world.clock.now();
    assert_eq!(causes_of_failure(&world).await, [Cause::NotSent; 2]);
    assert_eq!(world.clock.now(), began);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_minority_that_is_down_costs_no_time() {
    let world = World::with(|links| links[0].connect(Connect::Fails));
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn tries_to_connect_grow_rarer_up_to_one_a_second_until_one_succeeds() {
    let world = World::with(|links| links[0].connect(Connect::Fails));
    let failing = &world.links[0];
    settle().await;
    while failing.connects().len() < 9 {
        world.clock.advance(Duration::from_millis(1));
        settle().await;
    }
    let connects = failing.connects();
    let pauses = connects.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis());
    assert_eq!(pauses.collect::<Vec<_>>(), [20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    failing.connect(Connect::Opens);
    world.clock.advance(Duration::from_secs(1));
    settle().await;
    let _guard = world.lock("job").await;
    settle().await;
    assert!(failing.has_key("job"));
}

#[tokio::test]
async fn a_try_to_connect_ends_with_the_connect_timeout() {
    let world = World::with(|links| links.iter().for_each(|link| link.connect(Connect::Hangs)));
    settle().await;
    world.clock.advance(DEFAULT_CONNECT_TIMEOUT);
    settle().await;
    let began = world.clock.now();
    let error = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err();
    assert!(error.to_string().contains("one: not reachable (no connection within 1 s)"), "{error}");
    assert_eq!(world.clock.now(), began);
    world.links.iter().for_each(|link| link.connect(Connect::Opens));
    drop(world.lock("job").await);
}

#[tokio::test]
async fn what_is_asked_before_the_first_connection_waits_for_it() {
    let world = World::with(|_| ());
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn a_connection_that_closes_while_idle_is_made_anew_before_it_is_needed() {
    let world = World::new().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links.iter().for_each(Link::report_closed);
    settle().await;
    assert!(world.links.iter().all(|link| link.connects().len() == 2));
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn a_connection_that_closes_without_having_been_used_is_made_anew() {
    let world = World::new().await;
    world.links.iter().for_each(Link::report_closed);
    settle().await;
    world.clock.advance(Duration::from_millis(20));
    settle().await;
    assert!(world.links.iter().all(|link| link.connects().len() == 2));
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn a_connection_that_closes_is_not_made_anew_before_what_it_carries_is_accounted_for() {
    let world = World::new().await;
    let link = &world.links[0];
    link.fall_silent();
    let _guard = world.lock("job").await;
    settle().await;
    link.report_closed();
    settle().await;
    assert_eq!(link.connects().len(), 1);
    link.answer();
    settle().await;
    assert_eq!(link.connects().len(), 2);
}

#[tokio::test]
async fn a_transport_that_panics_is_a_node_that_is_down() {
    let world = World::new().await;
    assert_no_waiting(&world).await;
    world.links[0].connect(Connect::Panics);
    world.links[0].report_closed();
    settle().await;
    assert_no_waiting(&world).await;
    world.links[1].connect(Connect::Panics);
    world.links[1].report_closed();
    settle().await;
    let error = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err().to_string();
    assert_eq!(error.matches("its transport panicked").count(), 2, "{error}");
    world.clock.advance(TTL);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_transport_that_panics_while_it_connects_is_asked_again() {
    for panics in [Connect::Panics, Connect::PanicsAtOnce] {
        let world = World::new().await;
        assert_no_waiting(&world).await;
        world.links[0].connect(panics);
        world.links[0].report_closed();
        settle().await;
        assert_no_waiting(&world).await;
        world.links[0].connect(Connect::Opens);
        world.clock.advance(Duration::from_secs(1));
        settle().await;
        world.links[1].connect(Connect::Fails);
        world.links[1].report_closed();
        settle().await;
        assert_no_waiting(&world).await;
    }
}

#[tokio::test]
async fn a_connection_that_takes_everything_and_says_nothing_is_replaced() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    settle().await;
    let silent = &world.links[0];
    silent.fall_silent();
    drop(guard);
    settle().await;
    assert_eq!(silent.connects().len(), 1);
    world.clock.advance(DEFAULT_SILENCE_TIMEOUT);
    settle().await;
    assert_eq!(silent.connects().len(), 2, "what was under way counts as unknown");
    silent.answer();
    world.clock.advance(TTL / 4);
    settle().await;
    assert!(!silent.has_key("job"));
    assert_no_waiting(&world).await;
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_tried_out() {
    let world = World::new().await;
    assert_eq!(world.links[0].commands(), 0);
    world.clock.advance(DEFAULT_PING_INTERVAL);
    settle().await;
    assert!(world.links.iter().all(|link| link.commands() == 1), "a ping");
    world.links[0].fall_silent();
    world.clock.advance(DEFAULT_PING_INTERVAL);
    settle().await;
    world.clock.advance(DEFAULT_SILENCE_TIMEOUT);
    settle().await;
    assert_eq!([0, 1, 2].map(|index| world.links[index].connects().len()), [2, 1, 1]);
}
