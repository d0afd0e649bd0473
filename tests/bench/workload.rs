//! What the contestants do.

mod contention;
mod handover;
mod pairs;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::contention::Crowd;
use crate::contestant::{Contestant, Failure, Fenced};

/// The workloads of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Workload {
    /// One task locks and unlocks a key.
    W1,
    /// Many tasks do, each a key of its own.
    W2,
    /// Sixteen tasks want one key and hold it for a millisecond.
    W3,
    /// One client waits until another one releases, for eight keys at the same time.
    W4,
    /// As W1, with one node that hangs.
    W5,
    /// As W3, each task with a client of its own.
    W6,
    /// Many tasks of four clients; ten of them want the same lock and hold it for a millisecond.
    W7,
}

impl Workload {
    pub(crate) const ALL: [Self; 7] = [Self::W1, Self::W2, Self::W3, Self::W4, Self::W5, Self::W6, Self::W7];

    /// Those that are measured unless others are asked for.
    pub(crate) const DEFAULT: [Self; 6] = [Self::W1, Self::W2, Self::W3, Self::W4, Self::W5, Self::W6];

    /// The numbers of tasks to measure it with, of which only W2 and W7 leave the choice.
    pub(crate) fn tasks(self, chosen: &[usize]) -> Vec<usize> {
        match self {
            Self::W1 | Self::W5 => vec![1],
            Self::W2 | Self::W7 => chosen.to_vec(),
            Self::W3 | Self::W4 | Self::W6 => vec![16],
        }
    }

    /// How many clients it needs. A queue that is in one process has its callers there.
    const fn clients<C: Contestant>(self) -> usize {
        match self {
            Self::W4 => 2,
            Self::W6 if !C::IS_ONE_PROCESS => 16,
            Self::W7 if !C::IS_ONE_PROCESS => 4,
            _ => 1,
        }
    }

    pub(crate) const fn is_about_one_lock(self) -> bool {
        matches!(self, Self::W3 | Self::W6)
    }

    pub(crate) const fn is_contended(self) -> bool {
        matches!(self, Self::W3 | Self::W4 | Self::W6 | Self::W7)
    }

    pub(crate) fn description(self, tasks: usize) -> String {
        match self {
            Self::W1 | Self::W2 if tasks == 1 => "one task, a free lock".into(),
            Self::W1 | Self::W2 => format!("{tasks} tasks, each a free lock of its own"),
            Self::W3 => format!("{tasks} tasks, one lock, held for 1 ms"),
            Self::W4 => "from the release by one client to the lock of another".into(),
            Self::W5 => "one task, a free lock, one node hangs".into(),
            Self::W6 => format!("{tasks} clients, one lock, held for 1 ms"),
            Self::W7 => format!("{tasks} tasks of 4 clients, ten for each lock, held for 1 ms"),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What one task has seen, in microseconds.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) locks: Vec<f32>,
    /// When each of them was there, since the begin; only where many want one lock.
    pub(crate) moments: Vec<f32>,
    pub(crate) unlocks: Vec<f32>,
    pub(crate) gave_up: u64,
}

/// The clients that a workload needs.
pub(crate) struct Clients<C> {
    first: Arc<C>,
    others: Vec<Arc<C>>,
}

impl<C: Contestant> Clients<C> {
    pub(crate) async fn connect(workload: Workload, urls: &[String]) -> Result<Self, Failure> {
        let first = Arc::new(C::connect(urls).await?);
        let mut others = Vec::new();
        for _ in 1..workload.clients::<C>() {
            others.push(Arc::new(C::connect(urls).await?));
        }
        Ok(Self { first, others })
    }

    /// Returns what has become of the fenced locks of all clients.
    pub(crate) fn fenced(&self) -> Fenced {
        self.others.iter().fold(self.first.fenced(), |sum, other| sum.and(other.fenced()))
    }

    /// Works for about the duration, and at least until each task has done its work once.
    pub(crate) async fn work(&self, workload: Workload, tasks: usize, duration: Duration) -> Vec<Record> {
        match (workload, self.others.as_slice()) {
            (Workload::W3 | Workload::W6, others) => {
                contention::run(&self.first, others, Crowd { tasks, for_each_lock: tasks }, duration).await
            }
            (Workload::W7, others) => {
                contention::run(&self.first, others, Crowd { tasks, for_each_lock: 10 }, duration).await
            }
            (Workload::W4, [second]) => handover::run(&self.first, second, tasks, duration).await,
            _ => pairs::run(&self.first, tasks, duration).await,
        }
    }
}
