//! Charts as SVG.

mod bars;
mod lines;

use std::fmt::{Display, Write as _};

pub(crate) use self::bars::bars;
pub(crate) use self::lines::{Line, Lines};
use crate::contestant::Name;

const GRID: &str = "#dddddd";
const INK: &str = "#222222";
const PALE_INK: &str = "#666666";

/// Floors are grey, this workspace's adapters blue, the peers orange.
const fn colour(contestant: Name) -> &'static str {
    match contestant {
        Name::FloorRaw => "#c4c4c4",
        Name::FloorRedis => "#9a9a9a",
        Name::FloorQueue | Name::FloorPublish => "#6e6e6e",
        Name::Tokio => "#1f77b4",
        Name::TokioFenced => "#2f83bd",
        Name::TokioTraced => "#2a7db9",
        Name::TokioRedis => "#3f8fc6",
        Name::TokioFred => "#5fa5d3",
        Name::AsyncStd => "#80bbe0",
        Name::Blocking => "#a2d0ec",
        Name::Rslock => "#ff7f0e",
        Name::Redlock => "#ffb26b",
    }
}

/// A picture that grows by what is drawn on it.
struct Canvas(String);

#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Self {
        let mut canvas = Self(String::new());
        canvas.push(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">"#
        ));
        canvas.push(format_args!(r#"<rect width="{width}" height="{height}" fill="white"/>"#));
        canvas
    }

    fn finish(mut self) -> String {
        self.push("</svg>");
        self.0
    }

    fn title(&mut self, x: f64, y: f64, text: &str) {
        self.push(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="14" font-weight="bold" fill="{INK}">{text}</text>"#
        ));
    }

    fn text(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{colour}">{text}</text>"#));
    }

    fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        self.push(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
        ));
    }

    fn line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), colour: &str, width: f64) {
        self.push(format_args!(
            r#"<line x1="{x:.1}" y1="{y:.1}" x2="{to_x:.1}" y2="{to_y:.1}" stroke="{colour}" stroke-width="{width}"/>"#
        ));
    }

    fn dot(&mut self, (x, y): (f64, f64), colour: &str) {
        self.push(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#));
    }

    fn push(&mut self, element: impl Display) {
        // Writing to memory does not fail.
        let _ = writeln!(self.0, "{element}");
    }
}

/// A number as people read it: three digits, and thousands set apart.
fn readable(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", short(value / 1e6)),
        value if value >= 1e4 => format!("{} k", short(value / 1e3)),
        value => short(value),
    }
}

fn short(value: f64) -> String {
    let digits = if value >= 100.0 || value.fract() == 0.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}
