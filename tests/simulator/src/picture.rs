use redlock_history::drawing::{Bar, Lane, Picture, Row, Style, colour};

use crate::clock::{MILLISECOND, Time};
use crate::history::{History, Span, SpanKind};

const PAUSED: Style = Style::solid("#bbbbbb").opacity(0.6);
const CRASH: Style = Style::solid("#e00000").opacity(0.9);
const HUNG: Style = Style::solid("#f2c14e").opacity(0.6);
const DOWN: Style = Style::solid("#333333").opacity(0.6);

/// Draws a history as SVG: for each client a lane with a row per job (pale while it tries, solid while it holds the
/// lock), for each node a lane with a row per resource, in which its keys have the colour of the job that they belong to.
#[must_use]
pub fn picture(history: &History) -> String {
    let (seed, mode) = (history.seed, history.mode);
    let title = format!("seed {seed} ({mode}): {} nodes, {} clients", history.nodes, history.clients);
    let (begins_at, ends_at) = period(history);
    let mut picture = Picture::new(title, begins_at, ends_at);
    picture.zero(0);
    explain(&mut picture);
    let clients = (0..history.clients).map(|client| (Owner::Client(client), jobs_of(history, client)));
    let nodes = (0..history.nodes).map(|node| (Owner::Node(node), (0..history.resources).collect()));
    for (owner, rows) in clients.chain(nodes).filter(|(_, rows): &(_, Vec<_>)| !rows.is_empty()) {
        picture.lane(lane(history, owner, &rows, ends_at));
    }
    picture.to_string()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Client(usize),
    Node(usize),
}

fn explain(picture: &mut Picture) {
    let colour = Style::solid(colour(0));
    picture
        .explain(colour.opacity(0.25), "wants the lock")
        .explain(colour, "holds it; its key on a node")
        .explain(PAUSED, "client stands still")
        .explain(CRASH, "client ends without a word")
        .explain(HUNG, "node stands still")
        .explain(DOWN, "node is down");
}

fn lane(history: &History, owner: Owner, rows: &[usize], ends_at: Time) -> Lane {
    let (name, row) = match owner {
        Owner::Client(client) => (format!("client {client}"), "job"),
        Owner::Node(node) => (format!("node {node}"), "resource"),
    };
    let spans = || history.spans.iter().filter(|span| owner_of(span.kind) == owner);
    let mut lane = Lane::new(name);
    for span in spans().filter(|span| row_of(span.kind).is_none()) {
        lane.cover(bar(span, ends_at));
    }
    for number in rows {
        let mut row = Row::new(format!("{row} {number}"));
        for span in spans().filter(|span| row_of(span.kind) == Some(*number)) {
            row.bar(bar(span, ends_at));
        }
        lane.row(row);
    }
    lane
}

fn bar(span: &Span, ends_at: Time) -> Bar {
    Bar::new(span.begins_at, span.ends_at.unwrap_or(ends_at), style_of(span.kind), label_of(span.kind))
}

/// From the first wish to the last hold, and a little more on both sides.
fn period(history: &History) -> (Time, Time) {
    let uses = || history.spans.iter().filter(|span| matches!(owner_of(span.kind), Owner::Client(_)));
    let begins_at = uses().map(|span| span.begins_at).min().unwrap_or_default();
    let ends_at = uses().filter_map(|span| span.ends_at).max().unwrap_or_default().max(begins_at + MILLISECOND);
    let margin = (ends_at - begins_at) / 50;
    (begins_at.saturating_sub(margin), ends_at + margin)
}

fn jobs_of(history: &History, client: usize) -> Vec<usize> {
    let mut jobs: Vec<_> = history.spans.iter().filter_map(|span| job_of(span.kind, client)).collect();
    jobs.sort_unstable();
    jobs.dedup();
    jobs
}

fn job_of(kind: SpanKind, of: usize) -> Option<usize> {
    match kind {
        SpanKind::Acquiring { client, job, .. } | SpanKind::Held { client, job, .. } if client == of => Some(job),
        _ => None,
    }
}

const fn owner_of(kind: SpanKind) -> Owner {
    match kind {
        SpanKind::Acquiring { client, .. }
        | SpanKind::Held { client, .. }
        | SpanKind::Paused { client }
        | SpanKind::Crash { client } => Owner::Client(client),
        SpanKind::Down { node } | SpanKind::Hung { node } | SpanKind::Key { node, .. } => Owner::Node(node),
    }
}

/// The row in the lane; `None` for what covers all of it.
const fn row_of(kind: SpanKind) -> Option<usize> {
    match kind {
        SpanKind::Acquiring { job, .. } | SpanKind::Held { job, .. } => Some(job),
        SpanKind::Key { resource, .. } => Some(resource),
        SpanKind::Paused { .. } | SpanKind::Crash { .. } | SpanKind::Down { .. } | SpanKind::Hung { .. } => None,
    }
}

fn style_of(kind: SpanKind) -> Style {
    match kind {
        SpanKind::Acquiring { job, .. } => Style::solid(colour(job)).opacity(0.25),
        SpanKind::Held { job, .. } | SpanKind::Key { job, .. } => Style::solid(colour(job)),
        SpanKind::Paused { .. } => PAUSED,
        SpanKind::Crash { .. } => CRASH,
        SpanKind::Hung { .. } => HUNG,
        SpanKind::Down { .. } => DOWN,
    }
}

fn label_of(kind: SpanKind) -> String {
    match kind {
        SpanKind::Acquiring { names, job, .. } => format!("job {job} wants {names}"),
        SpanKind::Held { names, job, .. } => format!("job {job} holds {names}"),
        SpanKind::Key { job, .. } => format!("job {job}"),
        SpanKind::Paused { .. } => "paused".into(),
        SpanKind::Crash { .. } => "crash".into(),
        SpanKind::Down { .. } => "down".into(),
        SpanKind::Hung { .. } => "hung".into(),
    }
}
