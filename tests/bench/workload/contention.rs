use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Record;
use crate::contestant::{Contestant, TTL};
use crate::executor::Executor;
use crate::measure::micros;

const HOLD: Duration = Duration::from_millis(1);

/// All tasks want the same key and hold it for a moment. The clients are shared among them.
pub(super) async fn run<C: Contestant>(
    first: &Arc<C>,
    others: &[Arc<C>],
    tasks: usize,
    duration: Duration,
) -> Vec<Record> {
    let start = Instant::now();
    let clients = std::iter::once(first).chain(others).cycle();
    let tasks: Vec<_> =
        clients.take(tasks).map(|client| C::Executor::spawn(one_task(client.clone(), start, duration))).collect();
    join_all(tasks).await
}

/// What was begun before the end counts, so that nobody's long wait is left out.
async fn one_task<C: Contestant>(contestant: Arc<C>, start: Instant, duration: Duration) -> Record {
    let mut record = Record::default();
    while start.elapsed() < duration {
        let begun = Instant::now();
        let Some(held) = contestant.lock("bench", TTL).await else {
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
