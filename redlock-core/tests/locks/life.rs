//! The life of locks, over nodes that answer at once.

use redlock_core::{AcquireError, ExtendError, Loss, OperationId, Options, ReleaseVerdict};

use crate::world::{TTL, World, at};

#[test]
fn a_lock_is_acquired_extended_and_released() {
    let mut world = World::new();
    let key = world.acquire("job");
    assert_eq!(world.finished(), [key]);
    assert_eq!(world.locks.check(key, world.now), Ok(at(9_898)));

    world.now = at(5_000);
    let extension = world.locks.extend(key, TTL, world.now).unwrap();
    assert!(world.locks.take_extended(key, extension).is_none(), "the nodes have not been asked");
    world.run();
    assert_eq!(world.finished(), [key]);
    assert_eq!(world.locks.take_extended(key, extension).unwrap(), Ok(at(14_898)));

    world.locks.release(key, world.now);
    world.run();
    assert_eq!(world.finished().last(), Some(&key));
    assert_eq!(world.locks.take_released(key).unwrap().verdict, ReleaseVerdict::Released);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Released));
    world.locks.abandon(key, world.now);
    assert!(world.locks.is_empty() && world.keys_on_nodes() == 0);
}

#[test]
fn the_end_of_an_extension_that_was_given_up_is_not_taken_for_the_next_ones() {
    let mut world = World::new();
    let key = world.acquire("job");
    let given_up = world.locks.extend(key, TTL, world.now).unwrap();
    world.run();
    let next = world.locks.extend(key, TTL * 2, world.now).unwrap();
    assert_ne!(given_up, next);
    assert!(world.locks.take_extended(key, next).is_none(), "only the first one has ended");
    world.run();
    assert_eq!(world.locks.take_extended(key, next).unwrap(), Ok(at(19_798)));
}

#[test]
fn extensions_that_overlap_have_their_ends_each() {
    let mut world = World::new();
    let key = world.acquire("job");
    let extend = |world: &mut World, ttl| world.locks.extend(key, ttl, world.now).unwrap();
    let (long, short) = (extend(&mut world, TTL * 2), extend(&mut world, TTL));
    world.run();
    assert_eq!(world.locks.take_extended(key, short).unwrap(), Ok(at(19_798)));
    assert_eq!(world.locks.take_extended(key, long).unwrap(), Ok(at(19_798)));
    assert!(world.locks.take_extended(key, long).is_none(), "it was taken");
}

#[test]
fn the_ends_of_extensions_outlast_a_loss_and_a_release() {
    let mut world = World::new();
    let key = world.acquire("job");
    let confirmed = world.locks.extend(key, TTL, world.now).unwrap();
    world.run();
    let cut_off = world.locks.extend(key, TTL, world.now).unwrap();
    world.now = at(20_000);
    world.run();
    world.locks.release(key, world.now);
    world.run();
    assert_eq!(world.locks.take_released(key).unwrap().verdict, ReleaseVerdict::AlreadyExpired);
    assert_eq!(world.locks.take_extended(key, cut_off).unwrap(), Err(ExtendError::Lost(Loss::Expired)));
    assert_eq!(world.locks.take_extended(key, confirmed).unwrap(), Ok(at(9_898)));
}

#[test]
fn ends_that_nobody_asks_for_do_not_pile_up() {
    let mut world = World::new();
    let key = world.acquire("job");
    let extend = |world: &mut World| {
        let extension = world.locks.extend(key, TTL, world.now).unwrap();
        world.run();
        extension
    };
    let extensions: Vec<_> = (0..100).map(|_| extend(&mut world)).collect();
    let kept = |extension: &&OperationId| world.locks.take_extended(key, **extension).is_some();
    assert_eq!(extensions.iter().filter(kept).count(), 8);
}

#[test]
fn a_lock_excludes_another_until_it_is_abandoned() {
    let mut world = World::new();
    let first = world.acquire("job");
    let second = world.begin("job", Options::new()).unwrap();
    world.run();
    assert!(world.hand_over(second).is_none(), "it waits");

    world.locks.abandon(first, world.now);
    world.run();
    world.now = world.locks.poll_timeout().unwrap();
    world.run();
    assert!(world.hand_over(second).unwrap().is_ok());
}

#[test]
fn a_key_never_names_another_lock() {
    let mut world = World::new();
    let first = world.acquire("one");
    world.locks.abandon(first, world.now);
    world.run();
    let second = world.acquire("two");
    assert_eq!(first.index(), second.index(), "the place is used again");
    world.locks.abandon(first, world.now);
    assert_eq!(world.locks.extend(first, TTL, world.now), Err(ExtendError::NotHeld));
    assert_eq!(world.locks.check(first, world.now), Err(Loss::Released));
    assert!(world.locks.check(second, world.now).is_ok());
}

#[test]
fn a_loss_is_known_at_the_deadline_however_late_the_timer_is() {
    let mut world = World::new();
    let key = world.acquire("job");
    world.finished();
    world.now = at(9_897);
    assert!(world.locks.check(key, world.now).is_ok());
    world.now = at(9_898);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Expired));
    assert_eq!(world.finished(), [key], "whoever waits for the loss is told");
}

#[test]
fn a_lock_that_is_over_is_not_detached_and_says_how_it_was_lost() {
    let mut world = World::new();
    let key = world.acquire("job");
    world.now = at(9_898);
    assert_eq!(world.locks.detach(key, world.now), Err(Loss::Expired));
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Released));
}

#[test]
fn closing_ends_acquisitions_and_leaves_what_is_held() {
    let mut world = World::new();
    let held = world.acquire("job");
    let waiting = world.begin("job", Options::new()).unwrap();
    world.run();
    let won = world.begin("other", Options::new()).unwrap();
    world.run();
    world.finished();

    world.locks.close(world.now);
    let mut finished = world.finished();
    finished.dedup();
    assert_eq!(finished, [waiting, won]);
    for key in [waiting, won] {
        assert_eq!(world.hand_over(key).unwrap(), Err(AcquireError::Closed));
    }
    assert_eq!(world.begin("late", Options::new()), Err(AcquireError::Closed));
    assert!(!world.locks.is_quiet(), "a release is under way");
    world.run();
    assert!(world.locks.is_quiet());
    for key in [waiting, won] {
        assert_eq!(world.hand_over(key).unwrap(), Err(AcquireError::Closed), "it stays so");
        world.locks.abandon(key, world.now);
    }
    let report = world.locks.close_report();
    assert_eq!(report.to_string(), "1 still held, 0 may still have a key on a node that did not answer");
    assert_eq!(world.keys_on_nodes(), 3, "those of the lock that is held");
    let extension = world.locks.extend(held, TTL, world.now).unwrap();
    world.run();
    assert!(world.locks.take_extended(held, extension).unwrap().is_ok());
}

#[test]
fn the_timers_of_locks_that_are_gone_wake_nobody() {
    let mut world = World::new();
    for _ in 0..100 {
        let key = world.acquire("job");
        world.locks.abandon(key, world.now);
        world.run();
    }
    world.locks.handle_timeout(world.now);
    assert_eq!(world.locks.poll_timeout(), None);
}
