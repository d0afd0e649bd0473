//! Takes a lock, shows that nobody else gets it, extends it, and gives it back.
//!
//! ```text
//! cargo run -p redlock-blocking --example blocking_lock    # three nodes inside this process
//! cargo run -p redlock-blocking --example blocking_lock -- redis://127.0.0.1:7001 redis://127.0.0.1:7002 redis://127.0.0.1:7003
//! ```

#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::time::Duration;

use redlock_blocking::memory::MemoryNode;
use redlock_blocking::{Builder, Redlock};

const NAME: &str = "example:invoice-7";
const TTL: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    let redlock = nodes(Redlock::builder()).build()?;

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

/// The servers that the arguments name, or nodes inside this process.
fn nodes(builder: Builder) -> Builder {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() {
        println!("On three nodes inside this process. Give URLs of Redis servers to run this on them.");
        builder.nodes(["node-1", "node-2", "node-3"].map(MemoryNode::new))
    } else {
        builder.nodes(&urls)
    }
}
