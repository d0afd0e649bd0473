//! The dashboard for Grafana shows exactly the metrics that there are.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::BTreeSet;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{KeepAlive, Loss, METRICS, MetricKind, Metrics, Redlock};
use serde_json::Value;

use crate::query::{Query, Sample};

#[path = "../examples/dashboard/query.rs"]
mod query;

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
    assert_eq!(guard.lost().await, Loss::Expired);
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
    let samples = [Sample::default(), Sample::read(1.0, &served)];
    for text in queries().iter().filter(|text| !rare.iter().any(|name| text.contains(name))) {
        let query = Query::parse(text).unwrap_or_else(|| panic!("the picture cannot show {text}"));
        assert!(!query.evaluate(&samples).is_empty(), "{text}: {served}");
    }
    for metric in METRICS.iter().filter(|metric| !rare.contains(&metric.name)) {
        assert!(served.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
}

/// It is made by the example `dashboard`.
#[test]
fn the_picture_has_every_panel_and_shows_what_went_wrong() {
    let picture = include_str!("../dashboards/redlock.svg");
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(picture.contains(&format!(">{title}<")), "{title}");
    }
    for text in ["a server is killed", "two servers stand still", ">expired<", ">127.0.0.1:7202 down: disconnected<"] {
        assert!(picture.contains(text), "{text}");
    }
}

#[test]
fn queries_are_evaluated_as_prometheus_does() {
    let sample = |at: f64, scale: f64| {
        let text = format!(
            "# HELP\na{{x=\"1\",y=\"p\"}} {}\na{{x=\"1\",y=\"q\"}} {}\nb{{y=\"q\"}} 8\nh_bucket{{le=\"1\"}} {}\nh_bucket{{le=\"2\"}} {}\n\
             h_bucket{{le=\"+Inf\"}} {}\n",
            scale,
            3.0 * scale,
            2.0 * scale,
            4.0 * scale,
            4.0 * scale
        );
        Sample::read(at, &text)
    };
    let samples = [sample(0.0, 1.0), sample(2.0, 3.0)];
    let rows = [
        ("sum by (y) (a)", vec![3.0, 9.0]),
        ("sum(a)", vec![12.0]),
        ("min by (x) (a)", vec![3.0]),
        ("sum by (x) (rate(a[$__rate_interval]))", vec![4.0]),
        ("sum by (y) (increase(a{y=~\"q|r\"}[$__rate_interval]))", vec![6.0]),
        ("sum by (y) (a{y=\"q\"}) / sum by (y) (b)", vec![9.0 / 8.0]),
        ("histogram_quantile(0.75, sum by (le) (rate(h_bucket[$__rate_interval])))", vec![1.5]),
    ];
    for (text, values) in rows {
        let query = Query::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(query.evaluate(&samples).into_values().collect::<Vec<_>>(), values, "{text}");
    }
    assert_eq!(Query::parse("avg(a)"), None);
}
