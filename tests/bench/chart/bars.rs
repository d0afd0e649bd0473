use super::{Anchor, Canvas, INK, PALE_INK, colour, readable};
use crate::contestant::Name;
use crate::figures::{Headline, Row, Spread};

const PANEL_WIDTH: f64 = 700.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 62.0;
const HEAD: f64 = 46.0;
const BAR: f64 = 20.0;
const GAP: f64 = 18.0;
const COLUMNS: usize = 2;

/// A panel of bars for each combination of workload, nodes and tasks.
pub(crate) fn bars(rows: &[Row]) -> String {
    let panels: Vec<_> = rows.chunk_by(|left, right| left.combination() == right.combination()).collect();
    let lines: Vec<_> = panels.chunks(COLUMNS).map(|line| (line, height(line))).collect();
    let height = TOP + lines.iter().map(|(_, height)| height).sum::<f64>();
    let mut canvas = Canvas::new(PANEL_WIDTH * COLUMNS as f64, height);
    head(&mut canvas, rows);
    let mut y = TOP;
    for (line, height) in lines {
        for (column, panel) in line.iter().enumerate() {
            draw(&mut canvas, PANEL_WIDTH * column as f64, y, panel);
        }
        y += height;
    }
    canvas.finish()
}

fn height(line: &[&[Row]]) -> f64 {
    let bars = line.iter().map(|panel| panel.len()).max().unwrap_or_default();
    HEAD + bars as f64 * BAR + GAP
}

fn head(canvas: &mut Canvas, rows: &[Row]) {
    let server = rows.first().map_or("", |row| row.server.text());
    let title = format!(
        "Lock and unlock over N {server} servers: bars are medians, thin lines go from the worst round to the best"
    );
    canvas.title(12.0, 24.0, &title);
    let legend = [
        (Name::FloorRedis, "floors: the same commands by hand, without a library"),
        (Name::Tokio, "this workspace"),
        (Name::Rslock, "peers"),
    ];
    for ((contestant, text), x) in legend.into_iter().zip([12.0, 390.0, 560.0]) {
        canvas.rectangle(x, 36.0, 14.0, 12.0, colour(contestant));
        canvas.text(x + 20.0, 46.0, Anchor::Start, INK, text);
    }
}

fn draw(canvas: &mut Canvas, x: f64, y: f64, rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    let headline = Headline::of(first.workload);
    let title = format!("{}, N = {}: {}", first.workload, first.nodes, first.workload.description(first.tasks));
    canvas.title(x + 12.0, y + 16.0, &title);
    canvas.text(x + 12.0, y + 33.0, Anchor::Start, PALE_INK, headline.text());
    let longest = rows.iter().filter_map(|row| Some(row.headline()?.median)).fold(0.0, f64::max);
    let scale = (PANEL_WIDTH - LEFT - RIGHT) / longest.max(f64::MIN_POSITIVE);
    for (position, row) in rows.iter().enumerate() {
        let y = y + HEAD + position as f64 * BAR;
        canvas.text(x + LEFT - 8.0, y + 13.0, Anchor::End, INK, row.contestant.text());
        match row.headline() {
            Some(value) => bar(canvas, x + LEFT, y, scale, row, value),
            None => canvas.text(x + LEFT, y + 13.0, Anchor::Start, PALE_INK, "never"),
        }
    }
}

fn bar(canvas: &mut Canvas, x: f64, y: f64, scale: f64, row: &Row, value: Spread) {
    let room = PANEL_WIDTH - LEFT - RIGHT;
    let (width, end) = ((value.median * scale).max(1.0), (value.max * scale).min(room));
    canvas.rectangle(x, y + 2.0, width, BAR - 6.0, colour(row.contestant));
    let middle = y + BAR / 2.0 - 1.0;
    canvas.line((x + value.min * scale, middle), (x + end, middle), INK, 1.0);
    let text = match Headline::of(row.workload) {
        Headline::PairsPerSecond => readable(value.median),
        Headline::LockP50 | Headline::LockP99 if value.median < 1e3 => format!("{} µs", readable(value.median)),
        Headline::LockP50 | Headline::LockP99 => format!("{} ms", readable(value.median / 1e3)),
    };
    canvas.text(x + width.max(end) + 6.0, y + 13.0, Anchor::Start, INK, &text);
}
