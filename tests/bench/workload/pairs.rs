use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Record;
use crate::contestant::{Contestant, TTL};
use crate::executor::Executor;
use crate::measure::micros;

/// Every task locks and unlocks a key of its own, again and again.
pub(super) async fn run<C: Contestant>(contestant: &Arc<C>, tasks: usize, duration: Duration) -> Vec<Record> {
    let end = Instant::now() + duration;
    let tasks: Vec<_> =
        (0..tasks).map(|task| C::Executor::spawn(one_task(contestant.clone(), format!("bench:{task}"), end))).collect();
    join_all(tasks).await
}

async fn one_task<C: Contestant>(contestant: Arc<C>, key: String, end: Instant) -> Record {
    let mut record = Record::default();
    let mut now = Instant::now();
    loop {
        let begun = now;
        if let Some(held) = contestant.lock(&key, TTL).await {
            let locked = Instant::now();
            contestant.unlock(held).await;
            now = Instant::now();
            record.locks.push(micros(locked - begun));
            record.unlocks.push(micros(now - locked));
        } else {
            record.gave_up += 1;
            now = Instant::now();
        }
        if now >= end {
            return record;
        }
    }
}
