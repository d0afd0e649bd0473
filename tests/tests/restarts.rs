//! Nodes that are killed and started again without their data, one after the other, under load: nobody ever holds a lock
//! that somebody else holds.
//!
//! `REDLOCK_SECONDS=600 cargo test -p redlock-tests --test restarts -- --nocapture` goes on for as long as one likes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redlock_tests::Servers;
use redlock_tokio::{Instant, Redlock, RestartGuard};
use tokio::sync::Mutex;
use tokio::time::sleep;

const TTL: Duration = Duration::from_millis(400);

/// The longest time for which somebody wants the lock, in milliseconds: longer than it is valid.
const LONGEST_HOLD: u64 = 600;

const CLIENTS: usize = 4;

/// From when until when somebody was sure to hold the lock.
#[derive(Clone, Copy, Debug)]
struct Hold {
    client: usize,
    from: Instant,
    until: Instant,
}

fn seconds() -> u64 {
    env::var("REDLOCK_SECONDS").map_or(10, |seconds| seconds.parse().unwrap())
}

/// Each client waits until its nodes have been seen once, so that it knows of every restart.
async fn client(servers: &Servers) -> Redlock {
    let redlock =
        Redlock::builder().nodes(servers.urls()).restart_guard(RestartGuard::SEEN.longest_ttl(TTL)).build().unwrap();
    while redlock.health().voters() < servers.len() {
        sleep(Duration::from_millis(5)).await;
    }
    redlock
}

/// Takes the lock again and again; a third of the holds end with the lock's validity.
async fn hold_again_and_again(client: usize, redlock: Redlock, holds: Arc<Mutex<Vec<Hold>>>, is_over: Arc<AtomicBool>) {
    let mut dice = fastrand::Rng::with_seed(client as u64);
    while !is_over.load(Ordering::Relaxed) {
        let Ok(guard) = redlock.lock("job", TTL).await else { continue };
        let from = redlock_tokio::now();
        let wanted = dice.u64(0..LONGEST_HOLD);
        sleep(Duration::from_millis(wanted).min(guard.remaining())).await;
        // It is sure of it only until the deadline.
        let until = redlock_tokio::now().min(guard.deadline());
        holds.lock().await.push(Hold { client, from, until });
        guard.release().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_every_node_in_turn_lets_nobody_in_beside_a_holder() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut servers = Servers::start(3);
    let (holds, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let redlock = client(&servers).await;
        clients.push(tokio::spawn(hold_again_and_again(number, redlock, holds.clone(), is_over.clone())));
    }
    let (ends_at, mut restarts) = (std::time::Instant::now() + Duration::from_secs(seconds()), 0);
    while std::time::Instant::now() < ends_at {
        let node = restarts % servers.len();
        servers[node].kill();
        servers[node].restart();
        restarts += 1;
        // Now and then the next one dies before the vote of this one counts again.
        sleep(Duration::from_millis(dice.u64(50..1_000))).await;
        if restarts % 20 == 0 {
            println!("{restarts} restarts, {} holds", holds.lock().await.len());
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let mut holds = Arc::try_unwrap(holds).unwrap().into_inner();
    println!("{restarts} restarts, {} holds", holds.len());
    holds.sort_by_key(|hold| hold.from);
    for pair in holds.windows(2) {
        assert!(pair[0].until <= pair[1].from, "{pair:?}");
    }
    let served = (0..CLIENTS).filter(|client| holds.iter().any(|hold| hold.client == *client)).count();
    assert!(served == CLIENTS && holds.len() > restarts, "{} holds by {served} clients", holds.len());
}
