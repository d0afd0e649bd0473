//! Candidates.

use std::thread;

use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{Node, Options, Redlock};

use crate::link::{Link, TTL, World};

#[test]
fn a_campaign_goes_on_whatever_the_handle_allows_its_other_calls() {
    const ALLOWED: u32 = 2;
    let world = World::new();
    let first = world.redlock.candidate("scheduler", TTL).campaign().unwrap();
    let nodes = ["one", "two", "three"].into_iter().zip(&world.links).map(|(name, link)| Node::new(name, link.clone()));
    let second = Redlock::builder().nodes(nodes).options(Options::new().attempts(ALLOWED)).build().unwrap();
    let candidate = second.candidate("scheduler", TTL);
    let campaign = thread::spawn(move || candidate.campaign());
    // The first has asked once. The second asks a node once in each of its attempts at most.
    let has_more = |link: &Link| link.acquisitions() > 1 + ALLOWED as usize;
    world.links[0].wait_until(|_| world.links.iter().any(has_more) || campaign.is_finished());
    assert!(!campaign.is_finished());
    first.resign();
    assert!(campaign.join().unwrap().unwrap().is_leader());
}

#[test]
fn leaders_have_fences_that_increase_if_they_are_to() {
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build().unwrap();
    let candidate = redlock.candidate("scheduler", TTL);
    let first = candidate.campaign().unwrap();
    assert_eq!(first.lease().fence(), None);
    first.resign();
    let candidate = candidate.fenced();
    let mut last = None;
    for _ in 0..3 {
        let leadership = candidate.campaign().unwrap();
        let fence = leadership.lease().fence();
        assert!(fence > last, "{fence:?} after {last:?}");
        last = fence;
        leadership.resign();
    }
}
