//! Two tellers, of whom the first is paused for longer than its lock lives.

use std::time::Duration;

use anyhow::Context;
use redlock_tokio::{Fence, Redlock};
use tokio_postgres::Client;

use crate::account::{Refused, read, upsert, write};

/// The name of the lock, and the key of the row.
const ACCOUNT: &str = "account:7";

/// What became of the two.
pub(crate) struct Booked {
    /// The fence of the teller that was paused.
    pub(crate) late: Fence,
    /// The fence of the other one.
    pub(crate) present: Fence,
    /// The answer to the write of the teller that was paused.
    pub(crate) late_write: Result<(), Refused>,
    /// The balance in the end.
    pub(crate) balance: i64,
}

/// Lets one teller read and be paused until its lock is over, the next one book 50, and the first one wake up and book 100.
pub(crate) async fn book_twice(redlock: &Redlock, client: &Client, ttl: Duration) -> anyhow::Result<Booked> {
    let paused = redlock.lock(ACCOUNT, ttl).fenced().await?;
    let late = paused.fence().context("the lock has no fence")?;
    upsert(client, ACCOUNT, late, 0).await?;
    let outdated = read(client, ACCOUNT, late).await?;
    paused.lost().await; // as a process that was stopped, or a machine that slept

    let guard = redlock.lock(ACCOUNT, ttl).fenced().await?;
    let present = guard.fence().context("the lock has no fence")?;
    let balance = read(client, ACCOUNT, present).await?;
    write(client, ACCOUNT, present, balance.saturating_add(50)).await?;
    guard.release().await;

    let late_write = write(client, ACCOUNT, late, outdated.saturating_add(100)).await;
    let balance = read(client, ACCOUNT, present).await?;
    Ok(Booked { late, present, late_write, balance })
}
