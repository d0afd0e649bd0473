use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Record;
use crate::contestant::{Contestant, TTL};
use crate::executor::Executor;
use crate::measure::micros;

const HOLD: Duration = Duration::from_millis(1);

/// How many tasks there are, and how many of them want the same lock.
#[derive(Clone, Copy)]
pub(super) struct Crowd {
    pub(super) tasks: usize,
    pub(super) for_each_lock: usize,
}

/// The tasks want locks and hold them for a moment. The clients are shared among those that want the same one.
pub(super) async fn run<C: Contestant>(
    first: &Arc<C>,
    others: &[Arc<C>],
    crowd: Crowd,
    duration: Duration,
) -> Vec<Record> {
    let start = Instant::now();
    let clients = std::iter::once(first).chain(others).cycle();
    let spawn = |(task, client): (usize, &Arc<C>)| {
        let key = format!("bench:{}", task / crowd.for_each_lock);
        C::Executor::spawn(one_task(client.clone(), key, start, duration))
    };
    let tasks: Vec<_> = clients.take(crowd.tasks).enumerate().map(spawn).collect();
    join_all(tasks).await
}

/// What was begun before the end counts, so that nobody's long wait is left out.
async fn one_task<C: Contestant>(contestant: Arc<C>, key: String, start: Instant, duration: Duration) -> Record {
    let mut record = Record::default();
    while start.elapsed() < duration {
        let begun = Instant::now();
        let Some(held) = contestant.lock(&key, TTL).await else {
            record.gave_up += 1;
            continue;
        };
        record.locks.push(micros(begun.elapsed()));
        record.moments.push(micros(start.elapsed()));
        C::Executor::sleep(HOLD).await;
        let begun = Instant::now();
        contestant.unlock(held).await;
        record.unlocks.push(micros(begun.elapsed()));
    }
    record
}
