use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use redlock_tokio::{AcquireError, Redlock, ReleaseVerdict, RequestError};
use tokio::task::JoinSet;

use crate::failure::Failure;

/// How long a lock is tried for, which nobody else uses.
pub(super) const WAIT: Duration = Duration::from_secs(1);
/// How often the bar moves.
const BAR_STEP: Duration = Duration::from_millis(100);

/// Tasks that take and release locks, each on a name of its own.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    prefix: String,
    tasks: NonZeroUsize,
    ttl: Duration,
    pub(super) duration: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Figures {
    /// The workload in words.
    pub(super) workload: String,
    pub(super) tasks: usize,
    pub(super) elapsed: Duration,
    /// How long each pair took, the shortest first.
    pub(super) pairs: Vec<Duration>,
    pub(super) failed: u64,
    /// The first failure.
    pub(super) failure: Option<String>,
}

impl Workload {
    /// One task.
    pub(super) fn new(ttl: Duration, duration: Duration) -> Self {
        let prefix = format!("redlock-bench:{:016x}", fastrand::u64(..));
        Self { prefix, tasks: NonZeroUsize::MIN, ttl, duration }
    }

    /// The same with several tasks.
    pub(super) fn with_tasks(&self, tasks: NonZeroUsize) -> Self {
        Self { tasks, ..self.clone() }
    }

    /// Runs the tasks for the whole duration.
    pub(super) async fn measure(&self, redlock: &Redlock, bar: &ProgressBar) -> Result<Figures, Failure> {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for task in 0..self.tasks.get() {
            let name = format!("{}:{task}", self.prefix);
            tasks.spawn(repeat(redlock.clone(), name, self.ttl, started, self.duration));
        }
        let (mut figures, workload, mut ticks) = (Tally::default(), self.to_string(), tokio::time::interval(BAR_STEP));
        loop {
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    Some(Ok(tally)) => figures.add(tally?),
                    Some(Err(error)) => return Err(Failure::Other(error.to_string())),
                    None => break,
                },
                _ = ticks.tick() => bar.set_position(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            }
        }
        figures.pairs.sort_unstable();
        let Tally { pairs, failed, failure } = figures;
        Ok(Figures { workload, tasks: self.tasks.get(), elapsed: started.elapsed(), pairs, failed, failure })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tasks.get() {
            1 => f.write_str("1 task"),
            tasks => write!(f, "{tasks} tasks"),
        }
    }
}

/// What one task, or several, have measured.
#[derive(Debug, Default)]
struct Tally {
    pairs: Vec<Duration>,
    failed: u64,
    failure: Option<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.failed = self.failed.saturating_add(other.failed);
        self.failure = self.failure.take().or(other.failure);
    }
}

/// Takes and releases a lock time and again. Ends at once with what can never succeed.
async fn repeat(
    redlock: Redlock,
    name: String,
    ttl: Duration,
    started: Instant,
    duration: Duration,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while started.elapsed() < duration {
        let before = Instant::now();
        match pair(&redlock, &name, ttl).await {
            Ok(None) => tally.pairs.push(before.elapsed()),
            Ok(Some(why)) => {
                tally.failed = tally.failed.saturating_add(1);
                tally.failure.get_or_insert(why);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(tally)
}

/// Takes and releases a lock, and returns why it did not succeed, if so.
async fn pair(redlock: &Redlock, name: &str, ttl: Duration) -> Result<Option<String>, RequestError> {
    let guard = match redlock.lock(name, ttl).wait(WAIT).await {
        Ok(guard) => guard,
        Err(AcquireError::Request(error)) => return Err(error),
        Err(error) => return Ok(Some(error.to_string())),
    };
    let report = guard.release().await;
    Ok((report.verdict != ReleaseVerdict::Released).then(|| report.to_string()))
}
