//! The panels of the dashboard as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::query::{Labels, Query, Sample};

const WIDTH: f64 = 1_400.0;
const HEAD: f64 = 44.0;
/// Of a unit of the grid, which has 24 columns.
const COLUMN: f64 = WIDTH / 24.0;
const ROW: f64 = 24.0;
/// Rates are over the last two seconds.
const WINDOW: usize = 8;
const COLOURS: [&str; 8] = ["#56a64b", "#e0b400", "#3274d9", "#e02f44", "#8f3bb8", "#ff780a", "#37872d", "#1f60c4"];

/// What was measured, and what was done meanwhile.
pub(crate) struct Run {
    pub(crate) samples: Vec<Sample>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) seconds: f64,
}

/// Something that was done.
pub(crate) struct Mark {
    pub(crate) at: f64,
    pub(crate) text: &'static str,
}

/// The points of each line of a panel, by its name.
type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// Where a panel is drawn.
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    seconds: f64,
    most: f64,
}

pub(crate) fn draw(dashboard: &Value, run: &Run) -> String {
    let panels: Vec<&Value> = dashboard["panels"].as_array().into_iter().flatten().collect();
    let grid = |panel: &Value, name: &str| panel["gridPos"][name].as_f64().unwrap_or_default();
    let rows = panels.iter().map(|panel| grid(panel, "y") + grid(panel, "h")).fold(0.0, f64::max);
    let height = HEAD + rows * ROW;
    let mut svg = String::new();
    let view = format!("0 0 {WIDTH} {height}");
    push(
        &mut svg,
        &format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" font-family="sans-serif" font-size="11">"#
        ),
    );
    push(&mut svg, &format!(r##"<rect width="{WIDTH}" height="{height}" fill="#f4f5f5"/>"##));
    draw_head(run, &mut svg);
    for panel in panels {
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|name| grid(panel, name));
        let frame = [x * COLUMN + 3.0, HEAD + y * ROW + 3.0, width * COLUMN - 6.0, height * ROW - 6.0];
        draw_panel(panel, run, frame, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Says what was done when.
fn draw_head(run: &Run, svg: &mut String) {
    let title = "Redlock: ten clients, five locks, and one that is kept alive, on three servers";
    push(svg, &format!(r#"<text x="10" y="18" font-size="14" font-weight="bold">{title}</text>"#));
    let marks = run.marks.iter().zip(['A', 'B', 'C', 'D']);
    let marks: Vec<_> = marks.map(|(mark, letter)| format!("{letter}  {:.0} s: {}", mark.at, mark.text)).collect();
    push(svg, &format!(r##"<text x="10" y="35" fill="#e02f44" xml:space="preserve">{}</text>"##, marks.join("      ")));
}

fn draw_panel(panel: &Value, run: &Run, [x, y, width, height]: [f64; 4], svg: &mut String) {
    push(
        svg,
        &format!(
            r##"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="white" stroke="#dddddd"/>"##
        ),
    );
    let title = panel["title"].as_str().unwrap_or_default();
    push(svg, &format!(r#"<text x="{:.1}" y="{:.1}" font-weight="bold">{title}</text>"#, x + 8.0, y + 16.0));
    let lines = evaluate(panel, run);
    let most = lines.values().flatten().map(|(_, value)| *value).fold(0.0, f64::max);
    let defaults = &panel["fieldConfig"]["defaults"];
    let margin = match panel["type"].as_str() {
        Some("state-timeline") => lines.keys().map(|name| width_of(name)).fold(0.0, f64::max) + 13.0,
        _ => 52.0,
    };
    let area = Area {
        left: x + margin,
        top: y + 26.0,
        width: width - margin - 12.0,
        height: height - 76.0,
        seconds: run.seconds,
        most: if most > 0.0 { most } else { 1.0 },
    };
    match panel["type"].as_str() {
        Some("stat") => {
            let place = format!(r#"x="{:.1}" y="{:.1}""#, x + width / 2.0, y + height / 2.0 + 20.0);
            push(svg, &format!(r##"<text {place} font-size="48" text-anchor="middle" fill="#56a64b">{most}</text>"##));
            return;
        }
        Some("state-timeline") => area.draw_states(&lines, svg),
        _ => {
            area.draw_scale(defaults["unit"].as_str().unwrap_or_default(), svg);
            area.draw_lines(&lines, defaults["custom"]["drawStyle"] == "bars", svg);
            area.draw_legend(&lines, x + 8.0, svg);
        }
    }
    area.draw_time(run, svg);
}

/// Returns the lines of all queries of a panel.
fn evaluate(panel: &Value, run: &Run) -> Lines {
    let mut lines = Lines::new();
    for target in panel["targets"].as_array().into_iter().flatten() {
        let Some(query) = target["expr"].as_str().and_then(Query::parse) else { continue };
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        for window in run.samples.windows(WINDOW) {
            let at = window.last().map_or(0.0, |sample| sample.at);
            for (labels, value) in query.evaluate(window) {
                lines.entry(name_of(legend, &labels)).or_default().push((at, value));
            }
        }
    }
    lines
}

/// Puts the values of labels into `{{label}}`.
fn name_of(legend: &str, labels: &Labels) -> String {
    labels.iter().fold(legend.to_owned(), |text, (label, value)| text.replace(&format!("{{{{{label}}}}}"), value))
}

impl Area {
    fn x(&self, at: f64) -> f64 {
        self.left + at / self.seconds * self.width
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height - value.max(0.0) / self.most * self.height
    }

    fn draw_time(&self, run: &Run, svg: &mut String) {
        let (top, bottom) = (self.top, self.top + self.height);
        for at in (0..=6).map(|number| f64::from(number) * 5.0).filter(|at| *at <= self.seconds) {
            let (x, y) = (self.x(at), bottom + 13.0);
            push(svg, &format!(r##"<text x="{x:.1}" y="{y:.1}" text-anchor="middle" fill="#777777">{at} s</text>"##));
        }
        for (mark, letter) in run.marks.iter().zip(['A', 'B', 'C', 'D']) {
            let x = self.x(mark.at);
            push(
                svg,
                &format!(r##"<path d="M{x:.1} {top:.1}V{bottom:.1}" stroke="#e02f44" stroke-dasharray="3 3"/>"##),
            );
            push(svg, &format!(r##"<text x="{:.1}" y="{:.1}" fill="#e02f44">{letter}</text>"##, x + 2.0, top + 8.0));
        }
    }

    fn draw_scale(&self, unit: &str, svg: &mut String) {
        for part in 0..=3 {
            let value = self.most * f64::from(part) / 3.0;
            let (y, left, right) = (self.y(value), self.left, self.left + self.width);
            push(svg, &format!(r##"<path d="M{left:.1} {y:.1}H{right:.1}" stroke="#eeeeee"/>"##));
            let text = readable(value, unit);
            let place = format!(r#"x="{:.1}" y="{:.1}""#, left - 5.0, y + 4.0);
            push(svg, &format!(r##"<text {place} text-anchor="end" fill="#777777">{text}</text>"##));
        }
    }

    fn draw_lines(&self, lines: &Lines, are_bars: bool, svg: &mut String) {
        for (points, colour) in lines.values().zip(COLOURS.iter().cycle()) {
            let mut path = String::new();
            for (number, (at, value)) in points.iter().enumerate() {
                let command = if number == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{command}{:.1} {:.1}", self.x(*at), self.y(*value));
            }
            let fill = if are_bars { colour } else { "none" };
            if let (true, Some(first), Some(last)) = (are_bars, points.first(), points.last()) {
                let _ = write!(
                    path,
                    "L{:.1} {:.1}L{:.1} {:.1}Z",
                    self.x(last.0),
                    self.y(0.0),
                    self.x(first.0),
                    self.y(0.0)
                );
            }
            push(
                svg,
                &format!(r#"<path d="{path}" fill="{fill}" fill-opacity="0.6" stroke="{colour}" stroke-width="1.5"/>"#),
            );
        }
    }

    /// Draws for each line when it was up and when it was down.
    fn draw_states(&self, lines: &Lines, svg: &mut String) {
        let height = self.height / (lines.len().max(1) as f64);
        for (number, (name, points)) in lines.iter().enumerate() {
            let y = self.top + number as f64 * height + 4.0;
            let mut states = points.chunk_by(|(_, one), (_, other)| (*one > 0.0) == (*other > 0.0)).peekable();
            while let Some([(from, value), rest @ ..]) = states.next() {
                // Until the next one begins; the last one has only the points of its own.
                let to = states.peek().and_then(|next| next.first()).or(rest.last()).map_or(*from, |(at, _)| *at);
                let (from, to) = (self.x(*from), self.x(to));
                let colour = if *value > 0.0 { "#73bf69" } else { "#e02f44" };
                let place =
                    format!(r#"x="{from:.1}" y="{y:.1}" width="{:.1}" height="{:.1}""#, to - from, height - 8.0);
                push(svg, &format!(r#"<rect {place} fill="{colour}"/>"#));
            }
            let place = format!(r#"x="{:.1}" y="{:.1}""#, self.left - 5.0, y + height / 2.0);
            push(svg, &format!(r#"<text {place} text-anchor="end">{name}</text>"#));
        }
    }

    fn draw_legend(&self, lines: &Lines, left: f64, svg: &mut String) {
        let (mut x, mut y) = (left, self.top + self.height + 28.0);
        for (name, colour) in lines.keys().zip(COLOURS.iter().cycle()) {
            let width = width_of(name) + 22.0;
            if x > left && x + width > self.left + self.width + 8.0 {
                (x, y) = (left, y + 12.0);
            }
            push(svg, &format!(r#"<rect x="{x:.1}" y="{:.1}" width="10" height="3" fill="{colour}"/>"#, y - 5.0));
            push(svg, &format!(r#"<text x="{:.1}" y="{y:.1}" font-size="10">{name}</text>"#, x + 14.0));
            x += width;
        }
    }
}

/// About how wide a name is.
fn width_of(name: &str) -> f64 {
    name.chars().count() as f64 * 6.0
}

fn readable(value: f64, unit: &str) -> String {
    match unit {
        "s" if value > 0.01 && value < 1.0 => format!("{:.0} ms", value * 1e3),
        "s" if value < 1.0 => format!("{:.1} ms", value * 1e3),
        "s" => format!("{value:.2} s"),
        "percentunit" => format!("{:.0} %", value * 100.0),
        "ops" => format!("{value:.0}/s"),
        _ => format!("{value:.1}"),
    }
}

fn push(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}
