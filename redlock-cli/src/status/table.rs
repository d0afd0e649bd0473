use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use redlock_tokio::{HumanDuration, KeyStatus, LockState, LockStatus};

const HEADINGS: [&str; 6] = ["NAME", "STATE", "NODES", "LEFT", "WAITING", "OWNER"];

/// Returns a table with one line for each lock, and below it the servers that did not answer.
pub(super) fn render<'a>(statuses: impl Iterator<Item = (&'a str, &'a LockStatus)> + Clone) -> String {
    let rows: Vec<_> = statuses.clone().map(|(name, status)| (row(name, status), style(status.state()))).collect();
    let headings = HEADINGS.map(String::from);
    let all = || std::iter::once(&headings).chain(rows.iter().map(|(row, _)| row));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = line(&headings, &widths, Style::new().bold());
    text.extend(rows.iter().map(|(row, style)| line(row, &widths, *style)));
    if let Some((_, status)) = statuses.into_iter().next() {
        text.push_str(&silent_nodes(status));
    }
    text
}

/// Returns a sentence for each lock and a line for each server.
pub(super) fn by_node<'a>(statuses: impl Iterator<Item = (&'a str, &'a LockStatus)>) -> String {
    let mut text = String::new();
    for (name, status) in statuses {
        let style = style(status.state());
        let _ = writeln!(text, "{style}{}: {status}{style:#}", shown(name));
        let _ = status.by_node().to_string().lines().try_for_each(|line| writeln!(text, "  {line}"));
    }
    text
}

/// Returns the word for a state, in tables and in JSON.
pub(super) const fn word(state: LockState) -> &'static str {
    match state {
        LockState::Free => "free",
        LockState::Held { .. } => "held",
        LockState::Split => "split",
        LockState::OtherType => "other type",
        _ => "unknown",
    }
}

fn row(name: &str, status: &LockStatus) -> [String; 6] {
    let total = status.nodes().count();
    let (nodes, left) = match status.state() {
        LockState::Held { nodes, remaining, .. } => {
            (nodes, remaining.map_or("no end".into(), |left| format!("{:.1}", HumanDuration(left))))
        }
        LockState::Free => (count(status, |key| matches!(key, KeyStatus::Free)), String::new()),
        _ => (count(status, |key| !matches!(key, KeyStatus::Free | KeyStatus::Unavailable(_))), String::new()),
    };
    let waiting = status.waiting().map_or_else(String::new, |waiting| waiting.to_string());
    let owner = status.owner().map_or_else(String::new, ToString::to_string);
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    let nodes = format!("{nodes} of {total}");
    [shown(name), word(status.state()).into(), nodes, or_dash(left), or_dash(waiting), or_dash(owner)]
}

/// Returns a name as it is, or with quotes and escapes where it has letters that a terminal would not print.
fn shown(name: &str) -> String {
    let escaped = format!("{name:?}");
    if escaped.len() == name.len().saturating_add(2) { name.into() } else { escaped }
}

fn count(status: &LockStatus, matches: impl Fn(&KeyStatus) -> bool) -> usize {
    status.nodes().filter(|(_, _, node)| matches(&node.key)).count()
}

const fn style(state: LockState) -> Style {
    let color = match state {
        LockState::Free => AnsiColor::Green,
        LockState::Held { .. } => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    color.on_default()
}

fn line(row: &[String; 6], widths: &[usize], style: Style) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{style}{}{style:#}\n", cells.join("  ").trim_end())
}

fn silent_nodes(status: &LockStatus) -> String {
    let mut text = String::new();
    for (_, name, node) in status.nodes().filter(|(_, _, node)| matches!(node.key, KeyStatus::Unavailable(_))) {
        let _ = writeln!(text, "{name}: {node}");
    }
    text
}
