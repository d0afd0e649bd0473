//! Locks that are released by name. What redlock-go gets wrong has a test that says so.

mod abandoned_extensions;
mod extensions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::cache::{BoundedCache, MapCache, NamedExtendError, NotHeld, Refusal, WhenFull};
use redlock_driver::memory::MemoryNode;
use redlock_driver::{
    AcquireError, ExtendError, KeepAlive, Loss, NamedLockError, NamedLocks, Options, Redlock, ReleaseVerdict, Resource,
    Runtime,
};

use crate::clock::{Clock, settle};
use crate::world::{TTL, VALIDITY, World};

fn named(world: &World) -> NamedLocks<Clock> {
    NamedLocks::new(world.redlock.clone(), MapCache::new())
}

fn not_held(name: &str) -> NotHeld {
    NotHeld::new(name)
}

fn everywhere(world: &World, name: &str) -> bool {
    world.links.iter().all(|link| link.has_key(name))
}

#[tokio::test]
async fn a_lock_is_taken_extended_and_released_by_its_name() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    let locked = clock.run(locks.lock("job", TTL)).await.unwrap();
    assert_eq!((locked.validity, locked.evicted), (VALIDITY, Vec::new()));
    settle().await;
    assert!(everywhere(&world, "job"));
    clock.advance(TTL / 2);
    assert_eq!(locks.held("job"), Some(VALIDITY - TTL / 2));
    assert_eq!(clock.run(locks.extend("job", TTL)).await, Ok(VALIDITY));
    assert_eq!(locks.held("job"), Some(VALIDITY));
    assert_eq!(clock.run(locks.unlock("job")).await.unwrap().verdict, ReleaseVerdict::Released);
    assert_eq!(locks.held("job"), None);
    settle().await;
    world.assert_nothing_is_left();
}

/// redlock-go: the cache has the successor's token by then, and the release of the late one is sent with it.
#[tokio::test]
async fn an_expired_holder_that_unlocks_does_not_release_its_successors_lock() {
    let world = World::new().await;
    let (ours, clock) = (named(&world), &world.clock);
    let theirs = NamedLocks::new(world.rival(), MapCache::new());
    let late = clock.run(ours.lock("job", TTL)).await.unwrap();

    // The successor is in another process ...
    clock.advance(TTL);
    clock.run(theirs.lock("job", TTL)).await.unwrap();
    let report = clock.run(ours.unlock("job")).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::AlreadyExpired);
    assert_eq!(theirs.held("job"), Some(VALIDITY));

    // ... and then in this one, where the generation tells them apart.
    clock.advance(TTL);
    let successor = clock.run(ours.lock("job", TTL)).await.unwrap();
    assert_eq!(clock.run(ours.unlock_generation("job", late.generation)).await, Err(not_held("job")));
    let extended = clock.run(ours.extend_generation("job", late.generation, TTL)).await;
    assert_eq!(extended, Err(not_held("job").into()));
    settle().await;
    assert!(everywhere(&world, "job"));
    let report = clock.run(ours.unlock_generation("job", successor.generation)).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
}

/// redlock-go returns nil.
#[tokio::test]
async fn unlocking_an_unknown_name_is_an_error() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    let error = clock.run(locks.unlock(b"job \xff")).await.unwrap_err();
    assert_eq!(error.name, Resource::new(b"job \xff"));
    assert!(error.to_string().starts_with("no lock named job "), "{error}");
    assert_eq!(clock.run(locks.extend("job", TTL)).await, Err(NamedExtendError::NotHeld(not_held("job"))));
    clock.run(locks.lock("job", TTL)).await.unwrap();
    clock.run(locks.unlock("job")).await.unwrap();
    assert_eq!(clock.run(locks.unlock("job")).await, Err(not_held("job")), "it was unlocked before");
}

/// redlock-go does nothing and says nothing as soon as the lock has expired.
#[tokio::test]
async fn unlocking_an_expired_lock_is_a_normal_report() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    clock.advance(TTL * 2);
    assert_eq!(locks.held("job"), None);
    let lost = NamedExtendError::Extend(ExtendError::Lost(Loss::Expired));
    assert_eq!(clock.run(locks.extend("job", TTL)).await, Err(lost));
    let report = clock.run(locks.unlock("job")).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::AlreadyExpired);
}

/// redlock-go deletes whatever entry is there when the release is done: the next holder's, which then cannot unlock.
#[tokio::test]
async fn an_unlock_does_not_erase_the_next_holders_entry() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    let (inside, rounds) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let started = locks.redlock().lock("clock", TTL);
    let started = clock.run(started).await.unwrap().deadline();
    let tasks = (0..16).map(|_| async {
        for _ in 0..4 {
            // With a TTL in which all of them have to be through.
            locks.lock("job", Duration::from_secs(3600)).await.unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
            settle().await;
            inside.fetch_sub(1, Ordering::Relaxed);
            rounds.fetch_add(1, Ordering::Relaxed);
            locks.unlock("job").await.expect("it is this task's own");
        }
    });
    clock.run(join_all(tasks)).await;
    assert_eq!(rounds.load(Ordering::Relaxed), 64);
    let ended = clock.run(locks.redlock().lock("clock", TTL)).await.unwrap().deadline();
    assert!(ended.saturating_since(started) < Duration::from_secs(60), "nobody waited for a TTL to end");
    settle().await;
    world.assert_nothing_is_left();
}

/// redlock-go's freecache forgets entries when it is full; their locks are nobody's until their TTL ends.
#[tokio::test]
async fn a_lost_cache_entry_does_not_orphan_its_lock() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Evict).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL * 2)).await.unwrap();
    let locked = clock.run(locks.lock("third", TTL * 3)).await.unwrap();
    assert_eq!(locked.evicted, [Resource::new("first")]);
    settle().await;
    assert!(world.links.iter().all(|link| !link.has_key("first")), "it is released");
    assert!(everywhere(&world, "second") && everywhere(&world, "third"));
    assert_eq!(clock.run(locks.unlock("first")).await, Err(not_held("first")));
}

#[tokio::test]
async fn a_lock_for_which_there_is_no_room_is_given_back() {
    let world = World::new().await;
    let clock = &world.clock;
    let locks = room_for_two(&world, WhenFull::Refuse).await;
    clock.run(locks.lock("first", TTL)).await.unwrap();
    clock.run(locks.lock("second", TTL)).await.unwrap();
    let error = clock.run(locks.lock("third", TTL)).await.unwrap_err();
    assert!(error.to_string().contains("the cache of held locks is full"), "{error}");
    let NamedLockError::NotKept { reason: Refusal::Full { .. }, report, evicted } = error else { panic!("{error}") };
    assert_eq!((report.verdict, evicted), (ReleaseVerdict::Released, Vec::new()));
    settle().await;
    assert!(world.links.iter().all(|link| !link.has_key("third")));
    clock.run(locks.unlock("first")).await.unwrap();
    clock.run(locks.lock("third", TTL)).await.unwrap();
}

#[tokio::test]
async fn a_second_lock_of_a_name_that_is_held_is_contention() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    let held = clock.run(locks.lock("job", TTL)).await.unwrap();
    let refused = clock.run(locks.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, NamedLockError::Acquire(AcquireError::Contended(_))), "{refused}");
    let mut waiting = Box::pin(locks.lock("job", TTL));
    assert!(waiting.as_mut().now_or_never().is_none());
    settle().await;
    clock.run(locks.unlock_generation("job", held.generation)).await.unwrap();
    let next = clock.run(waiting).await.unwrap();
    assert_ne!(next.generation, held.generation);
}

#[tokio::test]
async fn a_name_that_is_held_here_is_not_taken_again_when_the_nodes_have_forgotten_it() {
    let clock = Clock::default();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build_on(clock.clone()).unwrap();
    let locks = NamedLocks::new(redlock, MapCache::new());
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    nodes.iter().for_each(MemoryNode::wipe);
    let error = clock.run(locks.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(error, NamedLockError::Acquire(AcquireError::Contended(_))), "{error}");
    settle().await;
    assert!(nodes.iter().all(|node| node.keys().is_empty()), "the nodes are not asked while it may be held here");
    assert!(locks.held("job").is_some());
    // Its holder finds out, and from then on the name is free.
    let lost = clock.run(locks.extend("job", TTL)).await.unwrap_err();
    assert!(matches!(lost, NamedExtendError::Extend(ExtendError::Lost(Loss::KeysGone(_)))), "{lost}");
    clock.run(locks.try_lock("job", TTL)).await.unwrap();
}

/// The cache has it for as long as it might have been kept alive.
#[tokio::test]
async fn a_lock_that_was_kept_alive_and_is_lost_makes_way_for_the_next_one_of_its_name() {
    let clock = Clock::default();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build_on(clock.clone()).unwrap();
    let locks = NamedLocks::new(redlock, MapCache::new()).keep_alive(KeepAlive::up_to(TTL * 100)).unwrap();
    let lost = clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    nodes.iter().for_each(MemoryNode::wipe);
    clock.advance(TTL / 2);
    settle().await;
    assert_eq!(locks.held("job"), None);
    let next = clock.run(locks.try_lock("job", TTL)).await.unwrap();
    assert_eq!(clock.run(locks.unlock_generation("job", lost.generation)).await, Err(not_held("job")));
    let report = clock.run(locks.unlock_generation("job", next.generation)).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
}

#[tokio::test]
async fn what_is_kept_by_name_is_not_kept_alive_by_the_options_of_the_handle() {
    let clock = Clock::default();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let kept = Options::new().keep_alive(KeepAlive::while_held());
    let redlock = Redlock::builder().nodes(&nodes).options(kept).build_on(clock.clone()).unwrap();
    let guard = clock.run(redlock.lock("guarded", TTL)).await.unwrap();
    let locks = NamedLocks::new(redlock, MapCache::new());
    clock.run(locks.lock("job", TTL)).await.unwrap();
    for _ in 0..2 {
        clock.advance(TTL / 2);
        settle().await;
    }
    assert!(guard.is_valid(), "the handle keeps its guards alive");
    assert_eq!(locks.held("job"), None);
}

#[tokio::test]
async fn what_is_kept_by_name_has_a_fence_if_the_options_of_the_handle_say_so() {
    let clock = Clock::default();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let fenced = Redlock::builder().nodes(&nodes).options(Options::new().fenced(true)).build_on(clock.clone()).unwrap();
    let locks = NamedLocks::new(fenced, MapCache::new());
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(clock.run(locks.lock("job", TTL)).await.unwrap().fence.expect("it is fenced"));
        clock.run(locks.unlock("job")).await.unwrap();
    }
    assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");
    let unfenced = Redlock::builder().nodes(&nodes).build_on(clock.clone()).unwrap();
    let locks = NamedLocks::new(unfenced, MapCache::new());
    assert_eq!(clock.run(locks.lock("job", TTL)).await.unwrap().fence, None);
}

#[tokio::test]
async fn of_several_who_unlock_one_does_and_the_others_are_told() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    let results = clock.run(join_all((0..5).map(|_| locks.unlock("job")))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|error| *error == not_held("job")));
}

#[tokio::test]
async fn a_lock_future_that_is_dropped_at_any_poll_keeps_the_lock_or_gives_it_back() {
    let world = World::new().await;
    let locks = named(&world);
    for polls in 0..4 {
        let mut lock = Box::pin(locks.lock("job", TTL));
        let mut is_kept = false;
        for _ in 0..polls {
            is_kept |= !is_kept && lock.as_mut().now_or_never().is_some();
            settle().await;
        }
        drop(lock);
        settle().await;
        assert_eq!((is_kept, is_kept), (locks.held("job").is_some(), everywhere(&world, "job")));
        if is_kept {
            drop(locks.unlock("job").now_or_never());
        }
        settle().await;
        world.assert_nothing_is_left();
    }
}

#[tokio::test]
async fn all_locks_are_released_at_once() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    let names: Vec<String> = (0..100).map(|number| format!("job-{number}")).collect();
    for name in &names {
        clock.run(locks.lock(name, TTL)).await.unwrap();
    }
    settle().await;
    let batches = world.links[0].batches();
    let reports = clock.run(locks.unlock_all()).await;
    assert_eq!(reports.len(), 100);
    assert!(reports.iter().all(|(_, report)| report.verdict == ReleaseVerdict::Released));
    assert!(world.links[0].batches() < batches + 10, "they go together");
    assert!(locks.cache().is_empty());
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn dropping_the_named_locks_releases_them() {
    let world = World::new().await;
    let locks = named(&world);
    world.clock.run(locks.lock("job", TTL)).await.unwrap();
    let clone = locks.clone();
    drop(locks);
    settle().await;
    assert!(everywhere(&world, "job"));
    drop(clone);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn what_is_collected_is_released() {
    let world = World::new().await;
    let (locks, clock) = (named(&world), &world.clock);
    clock.run(locks.lock("job", TTL)).await.unwrap();
    settle().await;
    assert!(locks.cache().collect(world.clock.now()).is_empty());
    // The nodes' clocks are behind: for them the lock is not over.
    let after = world.clock.now().saturating_add(VALIDITY);
    assert_eq!(locks.cache().collect(after).len(), 1);
    settle().await;
    world.assert_nothing_is_left();
}

/// Locks in a cache in which two of them have room, and three have not. Another one with a long name, which is held for long, takes
/// the rest of the smallest budget that a cache may have: on 32 bits, two locks take less.
async fn room_for_two(world: &World, when_full: WhenFull) -> NamedLocks<Clock> {
    let (clock, bulky, long) = (&world.clock, Resource::new([b'x'; 512]), TTL * 1_000);
    let ample = NamedLocks::new(world.redlock.clone(), BoundedCache::builder().shards(1).build().unwrap());
    clock.run(ample.lock(bulky.clone(), long)).await.unwrap();
    let before = ample.cache().bytes();
    clock.run(ample.lock("first", TTL)).await.unwrap();
    let price = ample.cache().bytes() - before;
    clock.run(ample.unlock_all()).await;
    let builder = BoundedCache::builder().shards(1).budget(before + price * 5 / 2);
    let locks = NamedLocks::new(world.redlock.clone(), builder.when_full(when_full).build().unwrap());
    clock.run(locks.lock(bulky, long)).await.unwrap();
    locks
}
