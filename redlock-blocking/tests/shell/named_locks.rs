//! Locks that are released by name, on nodes in memory.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use redlock_blocking::cache::{MapCache, NotHeld};
use redlock_blocking::memory::MemoryNode;
use redlock_blocking::observed::{LockEvent, Observed};
use redlock_blocking::transport::Action;
use redlock_blocking::{NamedLocks, NodeTimeout, Observer, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL, World};

fn start() -> ([MemoryNode; 3], NamedLocks) {
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).node_timeout(NodeTimeout::fixed(SOON)).build().unwrap();
    (nodes, NamedLocks::new(redlock, MapCache::new()))
}

/// Such as when a leader has lost its office, and with it all that it had locked.
#[test]
fn who_is_called_back_while_a_lock_is_extended_can_extend_and_unlock_it() {
    let (nodes, locks) = start();
    locks.lock("job", TTL).unwrap();
    let leader = locks.redlock().lock("leader", Duration::from_millis(300)).unwrap();
    nodes.iter().for_each(MemoryNode::stop);
    let (done, is_done) = channel();
    let unlocking = locks.clone();
    leader.on_lost(move |_| {
        nodes.iter().for_each(MemoryNode::resume);
        let extended = unlocking.extend("job", TTL).is_ok();
        done.send((extended, unlocking.unlock("job").map(|report| report.verdict))).unwrap();
    });
    let extending = thread::spawn(move || locks.extend("job", TTL));
    assert_eq!(is_done.recv_timeout(SOON), Ok((true, Ok(ReleaseVerdict::Released))));
    assert_eq!(extending.join().unwrap(), Err(NotHeld::new("job").into()));
}

#[test]
fn unlocking_ends_an_extension_of_another_thread() {
    let (nodes, locks) = start();
    locks.lock("job", TTL).unwrap();
    nodes.iter().for_each(MemoryNode::stop);
    let (done, is_done) = channel();
    let (first, second) = (locks.clone(), locks.clone());
    let extending = [first, second].map(|locks| {
        let done = done.clone();
        thread::spawn(move || done.send(locks.extend("job", TTL)).unwrap())
    });
    assert!(is_done.recv_timeout(Duration::from_millis(100)).is_err(), "no node answers");
    let unlocking = thread::spawn(move || locks.unlock("job"));
    for _ in &extending {
        assert_eq!(is_done.recv_timeout(SOON / 2), Ok(Err(NotHeld::new("job").into())));
    }
    assert!(!unlocking.is_finished());
    nodes.iter().for_each(MemoryNode::resume);
    assert_eq!(unlocking.join().unwrap().unwrap().verdict, ReleaseVerdict::Released);
}

#[test]
fn extensions_of_one_lock_are_done_one_after_the_other() {
    let world = World::new();
    let locks = NamedLocks::new(world.redlock.clone(), MapCache::new());
    locks.lock("job", TTL).unwrap();
    world.links.iter().for_each(|link| link.is_silent(true));
    let is_extension = |action: &Action| matches!(action, Action::Extend { .. });
    let extensions = || world.links[0].carried().iter().filter(|command| is_extension(&command.action)).count();
    thread::scope(|scope| {
        let extend = |times| locks.extend("job", TTL * times);
        let extending = [1, 2].map(|times| scope.spawn(move || extend(times)));
        world.links[0].wait_until(|_| extensions() > 0);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(extensions(), 1);
        world.links.iter().for_each(|link| link.is_silent(false));
        assert!(extending.into_iter().all(|extending| extending.join().unwrap().is_ok()));
    });
    assert!(locks.held("job") > Some(TTL));
}

/// Collects what would have expired without an extension as soon as that is confirmed, as another thread may do while the one
/// that extends is held up.
#[derive(Default)]
struct Collecting(OnceLock<NamedLocks>);

impl Observer for Collecting {
    fn observe(&self, observed: &Observed) {
        if let (Observed::Lock { event: LockEvent::Extended { .. }, .. }, Some(locks)) = (observed, self.0.get()) {
            locks.cache().collect(redlock_blocking::now().saturating_add(TTL));
        }
    }
}

#[test]
fn a_lock_that_is_being_extended_is_not_collected() {
    let collecting = Arc::new(Collecting::default());
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).observer(collecting.clone()).build().unwrap();
    let locks = NamedLocks::new(redlock, MapCache::new());
    assert!(collecting.0.set(locks.clone()).is_ok());
    locks.lock("job", TTL).unwrap();
    locks.extend("job", TTL * 3).unwrap();
    assert!(locks.held("job") > Some(TTL));
}
