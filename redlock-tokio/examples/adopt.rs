//! One process takes a lock and hands it to another one, as text.
//!
//! ```text
//! cargo run --example adopt                                    # three nodes inside this process
//! cargo run --example adopt -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{DetachedLock, KeepAlive, Redlock};

const TTL: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = || if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };

    let first = redlock().build()?;
    let guard = first.lock("adopt:upload-7", TTL).await?;
    let text = serde_json::to_string(&guard.detach()?)?;
    first.close().await;
    println!("The first process has the lock, writes it down in {} characters, and ends.", text.len());
    println!("Whoever reads them can release the lock, so they are kept like a password.");

    let second = redlock().build()?;
    let detached: DetachedLock = serde_json::from_str(&text)?;
    let adopted = second.adopt(&detached).keep_alive(KeepAlive::while_held()).await?;
    println!(
        "The second process has adopted it: a quorum says that it is still there, for {:.3?}.",
        adopted.remaining()
    );
    println!("It gives the lock back: {}.", adopted.release().await);
    match second.adopt(&detached).await {
        Ok(_) => println!("It was adopted after its end: this must not happen!"),
        Err(error) => println!("A third one comes too late: {error}."),
    }
    second.close().await;
    Ok(())
}
