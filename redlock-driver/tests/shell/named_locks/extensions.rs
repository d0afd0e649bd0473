//! Extensions by name: beside each other, and beside an unlock or an eviction.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::cache::{MapCache, NamedExtendError, WhenFull};
use redlock_driver::memory::MemoryNode;
use redlock_driver::observed::{LockEvent, Observed};
use redlock_driver::{ExtendError, Loss, NamedLocks, Observer, Redlock, ReleaseVerdict, Resource, Runtime};

use super::{everywhere, named, not_held, room_for_two};
use crate::clock::{Clock, settle};
use crate::link::{Connect, Link};
use crate::world::{TTL, World};

/// It is being released, so nobody may be told that it is valid for longer.
#[tokio::test]
async fn a_lock_that_is_evicted_while_it_is_extended_is_not_held() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Evict).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL * 2)).await.unwrap();
    let mut extension = Box::pin(locks.extend("first", TTL));
    assert_eq!((&mut extension).now_or_never(), None);
    assert_eq!(clock.run(locks.lock("third", TTL * 3)).await.unwrap().evicted, [Resource::new("first")]);
    assert_eq!(clock.run(extension).await, Err(not_held("first").into()));
    settle().await;
    assert!(world.links.iter().all(|link| !link.has_key("first")), "it is released");
}

/// Whoever extends it may not get to run for long, and others may wait to do so.
#[tokio::test]
async fn a_lock_that_is_evicted_is_released_at_once_whoever_extends_it() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Evict).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL * 2)).await.unwrap();
    let (mut extending, mut next) = (Box::pin(locks.extend("first", TTL)), Box::pin(locks.extend("first", TTL)));
    assert_eq!(((&mut extending).now_or_never(), (&mut next).now_or_never()), (None, None));
    assert_eq!(clock.run(locks.lock("third", TTL * 3)).await.unwrap().evicted, [Resource::new("first")]);
    settle().await;
    assert!(world.links.iter().all(|link| !link.has_key("first")), "it is released");
    assert_eq!(clock.run(next).await, Err(not_held("first").into()), "although nobody polls the one before it");
    assert_eq!(clock.run(extending).await, Err(not_held("first").into()));
}

#[tokio::test]
async fn unlocking_ends_an_extension_that_is_under_way() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    world.links.iter().for_each(Link::fall_silent);
    let (first, second) = (locks.clone(), locks.clone());
    let first = tokio::spawn(async move { first.extend("job", TTL * 2).await });
    let second = tokio::spawn(async move { second.extend("job", TTL * 2).await });
    settle().await;
    let mut unlock = Box::pin(locks.unlock("job"));
    assert!(unlock.as_mut().now_or_never().is_none(), "nobody answers");
    settle().await;
    assert!(first.is_finished() && second.is_finished(), "no time has passed");
    world.links.iter().for_each(Link::answer);
    assert_eq!(clock.run(unlock).await.unwrap().verdict, ReleaseVerdict::Released);
    for extended in [first, second] {
        assert_eq!(extended.await.unwrap(), Err(not_held("job").into()));
    }
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn unlocking_does_not_wait_for_an_extension_that_nobody_polls() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    let mut extension = Box::pin(locks.extend("job", TTL * 2));
    assert!(extension.as_mut().now_or_never().is_none());
    let report = clock.run(locks.unlock("job")).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    assert_eq!(clock.run(extension).await, Err(not_held("job").into()));
}

/// Unlocks by name what was lost, on the thread that finds it out.
#[derive(Default)]
struct Unlocks(OnceLock<NamedLocks<Clock>>);

impl Observer for Unlocks {
    fn observe(&self, observed: &Observed) {
        if let (Observed::Lock { event: LockEvent::Lost { .. }, .. }, Some(locks)) = (observed, self.0.get()) {
            drop(locks.unlock("job").now_or_never());
        }
    }
}

#[tokio::test]
async fn an_observer_can_unlock_what_an_extension_finds_to_be_lost() {
    let (clock, unlocks) = (Clock::default(), Arc::new(Unlocks::default()));
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).observer(unlocks.clone()).build_on(clock.clone()).unwrap();
    let locks = NamedLocks::new(redlock, MapCache::new());
    clock.run(locks.lock("job", TTL)).await.unwrap();
    assert!(unlocks.0.set(locks.clone()).is_ok());
    clock.advance(TTL);
    let lost = NamedExtendError::Extend(ExtendError::Lost(Loss::Expired));
    assert_eq!(clock.run(locks.extend("job", TTL)).await, Err(lost));
    assert!(locks.cache().is_empty());
}

#[tokio::test]
async fn extensions_of_one_lock_are_done_one_after_the_other() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    let extended = clock.run(join_all((1..5).map(|times| locks.extend("job", TTL * times)))).await;
    assert!(extended.iter().all(Result::is_ok), "{extended:?}");
    assert!(locks.held("job") > Some(TTL * 3));
}

#[tokio::test]
async fn a_lock_that_is_extended_while_its_future_is_dropped_is_not_collected() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = NamedLocks::new(world.redlock.clone(), MapCache::new());
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    assert!(locks.extend("job", TTL * 4).now_or_never().is_none());
    settle().await;
    clock.advance(TTL * 2);
    assert!(locks.held("job").is_some(), "the nodes have confirmed it");
    assert!(locks.cache().collect(world.clock.now()).is_empty());
    settle().await;
    assert!(everywhere(&world, "job"));
}

#[tokio::test]
async fn a_lock_whose_extension_was_dropped_and_never_sent_frees_its_name_when_it_is_over() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    for link in &world.links {
        link.connect(Connect::Hangs);
        link.report_closed();
    }
    settle().await;
    assert!(locks.extend("job", TTL * 100).now_or_never().is_none());
    clock.advance(TTL * 2);
    world.links.iter().for_each(|link| link.connect(Connect::Opens));
    settle().await;
    clock.run(locks.lock("job", TTL)).await.unwrap();
}

#[tokio::test]
async fn a_failed_extension_changes_nothing_in_the_cache() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    let deadline = locks.cache().get(b"job", world.clock.now()).unwrap().deadline;
    let refused = clock.run(locks.extend("job", Duration::MAX)).await.unwrap_err();
    assert!(matches!(refused, NamedExtendError::Extend(ExtendError::Request(_))), "{refused}");
    settle().await;
    world.links.iter().for_each(Link::fall_silent);
    let refused = clock.run(locks.extend("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, NamedExtendError::Extend(ExtendError::Unconfirmed(_))), "{refused}");
    assert_eq!(locks.cache().get(b"job", world.clock.now()).unwrap().deadline, deadline);
}
