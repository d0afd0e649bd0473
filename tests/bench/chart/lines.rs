use super::{Anchor, Canvas, GRID, INK, PALE_INK, colour, readable};
use crate::contestant::Name;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;
/// About so many marks has the axis of values.
const MARKS: f64 = 5.0;

/// A chart with a line for each contestant.
pub(crate) struct Lines<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) across: &'a str,
    /// Whether each step of both axes is a multiple of the one before instead of a sum.
    pub(crate) logarithmic: (bool, bool),
    pub(crate) contestants: Vec<Line>,
}

/// The points of a contestant.
pub(crate) struct Line {
    pub(crate) contestant: Name,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Lines<'_> {
    pub(crate) fn draw(&self) -> String {
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        canvas.title(12.0, 24.0, self.title);
        canvas.text(12.0, 42.0, Anchor::Start, PALE_INK, self.subtitle);
        let (across, up) = (self.across(), self.up());
        for mark in self.marks() {
            let y = up.place(mark);
            canvas.line((LEFT, y), (WIDTH - RIGHT, y), GRID, 1.0);
            canvas.text(LEFT - 8.0, y + 4.0, Anchor::End, PALE_INK, &readable(mark));
        }
        let bottom = HEIGHT - BOTTOM;
        for value in self.steps() {
            let x = across.place(value);
            canvas.line((x, bottom), (x, bottom + 4.0), PALE_INK, 1.0);
            canvas.text(x, bottom + 18.0, Anchor::Middle, PALE_INK, &readable(value));
        }
        canvas.text(f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 16.0, Anchor::Middle, INK, self.across);
        for line in &self.contestants {
            let points: Vec<_> = line.points.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
            draw_line(&mut canvas, line.contestant, &points);
        }
        canvas.finish()
    }

    fn across(&self) -> Axis {
        let steps = self.steps();
        let (first, last) = (steps.first().copied().unwrap_or(0.0), steps.last().copied().unwrap_or(1.0));
        Axis { from: first, to: last, at: LEFT, until: WIDTH - RIGHT, logarithmic: self.logarithmic.0 }
    }

    fn up(&self) -> Axis {
        let marks = self.marks();
        let (first, last) = (marks.first().copied().unwrap_or(0.0), marks.last().copied().unwrap_or(1.0));
        Axis { from: first, to: last, at: HEIGHT - BOTTOM, until: TOP, logarithmic: self.logarithmic.1 }
    }

    /// All places on the horizontal axis that have a point.
    fn steps(&self) -> Vec<f64> {
        let mut steps: Vec<_> = self.contestants.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x)).collect();
        steps.sort_by(f64::total_cmp);
        steps.dedup();
        steps
    }

    /// Round values around those of all points: from zero, or the powers of ten.
    fn marks(&self) -> Vec<f64> {
        let values = || self.contestants.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
        let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        if self.logarithmic.1 {
            let powers = least.log10().floor() as i32..=most.log10().ceil() as i32;
            return powers.map(|power| 10_f64.powi(power)).collect();
        }
        let step = round_step(most / MARKS);
        (0..=(most / step).ceil() as u32).map(|mark| f64::from(mark) * step).collect()
    }
}

/// With the contestant's name at its end.
fn draw_line(canvas: &mut Canvas, contestant: Name, points: &[(f64, f64)]) {
    let colour = colour(contestant);
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        canvas.line(*from, *to, colour, 2.5);
    }
    for point in points {
        canvas.dot(*point, colour);
    }
    if let Some((x, y)) = points.last() {
        canvas.text(x + 8.0, y + 4.0, Anchor::Start, INK, contestant.text());
    }
}

struct Axis {
    from: f64,
    to: f64,
    at: f64,
    until: f64,
    logarithmic: bool,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.log10() } else { value };
        let share = (scale(value) - scale(self.from)) / (scale(self.to) - scale(self.from));
        self.at + share * (self.until - self.at)
    }
}

/// A round number that is not below the step.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|round| *round >= step).unwrap_or(step)
}
