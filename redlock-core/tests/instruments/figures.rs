//! The observer for the crate `metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use redlock_core::observed::Observed;
use redlock_core::shell::{METRICS, MetricKind, Metrics, Observer};

use crate::history::{NAME, history};

type Values = BTreeMap<String, Vec<f64>>;
type Descriptions = BTreeMap<String, (MetricKind, Option<Unit>)>;

/// What was told to it, by the metric with its labels.
#[derive(Clone, Debug, Default)]
struct Book {
    values: Arc<Mutex<Values>>,
    labels: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    described: Arc<Mutex<Descriptions>>,
}

struct Line {
    book: Book,
    name: String,
}

impl Line {
    fn add(&self, value: f64) {
        self.book.values.lock().unwrap().entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).unwrap()));
    }
    fn absolute(&self, _: u64) {
        unreachable!()
    }
}

impl GaugeFn for Line {
    fn increment(&self, value: f64) {
        self.add(value);
    }
    fn decrement(&self, value: f64) {
        self.add(-value);
    }
    fn set(&self, value: f64) {
        self.book.values.lock().unwrap().insert(self.name.clone(), vec![value]);
    }
}

impl HistogramFn for Line {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl Book {
    fn line(&self, key: &Key) -> Arc<Line> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let keys = key.labels().map(|label| label.key().to_owned());
        self.labels.lock().unwrap().entry(key.name().to_owned()).or_default().extend(keys);
        let name =
            if labels.is_empty() { key.name().to_owned() } else { format!("{}{{{}}}", key.name(), labels.join(",")) };
        Arc::new(Line { book: self.clone(), name })
    }

    fn describe(&self, name: &KeyName, kind: MetricKind, unit: Option<Unit>) {
        self.described.lock().unwrap().insert(name.as_str().to_owned(), (kind, unit));
    }

    fn sum(&self, name: &str) -> f64 {
        self.values.lock().unwrap().get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).iter().sum()
    }

    fn of(history: &[Observed]) -> Self {
        let book = Self::default();
        metrics::with_local_recorder(&book, || {
            let metrics = Metrics::new();
            for observed in history {
                metrics.observe(observed);
            }
        });
        book
    }
}

impl Recorder for Book {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, MetricKind::Counter, unit);
    }
    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, MetricKind::Gauge, unit);
    }
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, MetricKind::Histogram, unit);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.line(key))
    }
}

#[test]
fn the_metrics_that_are_told_are_those_of_the_list_with_their_labels() {
    let book = Book::of(&history());
    let told: BTreeMap<String, Vec<String>> = book
        .labels
        .lock()
        .unwrap()
        .iter()
        .map(|(name, labels)| (name.clone(), labels.iter().cloned().collect()))
        .collect();
    let sorted =
        |labels: &[&str]| labels.iter().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect();
    let listed: BTreeMap<String, Vec<String>> =
        METRICS.iter().map(|metric| (metric.name.to_owned(), sorted(metric.labels))).collect();
    assert_eq!(told, listed);
    let described = book.described.lock().unwrap();
    for metric in METRICS {
        let unit = metric.unit().map_or(Unit::Count, |_| Unit::Seconds);
        assert_eq!(described[metric.name], (metric.kind, Some(unit)), "{}", metric.name);
    }
}

#[test]
fn the_table_in_the_documentation_has_every_metric_with_its_kind_and_labels() {
    let table: Vec<&str> = include_str!("../../src/shell/metrics.md").lines().skip(2).collect();
    assert_eq!(table.len(), METRICS.len());
    for (row, metric) in table.iter().zip(METRICS) {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            _ => "histogram",
        };
        let unit = metric.unit().map_or(String::new(), |unit| format!(", {unit}"));
        assert!(row.starts_with(&format!("| `{}` | {kind}{unit} |", metric.name)), "{row}");
        assert!(metric.labels.iter().all(|label| row.contains(&format!("`{label}`"))), "{row}");
    }
}

#[test]
fn the_figures_are_those_of_the_history() {
    let book = Book::of(&history());
    for (name, sum) in [
        ("redlock_acquire_total{result=acquired}", 3.0),
        ("redlock_acquire_total{result=contended}", 2.0),
        ("redlock_acquire_total{result=given_up}", 1.0),
        ("redlock_waiting", 0.0),
        ("redlock_held", 0.0),
        ("redlock_extend_total{by=keep_alive,result=extended}", 1.0),
        ("redlock_extend_total{by=keep_alive,result=late}", 1.0),
        ("redlock_extend_total{by=holder,result=lost}", 1.0),
        ("redlock_lost_total{reason=expired}", 1.0),
        ("redlock_node_up{node=one}", 1.0),
        ("redlock_node_down_total{node=one,reason=disconnected}", 1.0),
        ("redlock_node_without_vote_total{node=one,reason=restarted}", 1.0),
        ("redlock_missed_events_total", 3.0),
    ] {
        let told = book.sum(name);
        assert!((told - sum).abs() < f64::EPSILON, "{name}: {told}");
    }
    let held = book.sum("redlock_hold_seconds");
    assert!((held - 21.5).abs() < 0.001, "11.5 s, and 10 s until the loss was noticed: {held}");
}

#[test]
fn no_label_has_the_name_of_a_lock() {
    let book = Book::of(&history());
    let values = book.values.lock().unwrap();
    assert!(values.keys().all(|name| !name.contains(NAME) && !name.contains("taken")), "{values:?}");
}
