use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Record;
use crate::contestant::{Contestant, TTL};
use crate::executor::Executor;
use crate::measure::micros;

/// A lock is held for this and a random time more while the other client waits, so that it is released at any moment
/// of its waiting.
const SHORTEST_HOLD: Duration = Duration::from_millis(20);
const RANDOM_HOLD: Duration = Duration::from_millis(100);

/// Two clients hand locks to each other: each two tasks have a key of their own.
pub(super) async fn run<C: Contestant>(
    first: &Arc<C>,
    second: &Arc<C>,
    tasks: usize,
    duration: Duration,
) -> Vec<Record> {
    let end = Instant::now() + duration;
    let tasks: Vec<_> = (0..tasks / 2)
        .map(|task| C::Executor::spawn(one_key(first.clone(), second.clone(), format!("bench:{task}"), end)))
        .collect();
    join_all(tasks).await
}

/// The times from a release to the other client's lock are recorded as those of locking.
async fn one_key<C: Contestant>(mut holder: Arc<C>, mut waiter: Arc<C>, key: String, end: Instant) -> Record {
    let mut record = Record::default();
    let mut held = holder.lock(&key, TTL).await;
    while let Some(holding) = held {
        let waiting = C::Executor::spawn(wait(waiter.clone(), key.clone()));
        C::Executor::sleep(SHORTEST_HOLD + RANDOM_HOLD.mul_f64(fastrand::f64())).await;
        let released = Instant::now();
        holder.unlock(holding).await;
        record.unlocks.push(micros(released.elapsed()));
        let (acquired, at) = waiting.await;
        match acquired {
            Some(_) => record.locks.push(micros(at.saturating_duration_since(released))),
            None => record.gave_up += 1,
        }
        mem::swap(&mut holder, &mut waiter);
        // Whoever gave up tries again: now it is free.
        held = match acquired {
            Some(held) => Some(held),
            None => holder.lock(&key, TTL).await,
        };
        if at >= end {
            break;
        }
    }
    if let Some(holding) = held {
        holder.unlock(holding).await;
    }
    record
}

async fn wait<C: Contestant>(contestant: Arc<C>, key: String) -> (Option<C::Held>, Instant) {
    let held = contestant.lock(&key, TTL).await;
    (held, Instant::now())
}
