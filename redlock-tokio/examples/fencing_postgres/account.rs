//! Rows of PostgreSQL that refuse the writes of late holders: what the documentation of `redlock_core::fence` shows, in Rust.

use std::error::Error;
use std::fmt;

use redlock_tokio::{Fence, StaleFence};
use tokio_postgres::Client;

/// The columns of the table `account`.
pub(crate) const COLUMNS: &str = "(id text PRIMARY KEY, balance bigint NOT NULL, fence bigint NOT NULL DEFAULT 0)";

const READ: &str = "UPDATE account SET fence = $1 WHERE id = $2 AND fence <= $1 RETURNING balance";
const WRITE: &str = "UPDATE account SET fence = $1, balance = $3 WHERE id = $2 AND fence <= $1";
const UPSERT: &str = "\
INSERT INTO account (id, balance, fence) VALUES ($2, $3, $1)
    ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, fence = excluded.fence
    WHERE account.fence <= excluded.fence";
const SEEN: &str = "SELECT fence FROM account WHERE id = $1";

/// Why an account was not read or written.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The lock was lost.
    Stale(StaleFence),
    /// There is no row.
    NoSuchAccount,
    /// The server failed, or was not reached.
    Database(tokio_postgres::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(stale) => stale.fmt(f),
            Self::NoSuchAccount => f.write_str("there is no such account"),
            Self::Database(_) => f.write_str("the database failed"),
        }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Stale(_) | Self::NoSuchAccount => None,
        }
    }
}

impl From<tokio_postgres::Error> for Refused {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

/// Returns the balance, and has the row refuse all smaller fences from now on. A holder reads before it writes.
pub(crate) async fn read(client: &Client, id: &str, fence: Fence) -> Result<i64, Refused> {
    match client.query_opt(READ, &[&number(fence), &id]).await? {
        Some(row) => Ok(row.get(0)),
        None => Err(why_no_row(client, id, fence).await?),
    }
}

/// Sets the balance, unless the row has seen a larger fence.
pub(crate) async fn write(client: &Client, id: &str, fence: Fence, balance: i64) -> Result<(), Refused> {
    match client.execute(WRITE, &[&number(fence), &id, &balance]).await? {
        0 => Err(why_no_row(client, id, fence).await?),
        _ => Ok(()),
    }
}

/// Sets the balance of an account that need not exist, unless the row has seen a larger fence.
pub(crate) async fn upsert(client: &Client, id: &str, fence: Fence, balance: i64) -> Result<(), Refused> {
    match client.execute(UPSERT, &[&number(fence), &id, &balance]).await? {
        0 => Err(why_no_row(client, id, fence).await?),
        _ => Ok(()),
    }
}

async fn why_no_row(client: &Client, id: &str, fence: Fence) -> Result<Refused, Refused> {
    let row = client.query_opt(SEEN, &[&id]).await?;
    Ok(row.map_or(Refused::NoSuchAccount, |row| Refused::Stale(stale(id, fence, row.get(0)))))
}

/// Returns the refusal of a row that has seen a larger fence.
pub(crate) fn stale(resource: &str, fence: Fence, seen: i64) -> StaleFence {
    StaleFence::new(resource, fence, Fence::new(seen.unsigned_abs()))
}

/// Returns the fence for a `bigint`, which takes every one: they stay below 2^53.
pub(crate) fn number(fence: Fence) -> i64 {
    fence.get().try_into().unwrap_or(i64::MAX)
}
