//! PostgreSQL as a store that refuses the writes of late holders.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

#[path = "../../../redlock-tokio/examples/fencing_postgres/account.rs"]
mod account;
mod postgres;
#[path = "../../../redlock-tokio/examples/fencing_postgres/tellers.rs"]
mod tellers;
mod transaction;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redlock_tests::Servers;
use redlock_tokio::{Fence, Redlock, StaleFence};
use tokio_postgres::Client;

use self::account::{COLUMNS, Refused};
use self::postgres::Postgres;

// Two that are next to each other where numbers are large, as those of the present are.
const LATE: Fence = Fence::new(Fence::MAX.get() - 1);
const PRESENT: Fence = Fence::MAX;

async fn start() -> (Postgres, Client) {
    let postgres = Postgres::start();
    let client = postgres.connect().await;
    client.batch_execute(&format!("CREATE TABLE account {COLUMNS}; {};", transaction::SCHEMA)).await.unwrap();
    client.batch_execute("INSERT INTO account (id, balance) VALUES ('7', 0), ('8', 0)").await.unwrap();
    (postgres, client)
}

fn stale<T: std::fmt::Debug>(result: Result<T, Refused>) -> StaleFence {
    match result {
        Err(Refused::Stale(stale)) => stale,
        other => panic!("it should be stale: {other:?}"),
    }
}

#[tokio::test]
async fn rows_refuse_a_smaller_fence_and_say_which_one_was_larger() {
    let (postgres, client) = start().await;
    account::write(&client, "7", LATE, 1).await.unwrap();
    account::write(&client, "7", LATE, 2).await.expect("a holder may write again");
    assert_eq!(account::read(&client, "7", PRESENT).await.unwrap(), 2);
    for refused in [
        stale(account::write(&client, "7", LATE, 3).await),
        stale(account::upsert(&client, "7", LATE, 3).await),
        stale(account::read(&client, "7", LATE).await),
    ] {
        assert_eq!(refused, StaleFence::new("7", LATE, PRESENT), "whoever reads shuts out the holders before");
    }
    assert_eq!(account::read(&client, "7", PRESENT).await.unwrap(), 2, "a stale write has changed nothing");
    account::write(&client, "8", LATE, 1).await.expect("another row has a fence of its own");

    account::upsert(&client, "9", PRESENT, 1).await.expect("there was no such row");
    assert_eq!(stale(account::upsert(&client, "9", LATE, 2).await).seen, PRESENT);
    assert!(matches!(account::write(&client, "10", PRESENT, 1).await, Err(Refused::NoSuchAccount)));
    let words = account::write(&client, "7", LATE, 3).await.unwrap_err().to_string();
    assert_eq!(words, format!("the lock of 7 was lost: fence {LATE} is stale, {PRESENT} has been here since"));

    a_transaction_over_several_rows(&client, &postgres).await;
}

async fn a_transaction_over_several_rows(client: &Client, postgres: &Postgres) {
    let mut late = postgres.connect().await;
    let mut present = postgres.connect().await;
    let writing = late.transaction().await.unwrap();
    transaction::admit(&writing, "accounts", LATE).await.unwrap();
    writing.execute("UPDATE account SET balance = 50 WHERE id IN ('7', '8')", &[]).await.unwrap();
    let committing = present.transaction().await.unwrap();
    {
        // It waits for the end of the other one, and goes on with what that has left.
        let mut admitted = std::pin::pin!(transaction::admit(&committing, "accounts", PRESENT));
        let soon = tokio::time::timeout(Duration::from_millis(50), &mut admitted).await;
        soon.expect_err("two transactions under one lock do not overlap");
        writing.commit().await.unwrap();
        admitted.await.unwrap();
    }
    committing.execute("UPDATE account SET balance = balance + 1 WHERE id IN ('7', '8')", &[]).await.unwrap();
    committing.commit().await.unwrap();
    let writing = late.transaction().await.unwrap();
    assert_eq!(stale(transaction::admit(&writing, "accounts", LATE).await), StaleFence::new("accounts", LATE, PRESENT));
    writing.rollback().await.unwrap();
    let sum = client.query_one("SELECT sum(balance)::bigint FROM account WHERE id IN ('7', '8')", &[]).await.unwrap();
    assert_eq!(sum.get::<_, i64>(0), 102);
}

/// Each adds one to the balance with its own fence, or begins again with the next: no step is lost.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_between_comparing_and_writing() {
    const TASKS: i64 = 4;
    const STEPS: i64 = 25;
    static FENCES: AtomicU64 = AtomicU64::new(1);
    let (postgres, client) = start().await;
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        let client = postgres.connect().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..STEPS {
                loop {
                    let fence = Fence::new(FENCES.fetch_add(1, Ordering::Relaxed));
                    if let Ok(balance) = account::read(&client, "7", fence).await
                        && account::write(&client, "7", fence, balance + 1).await.is_ok()
                    {
                        break;
                    }
                    // Somebody with a larger fence is between its reading and its writing: it is left the time.
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(..5))).await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(account::read(&client, "7", PRESENT).await.unwrap(), TASKS * STEPS);
}

/// This is the example `fencing_postgres`.
#[tokio::test]
async fn a_holder_that_wakes_up_late_is_refused() {
    let (_postgres, client) = start().await;
    let nodes = Servers::start(3);
    let redlock = Redlock::builder().nodes(nodes.urls()).build().unwrap();
    let booked = tellers::book_twice(&redlock, &client, Duration::from_millis(300)).await.unwrap();
    let late = booked.late_write.unwrap_err();
    assert_eq!(stale::<()>(Err(late)), StaleFence::new("account:7", booked.late, booked.present));
    assert_eq!(booked.balance, 50, "the late write has changed nothing");
    redlock.close().await;
}
