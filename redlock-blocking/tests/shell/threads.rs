//! Threads that share connections, and wait.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use redlock_blocking::observed::{LockEvent, Observed};
use redlock_blocking::{AcquireError, Lease, LockGuard, Loss, Node, NodeTimeout, Observer, Redlock, ReleaseVerdict};

use crate::link::{Link, SOON, TTL, World};

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

/// The thread that finds out that a lock is lost does the I/O for all: here it waits for a lock of its own.
#[test]
fn a_callback_may_use_the_handle() {
    let world = World::new();
    let _held = world.redlock.try_lock("held", TTL).unwrap();
    let guard = world.redlock.try_lock("job", Duration::from_millis(100)).unwrap();
    let (called, is_called) = channel();
    let redlock = world.redlock.clone();
    guard.on_lost(move |loss| {
        let other = redlock.try_lock("other", TTL).map(LockGuard::release);
        called.send((loss, other.map(|report| report.verdict))).unwrap();
    });
    let waiting = thread::spawn({
        let waiting = world.redlock.acquire("held", TTL).wait(Duration::from_secs(1));
        move || waiting.lock()
    });
    assert_eq!(is_called.recv_timeout(SOON), Ok((Loss::Expired, Ok(ReleaseVerdict::Released))));
    let refused = waiting.join().unwrap().unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
}

/// Such as one that waits for a mutex of a kind that parks threads.
#[test]
fn an_observer_that_parks_its_thread_does_not_miss_a_lock() {
    struct Parks;

    impl Observer for Parks {
        fn observe(&self, _: &Observed) {
            if thread::current().name() == Some("parks") {
                thread::park_timeout(Duration::from_millis(10));
            }
        }
    }

    let links = <[Link; 3]>::default();
    let nodes = ["one", "two", "three"].into_iter().zip(&links).map(|(name, link)| Node::new(name, link.clone()));
    let redlock = Redlock::builder().nodes(nodes).observer(Parks).build().unwrap();
    let _held = redlock.lock("held", TTL).unwrap();
    let (waiting, leader) = (redlock.acquire("held", TTL).wait(TTL), thread::Builder::new());
    let abort = waiting.abort_handle();
    let leader = leader.spawn(move || waiting.lock()).unwrap();
    let (done, is_done) = channel();
    let parks = thread::Builder::new().name("parks".into());
    let locks = move || {
        for number in 0..6 {
            drop(redlock.lock(format!("job-{number}"), TTL).unwrap());
        }
        done.send(()).unwrap();
    };
    parks.spawn(locks).unwrap();
    let is_done = is_done.recv_timeout(SOON);
    abort.abort();
    leader.join().unwrap().unwrap_err();
    assert_eq!(is_done, Ok(()), "it was woken while it told the observer");
}

/// As above, on the thread that looks after what nobody waits for.
#[test]
fn an_observer_that_parks_the_keeper_does_not_keep_it_from_the_next_loss() {
    struct Parks(Sender<bool>);

    impl Observer for Parks {
        fn observe(&self, observed: &Observed) {
            if !matches!(observed, Observed::Lock { event: LockEvent::Settled, .. }) {
                return;
            }
            let is_keeper = thread::current().name() == Some("redlock-keeper");
            if self.0.send(is_keeper).is_ok() && is_keeper {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_millis(200) {
                    thread::park_timeout(Duration::from_millis(200));
                }
            }
        }
    }

    let links = <[Link; 3]>::default();
    let nodes = ["one", "two", "three"].into_iter().zip(&links).map(|(name, link)| Node::new(name, link.clone()));
    let (told, is_told) = channel();
    let builder = Redlock::builder().nodes(nodes).node_timeout(NodeTimeout::fixed(SOON)).ping_interval(None);
    let redlock = builder.observer(Parks(told)).build().unwrap();
    let are_silent = |silent| {
        for link in &links {
            link.is_silent(silent);
        }
    };
    // Another thread may come before the keeper, such as one that has just connected to a node.
    let is_keeper = (0..10).any(|_| {
        let first = redlock.lock("first", TTL).unwrap();
        are_silent(true);
        drop(first);
        are_silent(false);
        is_told.recv_timeout(SOON).unwrap()
    });
    assert!(is_keeper, "nobody waits, so it looks after the lock");
    let second = redlock.lock("second", Duration::from_millis(500)).unwrap();
    let (lost, is_lost) = channel();
    second.on_lost(move |loss| lost.send(loss).unwrap());
    assert_eq!(is_lost.recv_timeout(SOON), Ok(Loss::Expired));
}

#[test]
fn whoever_looks_at_a_lock_learns_that_it_was_released() {
    let world = World::new();
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    let (lease, (sender, told)) = (Lease::clone(&guard), channel());
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
    let lease = Lease::clone(&guard);
    guard.on_lost(|_| panic!("as it was told to"));
    drop(guard);
    lease.on_lost(|_| panic!("as it was told to, at once"));
    let other = world.redlock.lock("other", TTL).unwrap();
    assert!(other.is_valid());
    drop(other);
    world.assert_undone();
}
