//! Shows how nodes and locks are: all well, with a lock held, with a node down, and with the node back.
//!
//! ```text
//! cargo run --example health                                    # three nodes inside this process
//! cargo run --example health -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```
//!
//! On your servers it goes on, once a second: kill one, start it again, change its settings.

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::Redlock;
use redlock_tokio::memory::MemoryNode;

/// What is locked.
const NAME: &str = "health:invoice-7";
/// For how long.
const TTL: Duration = Duration::from_secs(10);
/// In which connections are noticed to break, and opened again.
const SOON: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() { on_embedded_nodes().await } else { on_real_servers(&urls).await }
}

async fn on_embedded_nodes() -> anyhow::Result<()> {
    println!("Three nodes inside this process. Give URLs of Redis servers to run this on them.\n");
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build()?;
    let guard = redlock.lock(NAME, TTL).await?;
    tokio::time::sleep(SOON).await;
    println!("With a lock held:\n{}\n", redlock.health());

    let [_, lost, _] = &nodes;
    lost.cut();
    tokio::time::sleep(SOON).await;
    println!("With node-2 cut off:\n{}\n", redlock.health());

    lost.restore();
    guard.release().await;
    tokio::time::sleep(SOON.saturating_mul(4)).await;
    let health = redlock.health();
    println!("With node-2 back, and the lock released:\n{health}\n");
    println!("All is well: {}.", health.is_good());
    Ok(())
}

async fn on_real_servers(urls: &[String]) -> anyhow::Result<()> {
    let redlock = Redlock::builder().nodes(urls).build()?;
    loop {
        let guard = redlock.try_lock(NAME, TTL).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("{}\n", redlock.health());
        if let Ok(guard) = guard {
            guard.release().await;
        }
    }
}
