//! The dashboard for Grafana shows exactly the metrics that there are.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::BTreeSet;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{KeepAlive, METRICS, MetricKind, Metrics, Redlock};
use serde_json::Value;

const DASHBOARD: &str = include_str!("../dashboards/redlock.json");

/// Returns the queries of all panels.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Returns the names in a query that begin with `redlock_`.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    query.split(move |letter| !is_of_name(letter)).filter(|word| word.starts_with("redlock_"))
}

/// Returns the name of the metric that a series belongs to.
fn metric_of(series: &str) -> &str {
    let part = ["_bucket", "_sum", "_count"].into_iter().find_map(|part| series.strip_suffix(part));
    part.unwrap_or(series)
}

#[test]
fn the_dashboard_names_every_metric_and_no_other() {
    let queries = queries();
    let named: BTreeSet<&str> = queries.iter().flat_map(|query| names(query)).map(metric_of).collect();
    let there: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(named, there);
}

#[test]
fn the_dashboard_groups_by_labels_that_the_metric_has() {
    for query in queries() {
        let Some((_, rest)) = query.split_once("by (") else { continue };
        let labels = rest.split_once(')').unwrap().0.split(", ").filter(|label| *label != "le");
        let name = metric_of(names(&query).next().unwrap());
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
        for label in labels {
            assert!(metric.labels.contains(&label), "{query}: there is no {label}");
        }
    }
}

/// A real run: what is served has the names and the kinds that the dashboard reads.
#[tokio::test]
async fn prometheus_is_served_what_the_dashboard_asks_for() {
    let histograms = METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram);
    let exporter = histograms.fold(PrometheusBuilder::new(), |exporter, metric| {
        exporter.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.buckets).unwrap()
    });
    let exporter = exporter.install_recorder().unwrap();
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = Redlock::builder().nodes(&nodes).observer(Metrics::new()).build().unwrap();

    let keep_alive = KeepAlive::while_held().every(Duration::from_millis(20));
    let ttl = Duration::from_millis(500);
    let guard = redlock.lock("job", ttl).keep_alive(keep_alive).fenced().await.unwrap();
    assert!(redlock.lock("job", ttl).attempts(1).await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    nodes.iter().for_each(MemoryNode::cut);
    assert!(guard.lost().await.is_some());
    drop(guard);
    nodes.iter().for_each(MemoryNode::restore);
    redlock.lock("job", ttl).await.unwrap().release().await;
    redlock.close().await;

    let served = exporter.render();
    let rare = ["redlock_node_without_vote_total", "redlock_missed_events_total"];
    for query in queries() {
        for series in names(&query).filter(|series| !rare.contains(series)) {
            let is_there = |line: &str| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(['{', ' ']));
            assert!(served.lines().any(is_there), "{series} is not in\n{served}");
        }
    }
    for metric in METRICS.iter().filter(|metric| !rare.contains(&metric.name)) {
        assert!(served.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
}
