//! Increments the number in a file under a lock, again and again: a process for the tests of mutual exclusion.
//!
//! `increment ADAPTER FILE ROUNDS URL...`, where the adapter is `tokio`, `tokio-redis`, `tokio-fred`, `async-std`,
//! `async-std-redis` or `blocking`.

use std::error::Error;
use std::time::Duration;
use std::{fs, thread};

use redlock_driver::{CurrentRuntime, Redlock, RetryDelay};
use redlock_tokio::{FredUrl, RedisUrl};

const NAME: &str = "increment";
const TTL: Duration = Duration::from_secs(10);
const DELAY: RetryDelay = RetryDelay::new(Duration::from_millis(2), Duration::from_millis(20));

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let adapter = arguments.next().ok_or("the adapter is missing")?;
    let file = arguments.next().ok_or("the file is missing")?;
    let rounds: u32 = arguments.next().ok_or("the number of rounds is missing")?.parse()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match adapter.as_str() {
        "tokio" => tokio.block_on(async {
            let redlock = redlock_tokio::Redlock::builder().nodes(arguments).build()?;
            increment(&redlock, &file, rounds).await
        }),
        "tokio-redis" => tokio.block_on(async {
            let redlock = redlock_tokio::Redlock::builder().nodes(arguments.map(RedisUrl)).build()?;
            increment(&redlock, &file, rounds).await
        }),
        "tokio-fred" => tokio.block_on(async {
            let redlock = redlock_tokio::Redlock::builder().nodes(arguments.map(FredUrl)).build()?;
            increment(&redlock, &file, rounds).await
        }),
        "async-std" => async_std::task::block_on(async {
            let redlock = redlock_async_std::Redlock::builder().nodes(arguments).build()?;
            increment(&redlock, &file, rounds).await
        }),
        "async-std-redis" => async_std::task::block_on(async {
            let redlock = redlock_async_std::Redlock::builder().nodes(arguments.map(RedisUrl)).build()?;
            increment(&redlock, &file, rounds).await
        }),
        "blocking" => {
            let redlock = redlock_blocking::Redlock::builder().nodes(arguments).build()?;
            increment_blocking(&redlock, &file, rounds)
        }
        other => Err(format!("there is no adapter called {other}").into()),
    }
}

async fn increment<R: CurrentRuntime>(redlock: &Redlock<R>, file: &str, rounds: u32) -> Done {
    for _ in 0..rounds {
        let guard = redlock.lock(NAME, TTL).retry_delay(DELAY).await?;
        read_and_write(file)?;
        guard.release().await;
    }
    redlock.close().await;
    Ok(())
}

fn increment_blocking(redlock: &redlock_blocking::Redlock, file: &str, rounds: u32) -> Done {
    for _ in 0..rounds {
        let guard = redlock.acquire(NAME, TTL).retry_delay(DELAY).lock()?;
        read_and_write(file)?;
        guard.release();
    }
    redlock.close();
    Ok(())
}

/// What two do at the same time is lost.
fn read_and_write(file: &str) -> Done {
    let number: u64 = fs::read_to_string(file)?.trim().parse()?;
    thread::yield_now();
    Ok(fs::write(file, number.saturating_add(1).to_string())?)
}
