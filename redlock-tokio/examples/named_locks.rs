//! Locks in one request and unlocks in another, by name: all that the README of redlock-go shows, and what it does not.
//!
//! ```text
//! cargo run -p redlock-tokio --features cache,memory --example named_locks    # three nodes inside this process
//! cargo run -p redlock-tokio --features cache,memory --example named_locks -- redis://127.0.0.1:7001 …
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::cache::{BoundedCache, DEFAULT_BUDGET, DEFAULT_INTERVAL, MapCache, WhenFull};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{Builder, NamedLocks, Redlock, now};

/// For how long a lock is good unless it is extended.
const TTL: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redlock = nodes(Redlock::builder()).build()?;

    println!("With a map, which collects what has expired:");
    let map = MapCache::builder().interval(DEFAULT_INTERVAL).build_with_thread(now)?;
    show(&NamedLocks::new(redlock.clone(), map)).await?;

    println!("With a budget of {} MiB:", DEFAULT_BUDGET >> 20);
    let bounded = BoundedCache::builder().budget(DEFAULT_BUDGET).when_full(WhenFull::Refuse).build()?;
    show(&NamedLocks::new(redlock.clone(), bounded)).await?;

    redlock.close().await;
    Ok(())
}

async fn show(locks: &NamedLocks) -> anyhow::Result<()> {
    let locked = locks.lock("resource_name", TTL).await?;
    println!("  The lock is taken. It is valid for {:.1?}.", locked.validity);
    match locks.try_lock("resource_name", TTL).await {
        Ok(_) => println!("  A second request got it too: this must not happen!"),
        Err(error) => println!("  A second request is refused: {error}."),
    }
    println!("  It is extended, and valid for {:.1?}.", locks.extend("resource_name", TTL).await?);
    let cache = locks.cache();
    println!("  {} lock is held, in {} bytes.", cache.len(), cache.bytes());
    println!("  Somebody unlocks it by its name: {}.", locks.unlock("resource_name").await?);
    match locks.unlock("resource_name").await {
        Ok(_) => println!("  It was unlocked twice: this must not happen!"),
        Err(error) => println!("  Once more: {error}."),
    }

    for name in ["one", "two", "three"] {
        locks.lock(name, TTL).await?;
    }
    println!("  At the end all others are given back: {}.", locks.unlock_all().await.len());
    Ok(())
}

/// The servers that the arguments name, or nodes inside this process.
fn nodes(builder: Builder) -> Builder {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() {
        println!("On three nodes inside this process. Give URLs of Redis servers to run this on them.");
        builder.nodes(["node-1", "node-2", "node-3"].map(MemoryNode::new))
    } else {
        builder.nodes(&urls)
    }
}
