use core::fmt::{self, Write as _};

use crate::clock::{MILLISECOND, Time};
use crate::history::{History, Span, SpanKind};

const WIDTH: f64 = 1_400.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const ROW: f64 = 18.0;
const GAP: f64 = 10.0;
/// About so many marks has the axis of time.
const MARKS: u64 = 12;

/// One colour a job; so many that the jobs of a world differ.
const COLOURS: [&str; 12] = [
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#e377c2", "#8c564b", "#bcbd22", "#003f5c",
    "#a05195", "#665191",
];

/// Draws a history as SVG: for each client a lane with a row per job (pale while it tries, solid while it holds the
/// lock), for each node a lane with a row per resource, in which its keys have the colour of the job that they belong to.
#[must_use]
pub fn picture(history: &History) -> String {
    let canvas = Canvas::new(history);
    let mut svg = String::new();
    // Writing to memory does not fail.
    let _ = canvas.draw(history, &mut svg);
    svg
}

/// Where everything is.
struct Canvas {
    lanes: Vec<Lane>,
    begins_at: Time,
    ends_at: Time,
    height: f64,
}

struct Lane {
    owner: Owner,
    /// The jobs of a client, or the resources of a node.
    rows: Vec<usize>,
    top: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Client(usize),
    Node(usize),
}

impl Canvas {
    fn new(history: &History) -> Self {
        let clients = (0..history.clients).map(|client| (Owner::Client(client), jobs_of(history, client)));
        let nodes = (0..history.nodes).map(|node| (Owner::Node(node), (0..history.resources).collect()));
        let mut top = TOP;
        let mut lanes = Vec::new();
        for (owner, rows) in clients.chain(nodes).filter(|(_, rows): &(_, Vec<_>)| !rows.is_empty()) {
            let height = rows.len() as f64 * ROW;
            lanes.push(Lane { owner, rows, top });
            top += height + GAP;
        }
        let (begins_at, ends_at) = period(history);
        Self { lanes, begins_at, ends_at, height: top + 30.0 }
    }

    fn draw(&self, history: &History, svg: &mut String) -> fmt::Result {
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">"#,
            height = self.height
        )?;
        writeln!(svg, r#"<rect width="{WIDTH}" height="{}" fill="white"/>"#, self.height)?;
        draw_head(history, svg)?;
        self.draw_axis(svg)?;
        self.lanes.iter().try_for_each(|lane| draw_lane(lane, svg))?;
        // What covers a whole lane lies under what is in its rows.
        let (covers, bars): (Vec<_>, Vec<_>) = history.spans.iter().partition(|span| row_of(span.kind).is_none());
        covers.into_iter().chain(bars).try_for_each(|span| self.draw_span(span, svg))?;
        writeln!(svg, "</svg>")
    }

    fn draw_axis(&self, svg: &mut String) -> fmt::Result {
        let step = round_step((self.ends_at - self.begins_at) / MARKS);
        let first = self.begins_at.div_ceil(step);
        for mark in (first..).map(|mark| mark * step).take_while(|mark| *mark <= self.ends_at) {
            let (x, bottom) = (self.x(mark), self.height - 24.0);
            writeln!(svg, r##"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}" stroke="#dddddd"/>"##)?;
            let millis = mark as f64 / MILLISECOND as f64;
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{millis} ms</text>"#, bottom + 14.0)?;
        }
        Ok(())
    }

    fn draw_span(&self, span: &Span, svg: &mut String) -> fmt::Result {
        let Some(lane) = self.lanes.iter().find(|lane| lane.owner == owner_of(span.kind)) else { return Ok(()) };
        let (x, end) = (self.x(span.begins_at), self.x(span.ends_at.unwrap_or(self.ends_at)));
        let width = (end - x).max(1.5);
        if end < LEFT || x > WIDTH - RIGHT {
            return Ok(());
        }
        let (y, height) = match row_of(span.kind) {
            None => (lane.top, lane.rows.len() as f64 * ROW),
            Some(row) => {
                let position = lane.rows.iter().position(|number| *number == row).unwrap_or_default();
                (lane.top + position as f64 * ROW + 2.0, ROW - 4.0)
            }
        };
        let (colour, opacity) = look_of(span.kind);
        let place = format!(r#"x="{x:.1}" y="{y}" width="{width:.1}" height="{height}""#);
        let label = label_of(span.kind);
        writeln!(svg, r#"<rect {place} fill="{colour}" opacity="{opacity}"><title>{label}</title></rect>"#)?;
        if matches!(span.kind, SpanKind::Held { .. } | SpanKind::Key { .. }) && width > 30.0 {
            let baseline = y + 10.5;
            writeln!(svg, r#"<text x="{:.1}" y="{baseline}" fill="white" font-size="10">{label}</text>"#, x + 3.0)?;
        }
        Ok(())
    }

    fn x(&self, time: Time) -> f64 {
        let share =
            (time.clamp(self.begins_at, self.ends_at) - self.begins_at) as f64 / (self.ends_at - self.begins_at) as f64;
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }
}

fn draw_head(history: &History, svg: &mut String) -> fmt::Result {
    let (seed, mode) = (history.seed, history.mode);
    let title = format!("seed {seed} ({mode}): {} nodes, {} clients", history.nodes, history.clients);
    writeln!(svg, r#"<text x="10" y="20" font-size="15" font-weight="bold">{title}</text>"#)?;
    let legend = [
        ("#1f77b4", 0.25, "wants the lock"),
        ("#1f77b4", 1.0, "holds it; its key on a node"),
        ("#bbbbbb", 0.6, "client stands still"),
        ("#e00000", 0.9, "client ends without a word"),
        ("#f2c14e", 0.6, "node stands still"),
        ("#333333", 0.6, "node is down"),
    ];
    for (position, (colour, opacity, text)) in legend.into_iter().enumerate() {
        let x = 10.0 + position as f64 * 228.0;
        writeln!(svg, r#"<rect x="{x}" y="30" width="22" height="11" fill="{colour}" opacity="{opacity}"/>"#)?;
        writeln!(svg, r#"<text x="{}" y="40">{text}</text>"#, x + 28.0)?;
    }
    Ok(())
}

fn draw_lane(lane: &Lane, svg: &mut String) -> fmt::Result {
    let (name, row) = match lane.owner {
        Owner::Client(client) => (format!("client {client}"), "job"),
        Owner::Node(node) => (format!("node {node}"), "resource"),
    };
    let (top, bottom) = (lane.top, lane.top + lane.rows.len() as f64 * ROW);
    writeln!(svg, r#"<text x="6" y="{}" font-weight="bold">{name}</text>"#, top + 13.0)?;
    for (position, number) in lane.rows.iter().enumerate() {
        let y = top + position as f64 * ROW + 13.0;
        writeln!(svg, r##"<text x="{}" y="{y}" text-anchor="end" fill="#666666">{row} {number}</text>"##, LEFT - 6.0)?;
    }
    let right = WIDTH - RIGHT;
    writeln!(svg, r##"<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="#999999"/>"##)
}

/// From the first wish to the last hold, and a little more on both sides.
fn period(history: &History) -> (Time, Time) {
    let uses = || history.spans.iter().filter(|span| matches!(owner_of(span.kind), Owner::Client(_)));
    let begins_at = uses().map(|span| span.begins_at).min().unwrap_or_default();
    let ends_at = uses().filter_map(|span| span.ends_at).max().unwrap_or_default().max(begins_at + MILLISECOND);
    let margin = (ends_at - begins_at) / 50;
    (begins_at.saturating_sub(margin), ends_at + margin)
}

/// A round number that is not below the step.
fn round_step(step: Time) -> Time {
    let mut round = MILLISECOND / 10;
    loop {
        for factor in [1, 2, 5] {
            if round * factor >= step {
                return round * factor;
            }
        }
        round *= 10;
    }
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

fn look_of(kind: SpanKind) -> (&'static str, f64) {
    match kind {
        SpanKind::Acquiring { job, .. } => (COLOURS[job % COLOURS.len()], 0.25),
        SpanKind::Held { job, .. } | SpanKind::Key { job, .. } => (COLOURS[job % COLOURS.len()], 1.0),
        SpanKind::Paused { .. } => ("#bbbbbb", 0.6),
        SpanKind::Crash { .. } => ("#e00000", 0.9),
        SpanKind::Hung { .. } => ("#f2c14e", 0.6),
        SpanKind::Down { .. } => ("#333333", 0.6),
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
