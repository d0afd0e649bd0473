use serde_json::{Value, json};

use crate::figures::{Row, Spread};

/// One object per line; medians over the rounds but for the longest acquisition of all, and null where a figure does not apply.
pub(crate) fn print(rows: &[Row]) {
    for row in rows {
        println!("{}", object(row));
    }
}

fn object(row: &Row) -> Value {
    json!({
        "workload": row.workload,
        "server": row.server,
        "contestant": row.contestant,
        "nodes": row.nodes,
        "tasks": row.tasks,
        "seconds": rounded(row.seconds(), 3),
        "pairs_per_s": median(row.pairs_per_second(), 1),
        "lock_p50_us": median(row.lock_p50(), 1),
        "lock_p99_us": median(row.lock_p99(), 1),
        "lock_max_us": row.lock_max().map(|spread| rounded(spread.max, 1)),
        "unlock_p50_us": median(row.unlock_p50(), 1),
        "cpu_s_per_10k": median(row.cpu_seconds_per_10k(), 4),
        "commands_per_acquisition": median(row.commands_per_acquisition(), 2),
        "gave_up": row.gave_up(),
        "fair_min": median(row.fair_min(), 3),
        "fair_max": median(row.fair_max(), 3),
        "commit_share": median(row.commit_share(), 5),
        "rss_mb": median(row.peak_mib(), 1),
    })
}

fn median(spread: Option<Spread>, digits: i32) -> Option<f64> {
    spread.map(|spread| rounded(spread.median, digits))
}

fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}
