//! How long after the deadline holders are told that they have lost their locks, while all nodes hang.

use std::time::Duration;

use futures_util::future::join_all;
use redlock_core::Instant;
use redlock_tests::{Server, Servers};
use redlock_tokio::{KeepAlive, LockGuard, Redlock, now};

use crate::contestant::Failure;
use crate::executor::{Executor, Tokio};
use crate::options::Options;

/// How many locks are held and lost at the same time.
const LOCKS: usize = 100;
/// They are kept alive, and all are lost within this time.
const TTL: Duration = Duration::from_secs(1);

/// When the loss of one lock was told, beside its deadline.
struct Told {
    deadline: Instant,
    at: Instant,
}

/// Measures it and prints what came out.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let (servers, rounds) = (options.server.start(3)?, options.rounds);
    let told =
        Tokio::run(options.flavour, async move { measure(&servers, rounds).await.map_err(|error| error.to_string()) })?;
    let early = told.iter().filter(|told| told.at < told.deadline).count();
    let mut late: Vec<_> = told.iter().map(|told| told.at.saturating_since(told.deadline)).collect();
    late.sort_unstable();
    let share = |percent: usize| late.get(late.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    println!("{} locks were lost; {early} losses were told before the deadline", late.len());
    println!("after the deadline: p50 {:?}, p99 {:?}, max {:?}", share(50), share(99), share(100));
    Ok(())
}

async fn measure(servers: &Servers, rounds: u32) -> Result<Vec<Told>, Failure> {
    let redlock = Redlock::builder().nodes(servers.urls()).build()?;
    let mut told = Vec::new();
    for round in 0..rounds {
        let mut holders = Vec::new();
        for number in 0..LOCKS {
            let lock = redlock.lock(format!("bench:{round}:{number}"), TTL);
            holders.push(Tokio::spawn(wait_for_loss(lock.keep_alive(KeepAlive::while_held()).await?)));
        }
        servers.iter().for_each(Server::pause);
        told.extend(join_all(holders).await);
        servers.iter().for_each(Server::resume);
    }
    redlock.close().await;
    Ok(told)
}

async fn wait_for_loss(guard: LockGuard) -> Told {
    guard.lost().await;
    Told { at: now(), deadline: guard.deadline() }
}
