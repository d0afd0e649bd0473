//! Two tellers book into an account that is a file. The first one is paused for longer than its lock lives, wakes up, and
//! writes what it had worked out: the file refuses it.
//!
//! ```text
//! cargo run -p redlock-tokio --features memory --example fencing_file -- account.txt
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

#[cfg(unix)]
mod fenced_file;

#[cfg(not(unix))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("it needs the locks on files of Unix")
}

#[cfg(unix)]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    use anyhow::Context;
    use redlock_tokio::{Redlock, memory::MemoryNode};
    use std::time::Duration;

    const TTL: Duration = Duration::from_millis(500);

    let path = std::env::args().nth(1).context("which file? It is created, or its contents are replaced")?;
    let account = fenced_file::FencedFile::new(&path);
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build()?;

    let late = redlock.lock(&path, TTL).fenced().await?;
    let late_fence = late.fence().context("the lock has no fence")?;
    println!("the first teller has fence {late_fence} and reads {:?}", account.read(late_fence)?);
    late.lost().await; // as a process that was stopped, or a machine that slept
    let present = redlock.lock(&path, TTL).fenced().await?;
    let fence = present.fence().context("the lock has no fence")?;
    account.read(fence)?;
    account.write(fence, "50")?;
    println!("the second teller has fence {fence} and books 50");
    present.release().await;
    match account.write(late_fence, "100") {
        Ok(()) => println!("the late write was let through: this must not happen!"),
        Err(refused) => println!("the first teller wakes up and is refused: {refused}"),
    }
    drop(late);
    redlock.close().await;
    println!("{path}:\n{}", std::fs::read_to_string(&path)?);
    Ok(())
}
