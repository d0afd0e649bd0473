//! Clocks that jump, callers that come late, and seeds that are not to be had.

use std::time::Duration;

use futures_util::FutureExt;
use redlock_driver::{AcquireError, ExtendError, KeepAlive, Lease, Loss, Runtime};

use crate::clock::settle;
use crate::link::Link;
use crate::world::{TTL, VALIDITY, World, node_timeout};

#[tokio::test]
async fn without_entropy_nothing_is_sent() {
    let world = World::new().await;
    world.clock.exhaust_entropy();
    let error = world.clock.run(world.redlock.lock("job", TTL)).await.unwrap_err();
    assert!(matches!(error, AcquireError::NoEntropy(_)), "{error}");
    assert_eq!(error.to_string(), "the operating system gave no random bytes: the test took it");
    settle().await;
    assert!(world.links.iter().all(|link| link.commands() == 0));
}

#[tokio::test]
async fn a_request_out_of_bounds_is_refused_before_anything_is_sent() {
    let world = World::new().await;
    for refused in [
        world.redlock.lock("", TTL),
        world.redlock.lock("job", Duration::ZERO),
        world.redlock.lock("job", TTL).attempts(0),
        world.redlock.lock("job", TTL).min_validity(TTL),
    ] {
        let error = refused.now_or_never().expect("at once").unwrap_err();
        assert!(matches!(error, AcquireError::Request(_)), "{error}");
    }
    settle().await;
    assert!(world.links.iter().all(|link| link.commands() == 0));
}

#[tokio::test]
async fn validity_counts_from_the_moment_of_asking() {
    let world = World::new().await;
    let asked_at = world.clock.now();
    world.links.iter().for_each(Link::fall_silent);
    let mut acquisition = world.redlock.lock("job", TTL);
    assert!((&mut acquisition).now_or_never().is_none());
    settle().await;
    world.clock.advance(node_timeout() / 2);
    world.links.iter().for_each(Link::answer);
    let guard = world.clock.run(acquisition).await.unwrap();
    assert_eq!(guard.deadline(), asked_at.saturating_add(VALIDITY));
    assert_eq!(guard.remaining(), VALIDITY - node_timeout() / 2);
}

#[tokio::test]
async fn a_lock_that_its_caller_comes_for_too_late_is_given_back_and_tried_anew() {
    let world = World::new().await;
    let mut acquisition = world.redlock.lock("job", TTL).wait(TTL * 2);
    assert!((&mut acquisition).now_or_never().is_none());
    settle().await;
    world.clock.advance(VALIDITY);
    let guard = world.clock.run(acquisition).await.unwrap();
    assert!(guard.remaining() > VALIDITY - Duration::from_secs(1));
    drop(guard);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_lock_with_too_little_validity_left_is_not_handed_over() {
    let world = World::new().await;
    let mut acquisition = world.redlock.try_lock("job", TTL).min_validity(TTL / 2);
    assert!((&mut acquisition).now_or_never().is_none());
    settle().await;
    world.clock.advance(TTL / 2);
    let error = world.clock.run(acquisition).await.unwrap_err();
    assert!(matches!(error, AcquireError::Expired(_)), "{error}");
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_jump_of_the_clock_ends_the_validity_at_once() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    world.clock.advance(VALIDITY - Duration::from_nanos(1));
    assert!(guard.is_valid());
    world.clock.advance(Duration::from_nanos(1));
    assert!(!guard.is_valid() && guard.remaining().is_zero());
    assert_eq!(guard.extend(TTL).now_or_never(), Some(Err(ExtendError::Lost(Loss::Expired))));
    assert_eq!(guard.lost().now_or_never(), Some(Loss::Expired));
}

#[tokio::test]
async fn a_loss_is_told_at_the_deadline_even_if_no_node_answers() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    world.links.iter().for_each(Link::fall_silent);
    assert_eq!(guard.check(), Ok(()));
    assert_eq!(world.clock.run(guard.lost()).await, Loss::Expired);
    assert_eq!((world.clock.now(), guard.check()), (guard.deadline(), Err(Loss::Expired)));
}

#[tokio::test]
async fn the_loss_of_a_lock_that_is_kept_alive_is_told_at_the_deadline_even_if_no_node_answers() {
    let world = World::new().await;
    let acquire = world.redlock.lock("job", TTL).keep_alive(KeepAlive::while_held());
    let guard = world.clock.run(acquire).await.unwrap();
    let first = guard.deadline();
    world.clock.advance(TTL / 2);
    settle().await;
    assert!(guard.deadline() > first, "it was extended");
    world.links.iter().for_each(Link::fall_silent);
    assert_eq!(world.clock.run(guard.lost()).await, Loss::Expired);
    assert_eq!(world.clock.now(), guard.deadline());
}

#[tokio::test]
async fn a_loss_is_told_while_an_extension_waits_for_nodes_that_do_not_answer() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    world.links.iter().for_each(Link::fall_silent);
    world.clock.advance(VALIDITY - node_timeout() / 2);
    let lost = tokio::spawn(guard.lost());
    let extended = world.clock.run(guard.extend(TTL)).await;
    assert_eq!(extended, Err(ExtendError::Lost(Loss::Expired)));
    assert_eq!(world.clock.run(lost).await.unwrap(), Loss::Expired);
    assert_eq!(world.clock.now(), guard.deadline());
}

#[tokio::test]
async fn everyone_who_waits_for_the_loss_is_told() {
    let world = World::new().await;
    let guard = world.lock("job").await;
    let watchers = [(); 3].map(|()| tokio::spawn(guard.lost()));
    settle().await;
    world.clock.advance(VALIDITY);
    for watcher in watchers {
        assert_eq!(world.clock.run(watcher).await.unwrap(), Loss::Expired);
    }
}

#[tokio::test]
async fn whoever_looks_at_a_lock_learns_that_it_was_released() {
    let world = World::new().await;
    for is_dropped in [true, false] {
        let guard = world.lock("job").await;
        let (lease, lost) = (Lease::clone(&guard), tokio::spawn(guard.lost()));
        settle().await;
        assert_eq!(lease.check(), Ok(()));
        if is_dropped {
            drop(guard);
        } else {
            world.clock.run(guard.release()).await;
        }
        assert_eq!(world.clock.run(lost).await.unwrap(), Loss::Released);
        assert_eq!((lease.check(), lease.is_valid()), (Err(Loss::Released), false));
        assert_eq!(lease.lost().now_or_never(), Some(Loss::Released));
    }
}

#[tokio::test]
async fn an_extension_that_fails_changes_nothing() {
    let world = World::new().await;
    let mut guard = world.lock("job").await;
    let deadline = guard.deadline();
    world.links[..2].iter().for_each(Link::fall_silent);
    let failed = world.clock.run(guard.extend(TTL)).await.unwrap_err();
    assert!(matches!(failed, ExtendError::Unconfirmed(_)), "{failed}");
    assert_eq!(guard.deadline(), deadline);
    assert!(guard.is_valid());
    world.links[..2].iter().for_each(Link::answer);
    assert!(world.clock.run(guard.extend(TTL)).await.unwrap() > deadline);
}
