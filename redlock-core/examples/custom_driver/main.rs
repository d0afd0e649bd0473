//! A driver of one's own:
//! `cargo run -p redlock-core --features system --example custom_driver -- 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003`
//!
//! It is what an adapter for another runtime is made of. The machines of the core decide everything; `driver.rs` moves bytes
//! between them and sockets of `std`, tells them the time, and waits.

#![expect(clippy::print_stdout, reason = "it talks to a person")]

mod driver;

use std::time::Duration;

use redlock_core::system::{now, seed};
use redlock_core::{Config, Options, Request};

fn main() -> anyhow::Result<()> {
    let config = Config::builder(std::env::args().skip(1)).build()?;
    let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new())?;
    let mut driver = driver::Driver::new(config);

    let key = driver.locks.acquire(request, seed()?, now())?;
    let deadline = driver.wait(|locks, now| locks.hand_over(key, now))?;
    println!("acquired, valid for {:?}", deadline.saturating_since(now()));

    let extension = driver.locks.extend(key, Duration::from_secs(20), now())?;
    let deadline = driver.wait(|locks, _| locks.take_extended(key, extension))?;
    println!("extended, valid for {:?}", deadline.saturating_since(now()));

    driver.locks.release(key, now());
    println!("{}", driver.wait(|locks, _| locks.take_released(key)));
    driver.locks.abandon(key, now());
    driver.wait(|locks, _| locks.is_quiet().then_some(())); // every node that answers in time has answered
    Ok(())
}
