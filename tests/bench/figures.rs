//! What was measured, in the units in which it is shown.

use crate::client::Measurement;
use crate::contestant::Name;
use crate::server::ServerKind;
use crate::workload::Workload;

/// A contestant in one combination of workload, nodes and tasks.
pub(crate) struct Row {
    pub(crate) server: ServerKind,
    pub(crate) workload: Workload,
    pub(crate) contestant: Name,
    pub(crate) nodes: usize,
    pub(crate) tasks: usize,
    /// Empty if it never came to an end.
    pub(crate) rounds: Vec<Round>,
}

/// What a workload is about: its contestants are compared by this.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headline {
    PairsPerSecond,
    LockP50,
    LockP99,
}

impl Headline {
    pub(crate) const fn of(workload: Workload) -> Self {
        match workload {
            Workload::W1 | Workload::W4 | Workload::W5 => Self::LockP50,
            Workload::W2 | Workload::W7 => Self::PairsPerSecond,
            Workload::W3 | Workload::W6 => Self::LockP99,
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::PairsPerSecond => "pairs a second (more is better)",
            Self::LockP50 => "lock p50 (less is better)",
            Self::LockP99 => "lock p99 (less is better)",
        }
    }
}

/// What came out of one round.
pub(crate) struct Round {
    pub(crate) measured: Measurement,
    /// What the nodes were sent; unknown while one of them hangs.
    pub(crate) commands: Option<u64>,
}

/// The middle of several rounds, and how far they were apart.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Row {
    /// What the contestants are compared in.
    pub(crate) const fn combination(&self) -> (Workload, usize, usize) {
        (self.workload, self.nodes, self.tasks)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.rounds.iter().map(|round| round.measured.seconds).sum()
    }

    pub(crate) fn gave_up(&self) -> u64 {
        self.rounds.iter().map(|round| round.measured.gave_up).sum()
    }

    pub(crate) fn headline(&self) -> Option<Spread> {
        match Headline::of(self.workload) {
            Headline::PairsPerSecond => self.pairs_per_second(),
            Headline::LockP50 => self.lock_p50(),
            Headline::LockP99 => self.lock_p99(),
        }
    }

    pub(crate) fn pairs_per_second(&self) -> Option<Spread> {
        self.spread(|round| Some(round.measured.pairs as f64 / round.measured.seconds))
    }

    pub(crate) fn lock_p50(&self) -> Option<Spread> {
        self.spread(|round| round.measured.lock_p50)
    }

    pub(crate) fn lock_p99(&self) -> Option<Spread> {
        self.spread(|round| round.measured.lock_p99)
    }

    pub(crate) fn lock_max(&self) -> Option<Spread> {
        self.spread(|round| round.measured.lock_max)
    }

    pub(crate) fn unlock_p50(&self) -> Option<Spread> {
        self.spread(|round| round.measured.unlock_p50)
    }

    pub(crate) fn cpu_seconds_per_10k(&self) -> Option<Spread> {
        self.spread(|round| per_pair(round.measured.cpu_seconds * 1e4, round))
    }

    pub(crate) fn cpu_micros_per_pair(&self) -> Option<Spread> {
        self.spread(|round| per_pair(round.measured.cpu_seconds * 1e6, round))
    }

    pub(crate) fn commands_per_acquisition(&self) -> Option<Spread> {
        self.spread(|round| per_pair(round.commands? as f64, round))
    }

    /// The share of the least served task, of the mean; only where tasks compete.
    pub(crate) fn fair_min(&self) -> Option<Spread> {
        self.spread(|round| self.if_fairness_applies(round.measured.fair_min))
    }

    /// The share of the most served task, of the mean; only where tasks compete.
    pub(crate) fn fair_max(&self) -> Option<Spread> {
        self.spread(|round| self.if_fairness_applies(round.measured.fair_max))
    }

    /// The p99 of acquiring, in turns: what it takes until each task has had the lock once.
    pub(crate) fn turns(&self) -> Option<Spread> {
        self.spread(|round| {
            let turn = self.tasks as f64 * round.measured.seconds / round.measured.pairs as f64;
            self.if_fairness_applies(round.measured.lock_p99? / 1e6 / turn)
        })
    }

    /// The share of fenced acquisitions that took a second round, because too few nodes had granted the same number.
    pub(crate) fn commit_share(&self) -> Option<Spread> {
        self.spread(|round| round.measured.fenced.commit_share())
    }

    pub(crate) fn peak_mib(&self) -> Option<Spread> {
        self.spread(|round| Some(round.measured.peak_mib))
    }

    fn if_fairness_applies(&self, figure: f64) -> Option<f64> {
        self.workload.is_about_one_lock().then_some(figure)
    }

    fn spread(&self, figure: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(figure).filter(|value| value.is_finite()).collect())
    }
}

fn per_pair(amount: f64, round: &Round) -> Option<f64> {
    (round.measured.pairs > 0).then(|| amount / round.measured.pairs as f64)
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len() / 2)?;
        Some(Self { median: *median, min: *values.first()?, max: *values.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_all_rounds() {
        let spread = Spread::of(vec![5.0, 1.0, 9.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 9.0));
        assert!(Spread::of(Vec::new()).is_none());
    }
}
