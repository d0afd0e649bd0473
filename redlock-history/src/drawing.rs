//! A picture of who did what when: lanes with rows of bars and marks over one axis of time, drawn as SVG.
//!
//! It knows nothing of locks, so that whoever has a history of another kind, a simulator for instance, can draw it alike.
//!
//! ```
//! use redlock_history::drawing::{Bar, Lane, Picture, Row, Style};
//!
//! let mut job = Row::new("job 1");
//! job.bar(Bar::new(1_000_000, 3_000_000, Style::solid("#1f77b4"), "job 1 holds the lock"));
//! let mut client = Lane::new("client 0");
//! client.row(job);
//! let mut picture = Picture::new("a lock", 0, 4_000_000);
//! picture.lane(client);
//! let svg = picture.to_string();
//! assert!(svg.starts_with("<svg") && svg.contains("<title>job 1 holds the lock</title>"));
//! ```

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a picture is no more exact than a screen"
)]
mod canvas;
mod time_axis;

use std::fmt;

/// A time in nanoseconds, since whatever the history counts from.
pub type Time = u64;

/// Colours that are told apart well.
const COLOURS: [&str; 12] = [
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#e377c2", "#8c564b", "#bcbd22", "#003f5c",
    "#a05195", "#665191",
];

/// Returns the colour of the bars of one job: twelve jobs one after the other have different ones.
#[must_use]
pub fn colour(number: usize) -> &'static str {
    number.checked_rem(COLOURS.len()).and_then(|place| COLOURS.get(place)).copied().unwrap_or("black")
}

/// A picture; its [`Display`](fmt::Display) is the SVG.
#[derive(Clone, Debug)]
pub struct Picture {
    title: String,
    legend: Vec<(Key, String)>,
    lanes: Vec<Lane>,
    begins_at: Time,
    ends_at: Time,
    zero: Time,
}

/// What an entry of the legend shows.
#[derive(Clone, Copy, Debug)]
enum Key {
    Bar(Style),
    Mark(Shape),
}

/// All that concerns one client or node.
#[derive(Clone, Debug)]
pub struct Lane {
    name: String,
    covers: Vec<Bar>,
    rows: Vec<Row>,
}

/// A line of bars in a lane.
#[derive(Clone, Debug)]
pub struct Row {
    name: String,
    bars: Vec<Bar>,
    marks: Vec<Mark>,
}

/// Something that lasts.
#[derive(Clone, Debug)]
pub struct Bar {
    begins_at: Time,
    ends_at: Time,
    style: Style,
    label: String,
}

/// Something that happens at one moment.
#[derive(Clone, Debug)]
pub struct Mark {
    at: Time,
    shape: Shape,
    label: String,
}

/// The look of a bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    colour: &'static str,
    opacity: f64,
    is_hatched: bool,
}

/// The look of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// A thin white line across a bar.
    Tick,
    /// A red line with a flag, which is seen from afar.
    Flag,
    /// A small grey ring.
    Ring,
    /// A small red cross.
    Cross,
    /// A small black triangle that points down.
    Pointer,
}

impl Picture {
    /// Creates one of the time between two moments; zero on its axis is the first of them.
    #[must_use]
    pub fn new(title: impl Into<String>, begins_at: Time, ends_at: Time) -> Self {
        let ends_at = ends_at.max(begins_at.saturating_add(1));
        Self { title: title.into(), legend: Vec::new(), lanes: Vec::new(), begins_at, ends_at, zero: begins_at }
    }

    /// Sets the moment that is zero on the axis.
    pub const fn zero(&mut self, zero: Time) -> &mut Self {
        self.zero = zero;
        self
    }

    /// Says in the legend what bars of a style are.
    pub fn explain(&mut self, style: Style, text: impl Into<String>) -> &mut Self {
        self.legend.push((Key::Bar(style), text.into()));
        self
    }

    /// Says in the legend what marks of a shape are.
    pub fn explain_mark(&mut self, shape: Shape, text: impl Into<String>) -> &mut Self {
        self.legend.push((Key::Mark(shape), text.into()));
        self
    }

    /// Adds a lane below the others.
    pub fn lane(&mut self, lane: Lane) -> &mut Self {
        self.lanes.push(lane);
        self
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        canvas::Canvas::new(self).draw(f)
    }
}

impl Lane {
    /// Creates one without a row.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), covers: Vec::new(), rows: Vec::new() }
    }

    /// Adds something that concerns all of the lane; it lies under what is in the rows.
    pub fn cover(&mut self, bar: Bar) -> &mut Self {
        self.covers.push(bar);
        self
    }

    /// Adds a row below the others.
    pub fn row(&mut self, row: Row) -> &mut Self {
        self.rows.push(row);
        self
    }
}

impl Row {
    /// Creates one without anything in it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), bars: Vec::new(), marks: Vec::new() }
    }

    /// Adds something that lasts, over what was added before.
    pub fn bar(&mut self, bar: Bar) -> &mut Self {
        self.bars.push(bar);
        self
    }

    /// Adds something that happens at one moment, over all bars.
    pub fn mark(&mut self, mark: Mark) -> &mut Self {
        self.marks.push(mark);
        self
    }
}

impl Bar {
    /// Creates one with the text that is shown to who points at it.
    #[must_use]
    pub fn new(begins_at: Time, ends_at: Time, style: Style, label: impl Into<String>) -> Self {
        Self { begins_at, ends_at, style, label: label.into() }
    }
}

impl Mark {
    /// Creates one with the text that is shown to who points at it.
    #[must_use]
    pub fn new(at: Time, shape: Shape, label: impl Into<String>) -> Self {
        Self { at, shape, label: label.into() }
    }
}

impl Style {
    /// Returns the style of a bar of one colour.
    #[must_use]
    pub const fn solid(colour: &'static str) -> Self {
        Self { colour, opacity: 1.0, is_hatched: false }
    }

    /// Returns the same with this opacity, from 0 to 1.
    #[must_use]
    pub const fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// Returns the same with white lines across it.
    #[must_use]
    pub const fn hatched(self) -> Self {
        Self { is_hatched: true, ..self }
    }
}
