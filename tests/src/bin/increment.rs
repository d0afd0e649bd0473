//! Increments the number in a file under a lock, again and again: a process for the tests of mutual exclusion.
//!
//! `increment FILE ROUNDS URL...`

use std::error::Error;
use std::fs;
use std::time::Duration;

use redlock_tokio::{Redlock, RetryDelay};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the file is missing")?;
    let rounds: u32 = arguments.next().ok_or("the number of rounds is missing")?.parse()?;
    let redlock = Redlock::builder().nodes(arguments).build()?;

    let delay = RetryDelay::new(Duration::from_millis(2), Duration::from_millis(20));
    for _ in 0..rounds {
        let guard = redlock.lock("increment", Duration::from_secs(10)).retry_delay(delay).await?;
        let number: u64 = fs::read_to_string(&file)?.trim().parse()?;
        tokio::task::yield_now().await;
        fs::write(&file, number.saturating_add(1).to_string())?;
        guard.release().await;
    }
    redlock.close().await;
    Ok(())
}
