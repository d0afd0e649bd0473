//! Candidates, on nodes in memory.

use redlock_blocking::Redlock;
use redlock_blocking::memory::MemoryNode;

use crate::link::TTL;

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
