//! A transaction under a lock that protects more than one row: its fence has a table of its own.

use redlock_tokio::Fence;
use tokio_postgres::Transaction;

use crate::account::{Refused, number, stale};

pub(crate) const SCHEMA: &str = "CREATE TABLE fence (resource text PRIMARY KEY, fence bigint NOT NULL)";

const ADMIT: &str = "\
INSERT INTO fence (resource, fence) VALUES ($2, $1)
    ON CONFLICT (resource) DO UPDATE SET fence = excluded.fence WHERE fence.fence <= excluded.fence";
const ADMITTED: &str = "SELECT fence FROM fence WHERE resource = $1";

/// Begins a transaction under a lock that protects more than one row; nobody else with a fence of the resource gets on before
/// it ends.
pub(crate) async fn admit(transaction: &Transaction<'_>, resource: &str, fence: Fence) -> Result<(), Refused> {
    if transaction.execute(ADMIT, &[&number(fence), &resource]).await? == 0 {
        let seen: i64 = transaction.query_one(ADMITTED, &[&resource]).await?.get(0);
        return Err(Refused::Stale(stale(resource, fence, seen)));
    }
    Ok(())
}
