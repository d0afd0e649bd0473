//! Two tellers book into an account that is a row of PostgreSQL. The first one is paused for longer than its lock lives, wakes
//! up, and writes what it had worked out: the row refuses it.
//!
//! ```text
//! cargo run -p redlock-tokio --features memory --example fencing_postgres -- postgresql://me:secret@localhost/bank
//! ```
//!
//! The account is in a temporary table, which only this program sees and which is gone when it ends.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

mod account;
mod tellers;

use std::time::Duration;

use anyhow::Context;
use redlock_tokio::{Redlock, memory::MemoryNode};
use tokio_postgres::NoTls;

use self::account::{COLUMNS, Refused};

const TTL: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context("which database? For example postgresql://me:secret@localhost/bank")?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("the connection to the database broke: {:#}", anyhow::Error::from(error));
        }
    });
    client.batch_execute(&format!("CREATE TEMPORARY TABLE account {COLUMNS}")).await?;
    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).build()?;

    let booked = tellers::book_twice(&redlock, &client, TTL).await?;
    println!("the first teller has fence {}, reads 0, and is paused until its lock is over", booked.late);
    println!("the second teller has fence {} and books 50", booked.present);
    match booked.late_write {
        Ok(()) => println!("the late write was let through: this must not happen!"),
        Err(Refused::Stale(stale)) => println!("the first teller wakes up and is refused: {stale}"),
        Err(failed) => return Err(failed.into()),
    }
    println!("the balance is {}", booked.balance);
    redlock.close().await;
    Ok(())
}
