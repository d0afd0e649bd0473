use std::fmt;

use super::time_axis::TimeAxis;
use super::{Bar, Key, Lane, Mark, Picture, Row, Shape, Style, Time};

const WIDTH: f64 = 1_400.0;
const RIGHT: f64 = 20.0;
const ROW: f64 = 18.0;
const GAP: f64 = 10.0;
const LEGEND_ROW: f64 = 18.0;
const LEGEND_COLUMN: f64 = 228.0;
const LEGEND_COLUMNS: usize = 6;
/// The usual width of a letter.
const LETTER: f64 = 6.0;
/// The room for the names of lanes and rows.
const LEAST_LEFT: f64 = 130.0;
const MOST_LEFT: f64 = 330.0;

const RED: &str = "#e00000";

/// Where everything is.
pub(super) struct Canvas<'a> {
    picture: &'a Picture,
    left: f64,
    top: f64,
    height: f64,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(picture: &'a Picture) -> Self {
        let widest = picture.lanes.iter().map(width_of_names).fold(LEAST_LEFT, f64::max);
        let legend_rows = picture.legend.len().div_ceil(LEGEND_COLUMNS);
        let top = 28.0 + legend_rows as f64 * LEGEND_ROW + 18.0;
        let lanes: f64 = picture.lanes.iter().map(|lane| height_of(lane) + GAP).sum();
        Self { picture, left: widest.min(MOST_LEFT), top, height: top + lanes + 30.0 }
    }

    pub(super) fn draw(&self, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = self.height;
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">"#
        )?;
        writeln!(
            svg,
            r#"<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" fill="white"/></pattern></defs>"#
        )?;
        writeln!(svg, r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#)?;
        self.draw_head(svg)?;
        self.draw_axis(svg)?;
        let mut top = self.top;
        for lane in &self.picture.lanes {
            self.draw_lane(lane, top, svg)?;
            top += height_of(lane) + GAP;
        }
        writeln!(svg, "</svg>")
    }

    fn draw_head(&self, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = escape(&self.picture.title);
        writeln!(svg, r#"<text x="10" y="20" font-size="15" font-weight="bold">{title}</text>"#)?;
        for (position, (key, text)) in self.picture.legend.iter().enumerate() {
            let x = 10.0 + (position % LEGEND_COLUMNS) as f64 * LEGEND_COLUMN;
            let y = 30.0 + (position / LEGEND_COLUMNS) as f64 * LEGEND_ROW;
            match key {
                Key::Bar(style) => draw_rectangle([x, y, 22.0, 11.0], *style, "", svg)?,
                Key::Mark(shape) => draw_shape(*shape, x + 11.0, y, 11.0, svg)?,
            }
            writeln!(svg, r#"<text x="{}" y="{}">{}</text>"#, x + 28.0, y + 10.0, escape(text))?;
        }
        Ok(())
    }

    fn draw_axis(&self, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Picture { begins_at, ends_at, zero, .. } = *self.picture;
        let (top, bottom) = (self.top, self.height - 24.0);
        for (moment, text) in TimeAxis::new(begins_at, ends_at, zero).marks() {
            let x = self.x(moment);
            writeln!(svg, r##"<line x1="{x:.1}" y1="{top}" x2="{x:.1}" y2="{bottom}" stroke="#dddddd"/>"##)?;
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{text}</text>"#, bottom + 14.0)?;
        }
        Ok(())
    }

    fn draw_lane(&self, lane: &Lane, top: f64, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bottom, right) = (top + height_of(lane), WIDTH - RIGHT);
        for bar in &lane.covers {
            self.draw_bar(bar, top, height_of(lane), svg)?;
        }
        writeln!(
            svg,
            r#"<text x="6" y="{}" font-weight="bold">{}</text>"#,
            top + 13.0,
            escape(&shortened(&lane.name, self.left))
        )?;
        for (position, row) in lane.rows.iter().enumerate() {
            self.draw_row(row, top + position as f64 * ROW, svg)?;
        }
        let left = self.left;
        writeln!(svg, r##"<line x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="#999999"/>"##)
    }

    fn draw_row(&self, row: &Row, top: f64, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = (self.left - 6.0, top + 13.0);
        let name = escape(&shortened(&row.name, self.left)).into_owned();
        writeln!(svg, r##"<text x="{x}" y="{y}" text-anchor="end" fill="#666666">{name}</text>"##)?;
        row.bars.iter().try_for_each(|bar| self.draw_bar(bar, top + 2.0, ROW - 4.0, svg))?;
        row.marks.iter().try_for_each(|mark| self.draw_mark(mark, top + 2.0, svg))
    }

    fn draw_bar(&self, bar: &Bar, y: f64, height: f64, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Picture { begins_at, ends_at, .. } = *self.picture;
        if bar.ends_at < begins_at || bar.begins_at > ends_at {
            return Ok(());
        }
        let x = self.x(bar.begins_at);
        let width = (self.x(bar.ends_at) - x).max(1.5);
        draw_rectangle([x, y, width, height], bar.style, &bar.label, svg)
    }

    fn draw_mark(&self, mark: &Mark, y: f64, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Picture { begins_at, ends_at, .. } = *self.picture;
        if mark.at < begins_at || mark.at > ends_at {
            return Ok(());
        }
        write!(svg, "<g><title>{}</title>", escape(&mark.label))?;
        draw_shape(mark.shape, self.x(mark.at), y, ROW - 4.0, svg)?;
        writeln!(svg, "</g>")
    }

    fn x(&self, time: Time) -> f64 {
        let Picture { begins_at, ends_at, .. } = *self.picture;
        let passed = time.clamp(begins_at, ends_at).saturating_sub(begins_at);
        let share = passed as f64 / ends_at.saturating_sub(begins_at) as f64;
        self.left + share * (WIDTH - self.left - RIGHT)
    }
}

fn draw_rectangle(
    [x, y, width, height]: [f64; 4],
    Style { colour, opacity, is_hatched }: Style,
    label: &str,
    svg: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let place = format!(r#"x="{x:.1}" y="{y}" width="{width:.1}" height="{height}""#);
    let title = if label.is_empty() { String::new() } else { format!("<title>{}</title>", escape(label)) };
    writeln!(svg, r#"<rect {place} fill="{colour}" opacity="{opacity}">{title}</rect>"#)?;
    if is_hatched {
        writeln!(svg, r#"<rect {place} fill="url(#hatch)" pointer-events="none"/>"#)?;
    }
    Ok(())
}

fn draw_shape(shape: Shape, x: f64, y: f64, height: f64, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (bottom, middle, size) = (y + height, y + height / 2.0, 3.0);
    let (from, to) = (x - size, x + size);
    match shape {
        Shape::Tick => {
            let path = format!("M{x:.1} {}V{}", y + 1.0, bottom - 1.0);
            writeln!(svg, r##"<path d="{path}" stroke="#888888" stroke-width="3"/>"##)?;
            writeln!(svg, r#"<path d="{path}" stroke="white" stroke-width="1.5"/>"#)
        }
        Shape::Flag => {
            let path = format!("M{x:.1} {}V{}h11l-3 4l3 4h-11", bottom + 2.0, y - 2.0);
            writeln!(svg, r#"<path d="{path}" stroke="{RED}" stroke-width="2" fill="{RED}"/>"#)
        }
        Shape::Ring => {
            writeln!(svg, r##"<circle cx="{x:.1}" cy="{middle}" r="2.2" fill="white" stroke="#777777"/>"##)
        }
        Shape::Cross => {
            let (above, below) = (middle - size, middle + size);
            let path = format!("M{from:.1} {above}L{to:.1} {below}M{from:.1} {below}L{to:.1} {above}");
            writeln!(svg, r#"<path d="{path}" stroke="{RED}" stroke-width="1.8"/>"#)
        }
        Shape::Pointer => {
            let path = format!("M{from:.1} {y}H{to:.1}L{x:.1} {}Z", y + 6.0);
            writeln!(svg, r##"<path d="{path}" fill="#222222"/>"##)
        }
    }
}

/// A lane without rows has the height of one.
fn height_of(lane: &Lane) -> f64 {
    lane.rows.len().max(1) as f64 * ROW
}

/// The name of a lane stands in its first row, before the name of that.
fn width_of_names(lane: &Lane) -> f64 {
    let beside = lane.rows.first().map_or(0.0, |row| width_of(&row.name));
    width_of(&lane.name) * 1.1 + beside + 24.0
}

fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// Returns as much of a name as there is room for.
fn shortened(name: &str, room: f64) -> String {
    let most = (room / LETTER / 1.1) as usize;
    if name.chars().count() <= most {
        return name.into();
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Returns the text as it stands in XML.
fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    // A text of XML has neither control characters nor the last two letters of Unicode's first plane.
    let is_none = |letter: char| letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}');
    let is_special = |letter: char| matches!(letter, '<' | '>' | '&' | '"') || is_none(letter);
    if !text.contains(is_special) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            letter if is_none(letter) => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped.into()
}
