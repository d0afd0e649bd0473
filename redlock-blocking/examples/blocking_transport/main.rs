//! A transport of one's own: `cargo run -p redlock-blocking --example blocking_transport -- 127.0.0.1:7001 127.0.0.1:7002 ...`
//!
//! A transport opens connections, and a connection carries commands in order. It decides nothing: when to connect anew,
//! how long to wait and what a reply means is the business of the crate and of the core.

#![expect(clippy::print_stdout, reason = "it talks to a person")]

mod tcp;

use std::time::Duration;

use redlock_blocking::{Node, Redlock};

fn main() -> anyhow::Result<()> {
    let addresses: Vec<String> = std::env::args().skip(1).collect();
    anyhow::ensure!(!addresses.is_empty(), "give the addresses of three or five Redis servers, such as 127.0.0.1:7001");
    let nodes = addresses.into_iter().map(|address| Node::new(address.clone(), tcp::Tcp { address }));
    let redlock = Redlock::builder().nodes(nodes).build()?;

    let mut guard = redlock.lock("invoice:7", Duration::from_secs(10))?;
    println!("acquired, valid for {:?}", guard.remaining());
    guard.extend(Duration::from_secs(20))?;
    println!("extended, valid for {:?}", guard.remaining());
    println!("{}", guard.release());
    redlock.close();
    Ok(())
}
