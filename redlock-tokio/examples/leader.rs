//! Three candidates, of whom one leads at any moment. The leader resigns after a while, or is cut off.
//!
//! ```text
//! cargo run --example leader                                    # three nodes inside this process
//! cargo run --example leader -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{Candidate, Redlock};

/// For so long others wait for a leader that is gone.
const TTL: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let mut candidates = tokio::task::JoinSet::new();
    for name in ["Ada", "Bob", "Cyd"] {
        let builder = if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };
        let redlock = builder.build()?;
        candidates.spawn(async move {
            let result = stand(name, &redlock.candidate("leader:scheduler", TTL)).await;
            redlock.close().await;
            result
        });
    }
    while let Some(result) = candidates.join_next().await {
        result??;
    }
    println!("All have led, one after the other.");
    Ok(())
}

async fn stand(name: &str, candidate: &Candidate) -> Result<(), redlock_tokio::AcquireError> {
    println!("{name} is a candidate.");
    let leadership = candidate.campaign().await?;
    println!("{name} leads.");
    tokio::select! {
        () = lead() => {
            let report = leadership.resign().await;
            println!("{name} resigns: {}.", report.verdict);
        }
        loss = leadership.ended() => println!("{name} leads no longer: {loss}."),
    }
    Ok(())
}

/// What only the leader does.
async fn lead() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
