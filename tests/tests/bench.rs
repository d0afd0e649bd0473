//! The command that measures: what it prints can be read, and everybody in it really takes locks.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const FIELDS: [&str; 18] = [
    "workload",
    "server",
    "contestant",
    "nodes",
    "tasks",
    "seconds",
    "pairs_per_s",
    "lock_p50_us",
    "lock_p99_us",
    "lock_max_us",
    "unlock_p50_us",
    "cpu_s_per_10k",
    "commands_per_acquisition",
    "gave_up",
    "fair_min",
    "fair_max",
    "commit_share",
    "rss_mb",
];

/// Runs the command for a moment.
fn run(arguments: &[&str], charts: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(arguments).args(["--nodes", "3", "--rounds", "1", "--seconds", "0.1", "--json", "--charts"]);
    command.arg(charts).output().expect("the command runs")
}

/// Runs the command for a moment; yields its objects.
fn bench(arguments: &[&str], charts: &Path) -> Vec<Value> {
    let output = run(arguments, charts);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["contestant"].as_str().expect("it has a name")).collect()
}

#[test]
fn all_contestants_lock_and_unlock() {
    let charts = tempfile::tempdir().unwrap();
    let rows = bench(&["--workload", "W1"], charts.path());
    let everybody = [
        "floor-raw",
        "floor-redis",
        "tokio",
        "tokio-fenced",
        "tokio-redis",
        "tokio-fred",
        "async-std",
        "blocking",
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
        assert!(row["lock_max_us"].as_f64().unwrap() >= row["lock_p99_us"].as_f64().unwrap(), "{row}");
        assert_eq!(row["server"], "redis", "{row}");
        // One to lock and one to release for each of three nodes; a busy machine may make somebody try again.
        let commands = row["commands_per_acquisition"].as_f64().unwrap();
        assert!((5.5..6.5).contains(&commands), "{row}");
        assert_eq!(row["commit_share"].is_null(), row["contestant"] != "tokio-fenced", "{row}");
    }
    assert!(fs::read_to_string(charts.path().join("comparison.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn contended_locks_are_handed_on() {
    let charts = tempfile::tempdir().unwrap();
    let contestants = ["--contestants", "floor-queue,floor-publish,tokio,blocking"];
    let rows = bench(&[&["--workload", "W3,W4"], &contestants[..]].concat(), charts.path());
    let expected = ["floor-queue", "tokio", "blocking", "floor-publish", "tokio", "blocking"];
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
    let rows = bench(&["--workload", "W5", "--contestants", "tokio,redlock"], charts.path());
    assert!(rows[0]["lock_p99_us"].as_f64().unwrap() > 0.0, "{}", rows[0]);
    assert!(rows[1]["lock_p50_us"].is_null(), "{}", rows[1]);
}

#[test]
fn valkey_is_measured_or_said_to_be_missing() {
    let charts = tempfile::tempdir().unwrap();
    let arguments = ["--server", "valkey", "--workload", "W1", "--contestants", "floor-raw,tokio"];
    if !Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("servers").join("valkey").exists() {
        let refused = String::from_utf8(run(&arguments, charts.path()).stderr).unwrap();
        assert!(refused.contains("tests/server.sh"), "{refused}");
        return;
    }
    let rows = bench(&arguments, charts.path());
    assert_eq!(names(&rows), ["floor-raw", "tokio"]);
    for row in &rows {
        assert_eq!(row["server"], "valkey", "{row}");
        // A SET and a release for each of three nodes, be it a script or a command.
        let commands = row["commands_per_acquisition"].as_f64().unwrap();
        assert!((5.5..6.5).contains(&commands), "{row}");
    }
}
