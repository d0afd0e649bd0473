//! Candidates, on nodes in memory.

use std::thread;
use std::time::Duration;

use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{Options, Redlock};

use crate::link::TTL;

#[test]
fn a_campaign_goes_on_whatever_the_handle_allows_its_other_calls() {
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let over = |options| Redlock::builder().nodes(&nodes).options(options).build().unwrap();
    let first = over(Options::new()).candidate("scheduler", TTL).campaign().unwrap();
    let candidate = over(Options::new().attempts(2)).candidate("scheduler", TTL);
    let campaign = thread::spawn(move || candidate.campaign());
    thread::sleep(Duration::from_millis(300));
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
