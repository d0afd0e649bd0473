//! Takes a lock on real servers, shows that nobody else gets it, extends it, and gives it back.
//!
//! ```text
//! cargo run -p redlock-blocking --example blocking_lock -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_blocking::Redlock;

const NAME: &str = "example:invoice-7";
const TTL: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    anyhow::ensure!(!urls.is_empty(), "give the URLs of three or five Redis servers, such as redis://127.0.0.1:7001");
    let redlock = Redlock::builder().nodes(&urls).build()?;

    let mut guard = redlock.lock(NAME, TTL)?;
    println!("The lock \"{NAME}\" is taken. It is valid for {:.3?}.", guard.remaining());
    match redlock.try_lock(NAME, TTL) {
        Ok(_) => println!("Somebody else got it too: this must not happen!"),
        Err(error) => println!("Somebody else is refused: {error}."),
    }
    guard.extend(TTL)?;
    println!("It is extended, and valid for {:.3?} from now on.", guard.remaining());
    println!("It is given back: {}.", guard.release());

    let left = redlock.close();
    if left.unsettled > 0 {
        println!("A server that did not answer may keep the key until its TTL is over ({TTL:?}).");
    }
    Ok(())
}
