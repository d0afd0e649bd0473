//! Locks that are released by name, on nodes in memory.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use redlock_blocking::cache::{MapCache, NotHeld};
use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{NamedLocks, NodeTimeout, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL};

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
