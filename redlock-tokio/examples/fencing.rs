//! Two tellers book into one account. The first one is paused for longer than its lock lives, wakes up, and writes what it had
//! worked out. Without fencing the booking of the second one is lost; with fencing the late write is refused.
//!
//! ```text
//! cargo run --example fencing                                    # three nodes inside this process
//! cargo run --example fencing -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, reason = "small constants")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{Fence, FenceGate, LockGuard, Redlock, StaleFence};

const ACCOUNT: &str = "fencing:account-7";
/// So short that the pause need not be long.
const TTL: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = || if urls.is_empty() { Redlock::builder().nodes(&nodes) } else { Redlock::builder().nodes(&urls) };
    let (first, second) = (redlock().build()?, redlock().build()?);

    println!("Without fencing:");
    let account = Account::default();
    let late = first.lock(ACCOUNT, TTL).await?;
    let balance = account.read();
    pause(&late).await;
    let present = second.lock(ACCOUNT, TTL).await?;
    account.write(account.read() + 50);
    println!("  the second teller books 50: {}", account.read());
    present.release().await;
    account.write(balance + 100);
    println!("  the first teller wakes up and writes what it had worked out: {}", account.read());
    println!("  {}\n", if account.read() == 150 { "nothing is lost" } else { "50 are lost" });
    drop(late);

    println!("With fencing:");
    let account = Account::default();
    let late = first.lock(ACCOUNT, TTL).fenced().await?;
    let late_fence = late.fence().context("the lock has no fence")?;
    let balance = account.read_as(late_fence)?;
    println!("  the first teller has fence {late_fence}");
    pause(&late).await;
    let present = second.lock(ACCOUNT, TTL).fenced().await?;
    let fence = present.fence().context("the lock has no fence")?;
    let now = account.read_as(fence)?;
    account.write_as(fence, now + 50)?;
    println!("  the second teller has fence {fence} and books 50: {}", account.read());
    present.release().await;
    match account.write_as(late_fence, balance + 100) {
        Ok(()) => println!("  the late write was let through: this must not happen!"),
        Err(refused) => println!("  the first teller wakes up and is refused: {refused}"),
    }
    println!("  the account has {}: nothing is lost", account.read());
    drop(late);
    for handle in [first, second] {
        handle.close().await;
    }
    Ok(())
}

/// Does nothing until the lock is over, as a process that was stopped, or a machine that slept.
async fn pause(guard: &LockGuard) {
    let loss = guard.lost().await;
    println!("  the first teller is paused, and its lock is over: {loss}");
}

/// What is protected, with its own memory of the fences that it has seen.
#[derive(Default)]
struct Account(Mutex<(u64, FenceGate)>);

impl Account {
    fn read(&self) -> u64 {
        self.state().0
    }

    fn write(&self, balance: u64) {
        self.state().0 = balance;
    }

    /// Reading tells the account of the new holder, so that nobody before it writes any more.
    fn read_as(&self, fence: Fence) -> Result<u64, StaleFence> {
        let mut state = self.state();
        state.1.admit(ACCOUNT, fence)?;
        Ok(state.0)
    }

    /// The fence is compared and the balance written under one mutex.
    fn write_as(&self, fence: Fence, balance: u64) -> Result<(), StaleFence> {
        let mut state = self.state();
        state.1.admit(ACCOUNT, fence)?;
        state.0 = balance;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, (u64, FenceGate)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
