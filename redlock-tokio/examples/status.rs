//! Shows how a lock stands: free, held by this handle, held by another while somebody waits, with a node down, and free again.
//!
//! ```text
//! cargo run --example status                                    # five nodes inside this process
//! cargo run --example status -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{LockGuard, Redlock};

/// What is locked.
const NAME: &str = "status:invoice-7";
/// Who locks it, as others see it.
const OWNER: &str = "host-7/billing";
/// For how long.
const TTL: Duration = Duration::from_secs(10);
/// In which whoever waits is in the queue.
const SOON: Duration = Duration::from_millis(300);
/// For how long it waits.
const PATIENCE: Duration = Duration::from_millis(600);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() { on_embedded_nodes().await } else { on_real_servers(&urls).await }
}

async fn on_embedded_nodes() -> anyhow::Result<()> {
    println!("Five nodes inside this process. Give URLs of Redis servers to run this on them.\n");
    let nodes = ["node-1", "node-2", "node-3", "node-4", "node-5"].map(MemoryNode::new);
    let handle = || Redlock::builder().nodes(&nodes).build();
    let (holder, observer) = (handle()?, handle()?);
    let guard = show_life(&holder, &observer, handle()?).await?;

    let [_, lost, _, _, _] = &nodes;
    lost.cut();
    show("With node-2 cut off", &observer).await?;
    release(guard, &observer).await
}

async fn on_real_servers(urls: &[String]) -> anyhow::Result<()> {
    println!("Redis servers: {}.\n", urls.len());
    let handle = || Redlock::builder().nodes(urls).build();
    let (holder, observer) = (handle()?, handle()?);
    let guard = show_life(&holder, &observer, handle()?).await?;
    release(guard, &observer).await
}

/// Takes the lock with one handle, and lets another one wait for it for a while.
async fn show_life(holder: &Redlock, observer: &Redlock, waiter: Redlock) -> anyhow::Result<LockGuard> {
    show("At first", observer).await?;
    let guard = holder.lock(NAME, TTL).owner(OWNER.parse()?).await?;
    show("To its holder", holder).await?;
    let waiting = tokio::spawn(async move { waiter.lock(NAME, TTL).wait(PATIENCE).await });
    tokio::time::sleep(SOON).await;
    show("To anybody else, while a third one waits", observer).await?;
    if let Err(refused) = waiting.await? {
        println!("The third one gives up: {refused}.\n");
    }
    Ok(guard)
}

async fn release(guard: LockGuard, observer: &Redlock) -> anyhow::Result<()> {
    guard.release().await;
    // A quorum has confirmed it; the other nodes hear of it soon.
    tokio::time::sleep(SOON).await;
    show("After the release", observer).await
}

async fn show(when: &str, redlock: &Redlock) -> anyhow::Result<()> {
    let status = redlock.status(NAME).await?;
    println!("{when}: {status}.\n{}\n", status.by_node());
    Ok(())
}
