//! Work under a lock that is kept alive for as long as the work takes, and work whose lock is lost on the way.
//!
//! ```text
//! cargo run --example with_lock                                    # three nodes inside this process
//! cargo run --example with_lock -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, reason = "small constants")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{KeepAlive, Redlock};

const NAME: &str = "with_lock:report";
/// The work takes three times as long.
const TTL: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let builder = if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };
    let redlock = builder.build()?;

    let completed = redlock
        .with_lock(NAME, TTL, |lease| async move {
            for step in 1..=3 {
                tokio::time::sleep(TTL).await;
                println!("step {step} of 3; the lock is good for {:.3?} more", lease.remaining());
            }
            "a report"
        })
        .await?;
    println!("The work has made {}; the lock was {}.\n", completed.value, completed.release.verdict);

    println!("Now with a longest hold of {:?}, for work that never ends:", TTL * 2);
    let acquire = redlock.lock(NAME, TTL).keep_alive(KeepAlive::up_to(TTL * 2));
    match acquire.run(|_| std::future::pending::<()>()).await {
        Ok(_) => println!("it has ended: this must not happen!"),
        Err(error) => println!("{error}."),
    }
    redlock.close().await;
    Ok(())
}
