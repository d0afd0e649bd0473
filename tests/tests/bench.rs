//! The command that measures: what it prints can be read, and everybody in it really takes locks.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FIELDS: [&str; 15] = [
    "workload",
    "contestant",
    "nodes",
    "tasks",
    "seconds",
    "pairs_per_s",
    "lock_p50_us",
    "lock_p99_us",
    "unlock_p50_us",
    "cpu_s_per_10k",
    "commands_per_acquisition",
    "gave_up",
    "fair_min",
    "fair_max",
    "rss_mb",
];

/// Runs the command for a moment; yields its objects.
fn bench(arguments: &[&str], charts: &Path) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(arguments).args(["--nodes", "3", "--rounds", "1", "--seconds", "0.1", "--json", "--charts"]);
    let output = command.arg(charts).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["contestant"].as_str().unwrap()).collect()
}

#[test]
fn all_contestants_lock_and_unlock() {
    let charts = tempfile::tempdir().unwrap();
    let rows = bench(&["--workload", "W1"], charts.path());
    let everybody = [
        "floor-raw",
        "floor-redis",
        "tokio-redis",
        "tokio-fred",
        "async-std-redis",
        "blocking-redis",
        "rslock",
        "redlock",
    ];
    assert_eq!(names(&rows), everybody);
    for row in &rows {
        let mut fields: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = FIELDS;
        fields.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fields, expected);
        assert!(row["pairs_per_s"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["lock_p50_us"].as_f64().unwrap() > 0.0, "{row}");
        // A SET and an EVALSHA for each of three nodes, but for those that are on their way when it ends.
        let commands = row["commands_per_acquisition"].as_f64().unwrap();
        assert!((4.0..8.0).contains(&commands), "{row}");
    }
    assert!(fs::read_to_string(charts.path().join("comparison.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn contended_locks_are_handed_on() {
    let charts = tempfile::tempdir().unwrap();
    let contestants = ["--contestants", "floor-queue,floor-publish,tokio-redis,blocking-redis"];
    let rows = bench(&[&["--workload", "W3,W4"], &contestants[..]].concat(), charts.path());
    let expected = ["floor-queue", "tokio-redis", "blocking-redis", "floor-publish", "tokio-redis", "blocking-redis"];
    assert_eq!(names(&rows), expected);
    for row in &rows {
        assert!(row["pairs_per_s"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["gave_up"], 0, "{row}");
        assert_eq!(row["fair_min"].is_null(), row["workload"] != "W3", "{row}");
    }
}

#[test]
fn a_node_that_hangs_leaves_nobody_without_figures_but_who_waits_for_it() {
    let charts = tempfile::tempdir().unwrap();
    let rows = bench(&["--workload", "W5", "--contestants", "tokio-redis,redlock"], charts.path());
    assert!(rows[0]["lock_p99_us"].as_f64().unwrap() > 0.0, "{}", rows[0]);
    assert!(rows[1]["lock_p50_us"].is_null(), "{}", rows[1]);
}
