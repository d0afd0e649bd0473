use std::fmt::Write;
use std::time::Duration;

use redlock_tokio::HumanDuration;
use serde::Serialize;

use super::measure::Figures;
use crate::failure::Failure;

/// The shares of pairs whose time is reported, in a thousand.
const SHARES: [(&str, usize); 4] = [("P50", 500), ("P90", 900), ("P99", 990), ("P99.9", 999)];

#[derive(Serialize)]
struct Run {
    tasks: usize,
    seconds: f64,
    pairs: usize,
    pairs_per_second: f64,
    p50_us: u64,
    p90_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
    failed: u64,
}

/// Returns a table with one line for each run, and the first failure if there is one.
pub(super) fn table(figures: &[Figures]) -> String {
    let mut text = format!("{:<12}{:>10}", "", "PAIRS/S");
    for (name, _) in SHARES {
        let _ = write!(text, "{name:>10}");
    }
    let _ = writeln!(text, "{:>10}{:>8}", "MAX", "FAILED");
    for run in figures {
        let _ = write!(text, "{:<12}{:>10.0}", run.workload, per_second(run));
        for (_, share) in SHARES {
            let _ = write!(text, "{:>10}", show(percentile(&run.pairs, share)));
        }
        let _ = writeln!(text, "{:>10}{:>8}", show(percentile(&run.pairs, 1_000)), run.failed);
    }
    if let Some(why) = figures.iter().find_map(|run| run.failure.as_ref()) {
        let _ = writeln!(text, "The first failure: {why}");
    }
    text
}

/// Returns an array with one object for each run; times are in microseconds.
pub(super) fn json(figures: &[Figures]) -> Result<String, Failure> {
    let runs: Vec<_> = figures.iter().map(run).collect();
    let text = serde_json::to_string_pretty(&runs);
    text.map(|text| text + "\n").map_err(|error| Failure::Other(error.to_string()))
}

fn run(figures: &Figures) -> Run {
    let micros = |share| u64::try_from(percentile(&figures.pairs, share).as_micros()).unwrap_or(u64::MAX);
    Run {
        tasks: figures.tasks,
        seconds: figures.elapsed.as_secs_f64(),
        pairs: figures.pairs.len(),
        pairs_per_second: per_second(figures),
        p50_us: micros(500),
        p90_us: micros(900),
        p99_us: micros(990),
        p999_us: micros(999),
        max_us: micros(1_000),
        failed: figures.failed,
    }
}

fn per_second(figures: &Figures) -> f64 {
    let count = u32::try_from(figures.pairs.len()).unwrap_or(u32::MAX);
    f64::from(count) / figures.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Returns the time within which a share of all pairs, in a thousand, was over; zero if there were none.
fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let rank = sorted.len().saturating_mul(share).div_ceil(1_000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn show(time: Duration) -> String {
    HumanDuration(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let sorted: Vec<_> = (1..=1_000).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 500), Duration::from_micros(500));
        assert_eq!(percentile(&sorted, 999), Duration::from_micros(999));
        assert_eq!(percentile(&sorted, 1_000), Duration::from_millis(1));
        assert_eq!(percentile(&sorted[..1], 500), Duration::from_micros(1));
        assert_eq!(percentile(&[], 500), Duration::ZERO);
    }
}
