//! As much of Prometheus' language as the dashboard uses, over figures that were read now and then.

use std::collections::BTreeMap;

/// The labels of a series, without its name.
pub(crate) type Labels = BTreeMap<String, String>;

/// The figures of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// The moment, in seconds.
    pub(crate) at: f64,
    /// The value of each series, by its name and its labels.
    values: BTreeMap<(String, Labels), f64>,
}

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Query {
    /// `histogram_quantile(0.5, of)`.
    Quantile { share: f64, of: Box<Self> },
    /// `sum by (label) (of)`, or the least.
    Aggregate { is_sum: bool, by: Vec<String>, of: Box<Self> },
    /// `rate(series[window])`, or how much it has grown.
    Growth { is_rate: bool, of: Selector },
    /// The value of each series.
    Now { of: Selector },
    /// `of / by`.
    Ratio { of: Box<Self>, by: Box<Self> },
}

/// `name{label="value"}` or `name{label=~"one|another"}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    name: String,
    matching: Vec<(String, Vec<String>)>,
}

impl Sample {
    /// Reads what is served to Prometheus.
    pub(crate) fn read(at: f64, served: &str) -> Self {
        let lines = served.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            Some(((name.to_owned(), labels_of(labels.trim_end_matches('}'))), value.parse().ok()?))
        });
        Self { at, values: values.collect() }
    }

    fn select(&self, selector: &Selector) -> impl Iterator<Item = (&Labels, f64)> {
        let series = self.values.iter().filter(|((name, labels), _)| selector.matches(name, labels));
        series.map(|((_, labels), value)| (labels, *value))
    }
}

fn labels_of(text: &str) -> Labels {
    let pairs = text.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

impl Selector {
    fn matches(&self, name: &str, labels: &Labels) -> bool {
        let has =
            |(label, values): &(String, Vec<String>)| labels.get(label).is_some_and(|value| values.contains(value));
        self.name == name && self.matching.iter().all(has)
    }
}

impl Query {
    /// Reads a query; `None` for what the dashboard has no use for.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text);
        let query = reader.ratio()?;
        reader.0.is_empty().then_some(query)
    }

    /// Evaluates it at the last of the samples; rates are over all of them.
    pub(crate) fn evaluate(&self, samples: &[Sample]) -> BTreeMap<Labels, f64> {
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return BTreeMap::new() };
        match self {
            Self::Now { of } => last.select(of).map(|(labels, value)| (labels.clone(), value)).collect(),
            Self::Growth { is_rate, of } => {
                let before: BTreeMap<_, _> = first.select(of).collect();
                let seconds = if *is_rate { (last.at - first.at).max(f64::MIN_POSITIVE) } else { 1.0 };
                let growth = |labels: &Labels, value: f64| (value - before.get(labels).unwrap_or(&0.0)) / seconds;
                last.select(of).map(|(labels, value)| (labels.clone(), growth(labels, value))).collect()
            }
            Self::Aggregate { is_sum, by, of } => aggregate(of.evaluate(samples), *is_sum, by),
            Self::Quantile { share, of } => quantile(&of.evaluate(samples), *share),
            Self::Ratio { of, by } => {
                let by = by.evaluate(samples);
                let ratio = |(labels, value): (Labels, f64)| {
                    let by = by.get(&labels).copied().filter(|by| *by > 0.0)?;
                    Some((labels, value / by))
                };
                of.evaluate(samples).into_iter().filter_map(ratio).collect()
            }
        }
    }
}

fn aggregate(values: BTreeMap<Labels, f64>, is_sum: bool, by: &[String]) -> BTreeMap<Labels, f64> {
    let mut groups: BTreeMap<Labels, f64> = BTreeMap::new();
    for (labels, value) in values {
        let group = labels.into_iter().filter(|(label, _)| by.contains(label)).collect();
        let entry = groups.entry(group);
        entry.and_modify(|old| *old = if is_sum { *old + value } else { old.min(value) }).or_insert(value);
    }
    groups
}

/// Returns the value below which a share of all are, as if they were spread evenly in each bucket.
fn quantile(buckets: &BTreeMap<Labels, f64>, share: f64) -> BTreeMap<Labels, f64> {
    let bound = |labels: &Labels| labels.get("le").and_then(|bound| bound.parse::<f64>().ok());
    let mut counts: Vec<_> = buckets.iter().filter_map(|(labels, count)| Some((bound(labels)?, *count))).collect();
    counts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let all = counts.last().map_or(0.0, |(_, count)| *count);
    if all <= 0.0 {
        return BTreeMap::new();
    }
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in counts {
        if count >= share * all {
            // Nobody knows how far the last bucket reaches.
            let value =
                if bound.is_finite() { low + (bound - low) * (share * all - below) / (count - below) } else { low };
            return BTreeMap::from([(Labels::new(), value)]);
        }
        (low, below) = (bound, count);
    }
    BTreeMap::new()
}

/// What is left of a query.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn ratio(&mut self) -> Option<Query> {
        let of = self.term()?;
        if !self.eat("/") {
            return Some(of);
        }
        Some(Query::Ratio { of: Box::new(of), by: Box::new(self.term()?) })
    }

    fn term(&mut self) -> Option<Query> {
        if self.eat("histogram_quantile(") {
            let share = self.until(',')?.parse().ok()?;
            let of = Box::new(self.term()?);
            return self.eat(")").then_some(Query::Quantile { share, of });
        }
        for (word, is_sum) in [("sum", true), ("min", false)] {
            if self.eat(word) {
                return self.aggregate(is_sum);
            }
        }
        for (word, is_rate) in [("rate(", true), ("increase(", false)] {
            if self.eat(word) {
                let of = self.selector()?;
                return self.eat("[$__rate_interval])").then_some(Query::Growth { is_rate, of });
            }
        }
        Some(Query::Now { of: self.selector()? })
    }

    fn aggregate(&mut self, is_sum: bool) -> Option<Query> {
        let by = if self.eat("by (") { self.until(')')?.split(", ").map(Into::into).collect() } else { Vec::new() };
        if !self.eat("(") {
            return None;
        }
        let of = Box::new(self.term()?);
        self.eat(")").then_some(Query::Aggregate { is_sum, by, of })
    }

    fn selector(&mut self) -> Option<Selector> {
        let end = self.0.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        if name.is_empty() {
            return None;
        }
        let mut selector = Selector { name: name.into(), matching: Vec::new() };
        if self.eat("{") {
            let (label, values) = self.until('}')?.split_once('=')?;
            let values = values.trim_start_matches('~').trim_matches('"').split('|').map(Into::into).collect();
            selector.matching.push((label.into(), values));
        }
        Some(selector)
    }

    /// Takes a text with the blanks around it, if it is the next.
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(text);
        self.0 = rest.map_or(self.0, str::trim_start);
        rest.is_some()
    }

    /// Takes what stands before a letter, and that.
    fn until(&mut self, end: char) -> Option<&'a str> {
        let (text, rest) = self.0.split_once(end)?;
        self.0 = rest;
        Some(text.trim())
    }
}
