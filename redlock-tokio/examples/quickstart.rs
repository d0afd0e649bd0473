//! Takes a lock, shows that nobody else gets it, extends it, loses a minority of the nodes, goes on, and releases it.
//!
//! ```text
//! cargo run --example quickstart                                    # three nodes inside this process
//! cargo run --example quickstart -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{LockGuard, Redlock};

/// What is locked.
const NAME: &str = "quickstart:invoice-7";
/// For how long, unless it is extended.
const TTL: Duration = Duration::from_secs(10);
/// How often the lock on real servers is extended, with a second in between.
const ROUNDS: u32 = 15;
/// How long servers may keep a person waiting.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() { on_embedded_nodes().await } else { on_real_servers(&urls).await }
}

async fn on_embedded_nodes() -> anyhow::Result<()> {
    println!("Three nodes inside this process. Give URLs of Redis servers to run this on them.\n");
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build()?;
    let rival = Redlock::builder().nodes(&nodes).build()?;

    let mut guard = take(&redlock).await?;
    show_refusal(&rival).await;
    extend(&mut guard).await?;

    let [_, lost, _] = &nodes;
    lost.cut();
    println!("\nnode-2 is cut off now: one of three, a minority.");
    extend(&mut guard).await?;
    show_refusal(&rival).await;
    lost.wipe();
    lost.restore();
    println!("\nnode-2 is back, and has forgotten everything, as a server that restarts without persistence does.");
    while lost.keys().is_empty() {
        guard.extend(TTL).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("An extension has given it the lock again.\n");

    release(guard).await;
    let next = rival.lock(NAME, TTL).await?;
    println!("The second client has the lock now.");
    release(next).await;
    for handle in [redlock, rival] {
        handle.close().await;
    }
    let left = nodes.iter().flat_map(MemoryNode::keys).count();
    println!("Keys left behind on the three nodes: {left}.");
    Ok(())
}

async fn on_real_servers(urls: &[String]) -> anyhow::Result<()> {
    println!("Redis servers: {}.\n", urls.len());
    let redlock = Redlock::builder().nodes(urls).build()?;
    let rival = Redlock::builder().nodes(urls).build()?;

    let mut guard = take(&redlock).await?;
    show_refusal(&rival).await;
    let minority = urls.len().saturating_sub(1) / 2;
    println!(
        "\nFor {ROUNDS} seconds the lock is extended every second. Kill up to {minority} of the servers meanwhile."
    );
    for _ in 0..ROUNDS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        extend(&mut guard).await?;
    }
    println!();
    release(guard).await;
    for handle in [redlock, rival] {
        let left = handle.close().await;
        if left.unsettled > 0 {
            println!("A server that did not answer may keep the key until its TTL is over ({TTL:?}).");
        }
    }
    Ok(())
}

async fn take(redlock: &Redlock) -> anyhow::Result<LockGuard> {
    let guard = redlock.lock(NAME, TTL).wait(PATIENCE).await?;
    println!("The first client has the lock \"{NAME}\". It is valid for {:.3?}.", guard.remaining());
    Ok(guard)
}

async fn show_refusal(rival: &Redlock) {
    match rival.try_lock(NAME, TTL).await {
        Ok(_) => println!("The second client got it too: this must not happen!"),
        Err(error) => println!("The second client is refused: {error}."),
    }
}

async fn extend(guard: &mut LockGuard) -> anyhow::Result<()> {
    guard.extend(TTL).await?;
    println!("The first client extends the lock. It is valid for {:.3?} from now on.", guard.remaining());
    Ok(())
}

async fn release(guard: LockGuard) {
    let report = guard.release().await;
    println!("The lock is given back: {report}.");
}
