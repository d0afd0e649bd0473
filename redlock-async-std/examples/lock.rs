//! Takes a lock on async-std, shows that nobody else gets it, extends it, and gives it back.
//!
//! ```text
//! cargo run -p redlock-async-std --example lock                        # three nodes inside this process
//! cargo run -p redlock-async-std --example lock -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 …
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_async_std::memory::MemoryNode;
use redlock_async_std::{Builder, Redlock};

/// For how long the lock is good unless it is extended.
const TTL: Duration = Duration::from_secs(10);

#[async_std::main]
async fn main() -> anyhow::Result<()> {
    let redlock = nodes(Redlock::builder()).build()?;

    let mut guard = redlock.lock("invoice:7", TTL).await?;
    println!("The lock is taken. It is valid for {:.3?}.", guard.remaining());
    match redlock.try_lock("invoice:7", TTL).await {
        Ok(_) => println!("Somebody else got it too: this must not happen!"),
        Err(error) => println!("Somebody else is refused: {error}."),
    }
    guard.extend(TTL).await?;
    println!("The lock is extended. It is valid for {:.3?} from now on.", guard.remaining());
    println!("The lock is given back: {}.", guard.release().await);

    redlock.close().await;
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
