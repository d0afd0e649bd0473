//! The nodes that live in the process.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{AcquireError, Cause, NodeTimeout, Outcome, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL};
use crate::system::ChangedSystem;

/// Three nodes and a handle, with so much time to answer that no busy machine decides.
fn three_nodes() -> ([MemoryNode; 3], Redlock) {
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = over(&nodes);
    (nodes, redlock)
}

fn over(nodes: &[MemoryNode; 3]) -> Redlock {
    Redlock::builder().nodes(nodes).node_timeout(NodeTimeout::fixed(SOON)).build().unwrap()
}

fn wait_until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < SOON, "it does not come true");
        thread::yield_now();
    }
}

fn has_keys(node: &MemoryNode, names: &[&str]) -> bool {
    node.keys().iter().map(Vec::as_slice).eq(names.iter().map(|name| name.as_bytes()))
}

#[test]
fn a_lock_is_on_every_node_and_excludes_other_handles_until_it_is_released() {
    let (nodes, redlock) = three_nodes();
    let guard = redlock.lock("job", TTL).unwrap();
    wait_until(|| nodes.iter().all(|node| has_keys(node, &["job"])));
    let rival = over(&nodes);
    let refused = rival.try_lock("job", TTL).unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
    drop(rival.try_lock("job", TTL).unwrap());
    wait_until(|| nodes.iter().all(|node| node.keys().is_empty()));
}

#[test]
fn who_waits_stands_in_the_queue_until_the_lock_is_released() {
    let (nodes, redlock) = three_nodes();
    let guard = redlock.lock("job", TTL).unwrap();
    let rival = over(&nodes);
    let waiting = thread::spawn(move || rival.acquire("job", TTL).wait(SOON).lock());
    wait_until(|| redlock.status("job").unwrap().waiting() == Some(1));
    guard.release();
    drop(waiting.join().unwrap().unwrap());
}

#[test]
fn a_stopped_node_carries_out_in_order_what_it_took_when_it_resumes() {
    let (nodes, redlock) = three_nodes();
    let before = redlock.lock("before", TTL).unwrap();
    wait_until(|| has_keys(&nodes[0], &["before"]));
    drop(before);
    wait_until(|| nodes[0].keys().is_empty() && redlock.health().is_good());
    nodes[0].stop();
    drop(redlock.lock("first", TTL).unwrap());
    let second = redlock.lock("second", TTL).unwrap();
    assert!(nodes[0].keys().is_empty());
    nodes[0].resume();
    assert!(has_keys(&nodes[0], &["second"]));
    drop(second);
    wait_until(|| nodes.iter().all(|node| node.keys().is_empty()));
}

/// Whoever waits is told of a cut, and of an answer, while it waits.
#[test]
fn who_waits_for_a_stopped_node_goes_on_when_it_resumes_or_is_cut_off() {
    for end in [MemoryNode::resume, MemoryNode::cut] {
        let (nodes, redlock) = three_nodes();
        drop(redlock.lock("before", TTL).unwrap());
        wait_until(|| nodes.iter().all(|node| node.keys().is_empty()) && redlock.health().is_good());
        nodes[..2].iter().for_each(MemoryNode::stop);
        let begin = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| redlock.try_lock("job", TTL).map(drop));
            wait_until(|| has_keys(&nodes[2], &["job"]));
            nodes[..2].iter().for_each(end);
            let _ = waiting.join().unwrap();
        });
        assert!(begin.elapsed() < SOON / 2, "{:?}", begin.elapsed());
    }
}

#[test]
fn a_node_that_was_cut_off_is_used_again_when_it_is_restored() {
    let (nodes, redlock) = three_nodes();
    let before = redlock.lock("before", TTL).unwrap();
    wait_until(|| has_keys(&nodes[0], &["before"]));
    nodes[0].cut();
    let meanwhile = redlock.lock("meanwhile", TTL).unwrap();
    nodes[0].restore();
    wait_until(|| redlock.health().is_good());
    let after = redlock.lock("after", TTL).unwrap();
    wait_until(|| has_keys(&nodes[0], &["after", "before"]));
    drop((before, meanwhile, after));
    wait_until(|| nodes.iter().all(|node| node.keys().is_empty()));
}

#[test]
fn a_quorum_that_is_cut_off_is_named_in_the_error() {
    let (nodes, redlock) = three_nodes();
    wait_until(|| redlock.health().is_good());
    nodes[..2].iter().for_each(MemoryNode::cut);
    wait_until(|| !redlock.health().has_quorum());
    let error = redlock.try_lock("job", TTL).unwrap_err();
    let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
    let cut_off = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
    assert_eq!(attempts.nodes.count(cut_off), 2, "{error}");
}

#[test]
fn keys_expire_on_the_clock_of_the_node() {
    let (nodes, redlock) = three_nodes();
    let guard = redlock.lock("job", TTL).unwrap();
    wait_until(|| nodes.iter().all(|node| has_keys(node, &["job"])));
    nodes[0].advance_clock(TTL * 2);
    assert!(nodes[0].keys().is_empty());
    assert!(over(&nodes).try_lock("job", TTL).is_err(), "two others have it");
    nodes[1].advance_clock(TTL * 2);
    assert!(over(&nodes).try_lock("job", TTL).is_ok(), "its clock was trusted");
    assert!(guard.is_valid());
}

#[test]
fn keys_expire_on_the_clock_of_the_handle() {
    let (node, platform) = (MemoryNode::new("only"), ChangedSystem::default());
    let redlock = Redlock::builder().node(&node).build_on(platform.clone()).unwrap();
    redlock.lock("job", TTL).unwrap().forget();
    assert!(has_keys(&node, &["job"]));
    platform.ahead.store(TTL.as_secs() * 2, Ordering::SeqCst);
    assert!(node.keys().is_empty());
}

#[test]
fn work_that_is_done_when_the_handle_is_closed_was_done_under_the_lock() {
    let (_nodes, redlock) = three_nodes();
    let work = redlock.with_lock("job", TTL, |lease| {
        redlock.close();
        lease.is_valid()
    });
    let completed = work.unwrap();
    assert_eq!((completed.value, completed.loss), (true, None));
    assert_eq!(completed.release.verdict, ReleaseVerdict::Released);
}
