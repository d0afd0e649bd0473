//! A lock that is kept alive beside the work, and what the work learns when it is lost.
//!
//! ```text
//! cargo run --example keep_alive                                    # three nodes inside this process
//! cargo run --example keep_alive -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, reason = "small constants")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{KeepAlive, Redlock};

const TTL: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let builder = if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };
    let redlock = builder.build()?;

    let guard = redlock.lock("keep_alive:job", TTL).keep_alive(KeepAlive::up_to(TTL * 10)).await?;
    for step in 1..=4 {
        tokio::time::sleep(TTL).await;
        guard.check()?;
        println!("step {step}: the lock is good for {:.3?} more", guard.remaining());
    }
    if urls.is_empty() {
        nodes.iter().for_each(MemoryNode::stop);
        println!("All nodes hang now.");
    } else {
        println!("Stop a majority of the servers, or wait for the longest hold.");
    }
    println!("The lock is lost: {}.", guard.lost().await);
    nodes.iter().for_each(MemoryNode::resume);
    redlock.close().await;
    Ok(())
}
