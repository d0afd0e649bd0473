//! Takes a lock, lets the guard go and ends at once, without a word to anybody: a process for the tests of what it leaves
//! behind.
//!
//! `leave ADAPTER URL...`, where the adapter is `tokio`, `tokio_current_thread` or `blocking`.

use std::error::Error;
use std::process::exit;
use std::time::Duration;

use tokio::runtime::Builder;

const NAME: &str = "leave";
const TTL: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let adapter = arguments.next().ok_or("the adapter is missing")?;
    match adapter.as_str() {
        "tokio" => Builder::new_multi_thread().enable_all().build()?.block_on(leave_tokio(arguments)),
        "tokio_current_thread" => Builder::new_current_thread().enable_all().build()?.block_on(leave_tokio(arguments)),
        "blocking" => {
            let redlock = redlock_blocking::Redlock::builder().nodes(arguments).build()?;
            drop(redlock.lock(NAME, TTL)?);
            exit(0)
        }
        other => Err(format!("there is no adapter called {other}").into()),
    }
}

async fn leave_tokio(urls: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let redlock = redlock_tokio::Redlock::builder().nodes(urls).build()?;
    drop(redlock.lock(NAME, TTL).await?);
    exit(0)
}
