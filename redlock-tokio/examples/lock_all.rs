//! Transfers between accounts, each under a lock of both, in whatever order they are named.
//!
//! ```text
//! cargo run --example lock_all                                    # three nodes inside this process
//! cargo run --example lock_all -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, reason = "small constants")]

use std::time::{Duration, Instant};

use redlock_tokio::Redlock;
use redlock_tokio::memory::MemoryNode;

const TTL: Duration = Duration::from_secs(10);
const TRANSFERS: usize = 12;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let begun = Instant::now();
    let mut transfers = tokio::task::JoinSet::new();
    for number in 0..TRANSFERS {
        let builder = if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };
        let redlock = builder.build()?;
        transfers.spawn(async move {
            let accounts = ["lock_all:a", "lock_all:b", "lock_all:c"];
            let (from, to) = (accounts[number % 3], accounts[(number + 1 + number % 2) % 3]);
            let guard = redlock.lock_all([from, to], TTL).await?;
            println!("{:>8.3?}: from {from} to {to}, under one lock of {}", begun.elapsed(), guard.resources());
            guard.release().await;
            redlock.close().await;
            Ok::<(), redlock_tokio::AcquireError>(())
        });
    }
    while let Some(result) = transfers.join_next().await {
        result??;
    }
    println!("{TRANSFERS} transfers, and none has waited for another in a circle.");
    Ok(())
}
