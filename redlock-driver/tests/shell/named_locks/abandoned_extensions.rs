//! Extensions by name whose futures are kept without being polled, or dropped.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use redlock_driver::cache::{NamedExtendError, WhenFull};
use redlock_driver::{ExtendError, KeepAlive, NamedLocks, Resource, Runtime};

use super::{everywhere, named, not_held, room_for_two};
use crate::clock::{Clock, settle};
use crate::link::{Connect, Link};
use crate::world::{TTL, VALIDITY, World, node_timeout};

/// Its future may be kept while another branch of its task waits, for good.
#[tokio::test]
async fn an_extension_that_nobody_polls_keeps_no_other_one_waiting() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    let mut kept = Box::pin(locks.extend("job", TTL * 2));
    assert!(kept.as_mut().now_or_never().is_none());
    for _ in 0..20 {
        assert!(locks.extend("job", TTL).now_or_never().is_none(), "it is dropped, and its end is nobody's");
        settle().await;
    }
    let (second, third) = (locks.extend("job", TTL * 3), locks.extend("job", Duration::MAX));
    let (second, third) = clock.run(join(second, third)).await;
    assert!(second.as_ref().is_ok_and(|validity| *validity > VALIDITY * 2), "{second:?}");
    assert!(matches!(third, Err(NamedExtendError::Extend(ExtendError::Request(_)))), "{third:?}");
    let first = clock.run(kept).await.expect("it was confirmed long ago");
    assert!((TTL..TTL * 2).contains(&first), "{first:?}");
}

#[tokio::test]
async fn an_extension_that_nobody_polls_keeps_the_others_waiting_no_longer_than_nodes_do() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    world.links.iter().for_each(Link::fall_silent);
    let (start, mut kept) = (world.clock.now(), Box::pin(locks.extend("job", TTL * 2)));
    assert!(kept.as_mut().now_or_never().is_none());
    for _ in 0..2 {
        let refused = clock.run(locks.extend("job", TTL)).await.unwrap_err();
        assert!(matches!(refused, NamedExtendError::Extend(ExtendError::Unconfirmed(_))), "{refused}");
    }
    assert!(world.clock.now() <= start.saturating_add(node_timeout() * 3));
    let refused = clock.run(kept).await.unwrap_err();
    assert!(matches!(refused, NamedExtendError::Extend(ExtendError::Unconfirmed(_))), "{refused}");
}

#[tokio::test]
async fn whoever_waits_for_an_extension_that_nobody_polls_learns_that_the_lock_was_unlocked() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    world.links.iter().for_each(Link::fall_silent);
    let mut kept = Box::pin(locks.extend("job", TTL * 2));
    assert!(kept.as_mut().now_or_never().is_none());
    let others = [(); 3].map(|()| locks.clone());
    let others = others.map(|locks| tokio::spawn(async move { locks.extend("job", TTL * 2).await }));
    settle().await;
    assert!(locks.unlock("job").now_or_never().is_none(), "nobody answers");
    settle().await;
    for other in others {
        assert!(other.is_finished());
        assert_eq!(other.await.unwrap(), Err(not_held("job").into()));
    }
    assert_eq!(clock.run(kept).await, Err(not_held("job").into()));
}

#[tokio::test]
async fn nobody_waits_for_an_extension_that_nobody_polls_when_the_handle_is_closed() {
    let world = World::new().await;
    let (locks, clock) = (named(&world).keep_alive(KeepAlive::up_to(TTL * 10)).unwrap(), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    let mut kept = Box::pin(locks.extend("job", TTL * 2));
    assert!(kept.as_mut().now_or_never().is_none());
    let other = locks.clone();
    let other = tokio::spawn(async move { other.extend("job", TTL * 2).await });
    assert_eq!(clock.run(locks.redlock().close()).await.unsettled, 0);
    settle().await;
    assert!(other.is_finished());
    assert!(clock.run(kept).await.is_ok());
}

/// It is told at once that it asks for too much, while nobody knows yet what becomes of the one before it.
#[tokio::test]
async fn a_lock_that_is_extended_while_its_future_is_dropped_is_not_collected_when_the_next_one_is_refused() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    assert!(locks.extend("job", TTL * 4).now_or_never().is_none());
    let refused = clock.run(locks.extend("job", Duration::MAX)).await.unwrap_err();
    assert!(matches!(refused, NamedExtendError::Extend(ExtendError::Request(_))), "{refused}");
    settle().await;
    clock.advance(TTL * 2);
    assert!(locks.held("job").is_some(), "the nodes have confirmed it");
    assert!(locks.cache().collect(world.clock.now()).is_empty());
    settle().await;
    assert!(everywhere(&world, "job"));
}

/// Loses the connections to all nodes, and begins an extension that is given up before they are back.
async fn extend_in_vain(world: &World, locks: &NamedLocks<Clock>, name: &str, ttl: Duration) {
    for link in &world.links {
        link.connect(Connect::Hangs);
        link.report_closed();
    }
    settle().await;
    assert!(locks.extend(name, ttl).now_or_never().is_none());
    world.clock.advance(node_timeout());
    settle().await;
    world.links.iter().for_each(|link| link.connect(Connect::Opens));
    world.clock.advance(TTL / 5);
    settle().await;
}

#[tokio::test]
async fn a_lock_whose_extension_was_dropped_and_failed_keeps_its_room_no_longer_than_it_is_valid() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Refuse).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL * 10)).await.unwrap();
    settle().await;
    extend_in_vain(&world, &locks, "first", TTL * 100).await;
    clock.advance(TTL);
    assert_eq!(locks.held("first"), None);
    clock.run(locks.lock("third", TTL)).await.unwrap();
    assert!(locks.held("second").is_some());
}

#[tokio::test]
async fn of_several_the_lock_is_evicted_that_expires_first_also_when_its_extension_was_dropped_and_failed() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Evict).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL * 2)).await.unwrap();
    settle().await;
    extend_in_vain(&world, &locks, "first", TTL * 100).await;
    assert_eq!(clock.run(locks.lock("third", TTL * 3)).await.unwrap().evicted, [Resource::new("first")]);
    assert!(locks.held("second").is_some());
}
