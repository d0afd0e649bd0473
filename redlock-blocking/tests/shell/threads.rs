//! Threads that share connections, and wait.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use redlock_blocking::{AcquireError, Lease, LockGuard, Loss, NodeTimeout, Redlock};

use crate::link::{SOON, TTL, World};

#[test]
fn handles_and_guards_go_from_thread_to_thread() {
    fn assert_shared<T: Send + Sync + Clone>() {}
    fn assert_sent<T: Send + Sync>() {}
    assert_shared::<Redlock>();
    assert_shared::<redlock_blocking::AbortHandle>();
    assert_sent::<LockGuard>();
}

#[test]
fn a_guard_is_dropped_at_once_while_another_thread_waits_for_its_lane() {
    let world = World::with(NodeTimeout::fixed(SOON), |_| ());
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    world.links[..2].iter().for_each(|link| link.is_silent(true));
    let acquire = world.redlock.acquire("other", TTL);
    let abort = acquire.abort_handle();
    let waiting = thread::spawn(move || acquire.lock());
    world.links[2].wait_until(|link| link.has_key("other"));
    drop(guard);
    // Nobody has answered yet, so the other thread still waits: it was that one that sent the release.
    world.links[2].wait_until(|link| !link.has_key("job"));
    assert!(!waiting.is_finished());
    abort.abort();
    assert_eq!(waiting.join().unwrap().unwrap_err(), AcquireError::Aborted);
    world.links[..2].iter().for_each(|link| link.is_silent(false));
    world.assert_undone();
}

#[test]
fn an_aborted_acquisition_is_undone_behind_its_commands() {
    let world = World::with(NodeTimeout::fixed(SOON), |links| links.iter().for_each(|link| link.is_silent(true)));
    for _ in 0..10 {
        let acquire = world.redlock.acquire("job", TTL);
        let (abort, before) = (acquire.abort_handle(), world.links[0].carried().len());
        let waiting = thread::spawn(move || acquire.lock());
        world.links[0].wait_until(|link| link.carried().len() > before);
        abort.abort();
        assert_eq!(waiting.join().unwrap().unwrap_err(), AcquireError::Aborted);
    }
    world.links.iter().for_each(|link| link.is_silent(false));
    world.assert_undone();
}

#[test]
fn a_loss_is_waited_for_until_it_comes_or_the_time_is_over() {
    let world = World::new();
    let guard = world.redlock.try_lock("job", Duration::from_millis(300)).unwrap();
    assert_eq!((guard.wait_lost(Duration::ZERO), guard.check()), (None, Ok(())));
    assert_eq!(guard.wait_lost(SOON), Some(Loss::Expired));
    assert_eq!((guard.is_valid(), guard.check()), (false, Err(Loss::Expired)));
}

#[test]
fn whoever_looks_at_a_lock_learns_that_it_was_released() {
    let world = World::new();
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    let (lease, (sender, told)) = (Lease::clone(&guard), mpsc::channel());
    lease.on_lost(move |loss| sender.send(loss).unwrap());
    assert_eq!((lease.wait_lost(Duration::ZERO), lease.check()), (None, Ok(())));
    guard.release();
    assert_eq!(told.recv(), Ok(Loss::Released));
    assert_eq!((lease.wait_lost(SOON), lease.check()), (Some(Loss::Released), Err(Loss::Released)));
}

#[test]
fn a_callback_that_panics_harms_no_other_lock() {
    let world = World::new();
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    guard.on_lost(|_| panic!("as it was told to"));
    drop(guard);
    let other = world.redlock.lock("other", TTL).unwrap();
    assert!(other.is_valid());
    drop(other);
    world.assert_undone();
}
