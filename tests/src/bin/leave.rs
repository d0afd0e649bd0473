//! Takes a lock, works for a while, lets the guard go and ends at once, without a word to anybody: a process for the
//! tests of what it leaves behind.
//!
//! `leave ADAPTER URL...`, where the adapter is `tokio`, `tokio_current_thread` or `blocking`.

use std::error::Error;
use std::process::exit;
use std::time::Duration;

use tokio::runtime::Builder;

const NAME: &str = "leave";
const TTL: Duration = Duration::from_secs(60);
/// What the lock is for takes this long; all nodes have answered then. A server may drop what it has not read when it
/// cannot write an earlier answer any more.
const WORK: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let adapter = arguments.next().ok_or("the adapter is missing")?;
    match adapter.as_str() {
        "tokio" => Builder::new_multi_thread().enable_all().build()?.block_on(leave_tokio(arguments)),
        "tokio_current_thread" => Builder::new_current_thread().enable_all().build()?.block_on(leave_tokio(arguments)),
        "blocking" => {
            let redlock = redlock_blocking::Redlock::builder().nodes(arguments).build()?;
            let guard = redlock.lock(NAME, TTL)?;
            std::thread::sleep(WORK);
            drop(guard);
            exit(0)
        }
        other => Err(format!("there is no adapter called {other}").into()),
    }
}

async fn leave_tokio(urls: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let redlock = redlock_tokio::Redlock::builder().nodes(urls).build()?;
    let guard = redlock.lock(NAME, TTL).await?;
    tokio::time::sleep(WORK).await;
    drop(guard);
    exit(0)
}
