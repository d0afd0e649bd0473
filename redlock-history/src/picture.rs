mod date;
mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use self::date::date;
use self::rows::Rows;
use crate::drawing::{Bar, Lane, Mark, Picture, Row, Shape, Style, Time, colour};
use crate::record::Answer;
use crate::story::{End, Extension, Key, Life, Node, Note, Spell, Stories, Word};

const WAITS: f64 = 0.25;
const REST: f64 = 0.7;
const CUT_OFF: &str = "the recording ends here: the process was killed, or goes on still; valid until its deadline";
const DOWN: Style = Style::solid("#333333").opacity(0.45);
const WITHOUT_VOTE: Style = Style::solid("#f2c14e").opacity(0.5);

/// Draws a lane for each name of processes that have used a lock, and one for each node.
pub(crate) fn draw(stories: &Stories) -> Picture {
    let (begins_at, ends_at) = period(stories);
    let length = ends_at.saturating_sub(begins_at);
    let margin = (length / 50).max(1);
    let pen = Pen { stories, zero: begins_at };
    let title = title(stories, begins_at, length);
    let mut picture = Picture::new(title, 0, nanos(length.saturating_add(margin)));
    explain(&mut picture);
    for (by, lives) in pen.lives_by_name() {
        picture.lane(pen.users(by, &lives));
    }
    for (name, node) in &stories.nodes {
        picture.lane(pen.node(name, node));
    }
    picture
}

fn explain(picture: &mut Picture) {
    let colour = Style::solid(colour(0));
    picture
        .explain(colour.opacity(WAITS), "waits for the lock")
        .explain(colour, "holds it; its key on a node")
        .explain(colour.opacity(REST).hatched(), "valid or kept, nobody uses it")
        .explain(DOWN, "node is not connected")
        .explain(WITHOUT_VOTE, "node has no vote")
        .explain_mark(Shape::Flag, "lost, or a warning of the process")
        .explain_mark(Shape::Tick, "extended")
        .explain_mark(Shape::Cross, "failed, or not answered")
        .explain_mark(Shape::Ring, "node: somebody else holds it")
        .explain_mark(Shape::Pointer, "noted by the process");
}

fn title(stories: &Stories, begins_at: u64, length: u64) -> String {
    let used = stories.processes.iter().enumerate();
    let processes = used.filter(|(number, _)| stories.lives.iter().any(|life| life.process == *number)).count();
    let (nodes, locks) = (stories.nodes.len(), stories.lives.len());
    let count = |number: usize, one: &str, more: &str| format!("{number} {}", if number == 1 { one } else { more });
    let lost = stories.lives.iter().filter(|life| matches!(life.end, Some((_, End::Lost { .. })))).count();
    let lost = if lost > 0 { format!(" ({lost} lost)") } else { String::new() };
    let (processes, nodes) = (count(processes, "process", "processes"), count(nodes, "node", "nodes"));
    let locks = count(locks, "lock", "locks");
    format!("{processes}, {nodes}, {locks}{lost}; {:.3} s from {}", seconds(length), date(begins_at))
}

/// What is drawn, and when the picture begins.
struct Pen<'a> {
    stories: &'a Stories,
    zero: u64,
}

impl Pen<'_> {
    /// Returns the numbers of the lives of the processes of each name.
    fn lives_by_name(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, life) in self.stories.lives.iter().enumerate() {
            names.entry(self.by(life.process)).or_default().push(number);
        }
        names
    }

    /// Draws a lane with a row for each name of a lock, and more where locks of one name overlap.
    fn users(&self, by: &str, lives: &[usize]) -> Lane {
        let mut rows = Rows::default();
        for number in lives {
            let Some(life) = self.stories.lives.get(*number) else { continue };
            let row = rows.free(&life.names.join(", "), life.requested_at, life.last());
            self.life(*number, life, row);
            for Note { at, text, is_warning } in self.stories.notes_of(*number) {
                let shape = if *is_warning { Shape::Flag } else { Shape::Pointer };
                row.mark(self.mark(*at, shape, text));
            }
        }
        let mut lane = Lane::new(by);
        for row in rows.into_rows() {
            lane.row(row);
        }
        lane
    }

    /// Returns the name of a process.
    fn by(&self, process: usize) -> &str {
        self.stories.processes.get(process).map_or("", |process| &process.by)
    }

    fn life(&self, place: usize, life: &Life, row: &mut Row) {
        let names = life.names.join(", ");
        let colour = colour(place);
        let decided_at = life.decided_at.unwrap_or_else(|| life.last());
        let waits = Style::solid(colour).opacity(WAITS);
        row.bar(self.bar(life.requested_at, decided_at, waits, format!("waits for {names}")));
        if let Some(why) = &life.refusal {
            row.mark(self.mark(decided_at, Shape::Cross, why));
        } else if life.decided_at.is_some() {
            self.hold(life, colour, &names, row);
        }
    }

    fn hold(&self, life: &Life, colour: &'static str, names: &str, row: &mut Row) {
        let since = life.decided_at.unwrap_or_default();
        let until = life.end.as_ref().map_or_else(|| life.last(), |(at, _)| *at);
        let fences = life.fences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let fence = if fences.is_empty() { String::new() } else { format!(", fence {fences}") };
        let report = life.report.as_ref().map(|report| format!("; {report}")).unwrap_or_default();
        let label = format!("holds {names} for {:.3} s{fence}{report}", seconds(until.saturating_sub(since)));
        row.bar(self.bar(since, until, Style::solid(colour), label));
        match &life.end {
            Some((at, End::Lost { why })) => row.mark(self.mark(*at, Shape::Flag, &format!("lost: {why}"))),
            Some((at, End::Detached)) => row.bar(self.rest(*at, life, colour, "left to its keys")),
            Some((at, End::Unknown)) => row.bar(self.rest(*at, life, colour, CUT_OFF)),
            Some((_, End::Released)) | None => row,
        };
        for (at, extension) in &life.extensions {
            row.mark(self.extension(*at, extension));
        }
    }

    /// Draws the time in which a lock is valid and nobody extends it.
    fn rest(&self, from: u64, life: &Life, colour: &'static str, label: &str) -> Bar {
        self.bar(from, life.last(), Style::solid(colour).opacity(REST).hatched(), label.into())
    }

    fn extension(&self, at: u64, extension: &Extension) -> Mark {
        match extension {
            Extension::InTime => self.mark(at, Shape::Tick, "extended"),
            Extension::Late { left } => {
                self.mark(at, Shape::Tick, &format!("extended late: {:.3} s were left", seconds(*left)))
            }
            Extension::Failed { why } => self.mark(at, Shape::Cross, &format!("not extended: {why}")),
        }
    }

    fn node(&self, name: &str, node: &Node) -> Lane {
        let mut lane = Lane::new(name);
        for spell in &node.spells {
            lane.cover(self.spell(spell));
        }
        for (name, keys) in &node.keys {
            let mut row = Row::new(name);
            keys.held.iter().for_each(|key| self.key(key, &mut row));
            for word in &keys.refusals {
                row.mark(self.word(word));
            }
            lane.row(row);
        }
        lane
    }

    fn spell(&self, spell: &Spell) -> Bar {
        let Spell { begins_at, ends_at, is_connected, process, why } = spell;
        let by = self.by(*process);
        let (style, what) = if *is_connected { (WITHOUT_VOTE, "has no vote") } else { (DOWN, "is not connected") };
        self.bar(*begins_at, *ends_at, style, format!("{by}: {what}: {why}"))
    }

    fn key(&self, key: &Key, row: &mut Row) {
        let Key { life, begins_at, ends_at, released_at } = key;
        let style = Style::solid(colour(*life));
        let by = self.stories.lives.get(*life).map_or("", |life| self.by(life.process));
        let label = format!("key of {by}");
        let min_hold = format!("{label}, released: min-hold");
        row.bar(self.bar(*begins_at, released_at.unwrap_or(*ends_at).min(*ends_at), style, label));
        if let Some(at) = released_at.filter(|at| at < ends_at) {
            row.bar(self.bar(at, *ends_at, style.opacity(REST).hatched(), min_hold));
        }
    }

    fn word(&self, word: &Word) -> Mark {
        let shape = if word.answer == Answer::Held { Shape::Ring } else { Shape::Cross };
        self.mark(word.at, shape, &format!("{:?}: {}", word.asked, word.why).to_lowercase())
    }

    fn bar(&self, begins_at: u64, ends_at: u64, style: Style, label: String) -> Bar {
        Bar::new(self.time(begins_at), self.time(ends_at), style, label)
    }

    fn mark(&self, at: u64, shape: Shape, label: &str) -> Mark {
        Mark::new(self.time(at), shape, label)
    }

    fn time(&self, at: u64) -> Time {
        nanos(at.saturating_sub(self.zero))
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

const fn nanos(micros: u64) -> Time {
    micros.saturating_mul(1_000)
}

/// Returns the time from the first request to the last hold, and to all warnings.
fn period(stories: &Stories) -> (u64, u64) {
    let requests = stories.lives.iter().map(|life| life.requested_at);
    let begins_at = requests.chain(stories.warnings()).min().unwrap_or_default();
    let ends_at = stories.lives.iter().map(Life::last).chain(stories.warnings()).max().unwrap_or_default();
    (begins_at, ends_at.max(begins_at.saturating_add(1)))
}
