//! A clock that was paused long before the first handle was built. In a program of its own, because the process has one
//! epoch.

use std::time::Duration;

use redlock_tokio::Redlock;
use redlock_tokio::memory::MemoryNode;

#[tokio::test(start_paused = true)]
async fn virtual_time_passes_from_the_first_moment() {
    let ttl = Duration::from_millis(100);
    std::thread::sleep(2 * ttl); // The clock stands still meanwhile, and real time goes on.
    let redlock = Redlock::builder().node(MemoryNode::new("only")).build().unwrap();
    let guard = redlock.lock("job", ttl).await.unwrap();
    tokio::time::advance(ttl).await;
    assert!(!guard.is_valid());
}
