use redlock_tests::Servers;
use serde_json::Value;

use crate::tool::Tool;

#[test]
fn it_measures_and_leaves_nothing_behind() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let ended = tool.run(&["bench", "--duration", "300ms", "--tasks", "8", "--json"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let runs: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&runs[0]["tasks"], &runs[1]["tasks"]), (&1.into(), &8.into()));
    for run in runs.as_array().unwrap() {
        let of = |name: &str| run[name].as_u64().unwrap();
        assert!(of("pairs") > 0 && run["pairs_per_second"].as_f64().unwrap() > 0.0, "{run}");
        let times = ["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map(of);
        assert!(times.is_sorted() && times[0] > 0, "{run}");
    }
    for server in servers.iter() {
        assert_eq!(server.command(&["KEYS", "redlock-bench:*"]).unwrap(), "");
    }
}

#[test]
fn without_servers_it_says_so() {
    let ended = Tool::with_nodes(&["redis://127.0.0.1:1".into()]).run(&["bench", "--duration", "50ms"]);
    assert_eq!(ended.status, Some(75));
    assert!(ended.stderr.contains("no lock was acquired: too few nodes are available"), "{ended:?}");
}

#[test]
fn the_report_is_a_table() {
    let tool = Tool::alone_on(3);
    let table = tool.run(&["bench", "--duration", "100ms", "--tasks", "4"]).stdout;
    let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["PAIRS/S", "P50", "P90", "P99", "P99.9", "MAX", "FAILED"]);
    assert_eq!(lines.len(), 3, "one with one task and one with many: {table}");
    for line in &lines[1..] {
        assert_eq!(line.last(), Some(&"0"), "all were acquired and released: {table}");
    }
}

#[test]
fn times_that_cannot_be_measured_with_are_bad_usage() {
    let tool = Tool::alone_on(3);
    tool.run(&["bench", "--ttl", "48h"]).assert_failed(2, "at most 24 h");
    tool.run(&["bench", "--duration", "0s"]).assert_failed(2, "--duration is 0, it must be above zero");
    tool.run(&["bench", "--ttl", "1ms"]).assert_failed(2, "it must be at least 3 ms");
}
