use std::time::Duration;

use redlock_blocking::memory::MemoryNode;
use tokio::runtime::Runtime;

const TTL: Duration = Duration::from_secs(60);

/// Whichever of the two was there first, and although a handle on tokio goes by tokio's clock.
#[test]
fn handles_with_and_without_async_exclude_each_other_on_nodes_in_memory() {
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let runtime = Runtime::new().unwrap();
    for _ in 0..2 {
        let blocking = redlock_blocking::Redlock::builder().nodes(&nodes).build().unwrap();
        let guard = blocking.lock("job", TTL).unwrap();
        runtime.block_on(async {
            let redlock = redlock_tokio::Redlock::builder().nodes(&nodes).build().unwrap();
            assert!(redlock.try_lock("job", TTL).await.unwrap_err().to_string().contains("held by somebody else"));
            guard.release();
            let guard = redlock.lock("job", TTL).await.unwrap();
            let next = redlock_blocking::Redlock::builder().nodes(&nodes).build().unwrap();
            assert!(next.try_lock("job", TTL).unwrap_err().to_string().contains("held by somebody else"));
            guard.release().await;
        });
    }
}
