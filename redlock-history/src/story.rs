//! What the records come to: the life of each lock, and what became of each node.

mod keys;

use std::collections::{BTreeMap, HashMap};

use self::keys::Keys;
pub(crate) use self::keys::{Key, Word};
use crate::record::{Event, Record};

/// The whole of a history. Moments are in microseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Stories {
    pub(crate) processes: Vec<Process>,
    pub(crate) lives: Vec<Life>,
    pub(crate) nodes: BTreeMap<String, Node>,
}

/// A process, by its recording.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) by: String,
    /// What the process has noted, and where events are missing.
    notes: Vec<Note>,
    /// The numbers of the lives of its locks.
    lives: Vec<usize>,
    /// It has ended as it should.
    has_ended: bool,
    /// The last moment of which something is known.
    last: u64,
    /// The last moment at which it used its nodes.
    last_use: u64,
}

/// Something that a process has noted, or that events are missing.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) at: u64,
    pub(crate) text: String,
    pub(crate) is_warning: bool,
}

/// The life of one lock.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) process: usize,
    pub(crate) names: Vec<String>,
    ttl: u64,
    min_hold: u64,
    pub(crate) requested_at: u64,
    /// When it was acquired, or was not.
    pub(crate) decided_at: Option<u64>,
    pub(crate) refusal: Option<String>,
    pub(crate) fences: Vec<u64>,
    pub(crate) deadline: Option<u64>,
    /// When it was extended, or was not.
    pub(crate) extensions: Vec<(u64, Extension)>,
    pub(crate) end: Option<(u64, End)>,
    pub(crate) report: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Extension {
    InTime,
    Late { left: u64 },
    Failed { why: String },
}

/// How the hold of a lock ended.
#[derive(Debug)]
pub(crate) enum End {
    Released,
    Lost {
        why: String,
    },
    Detached,
    /// The recording ends before: the process was killed, or goes on still.
    Unknown,
}

/// What became of a node.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// For each process, since when it is not connected, with the reason.
    down_since: HashMap<usize, (u64, String)>,
    /// For each process, since when it has no vote there, until when, with the reason.
    without_vote_since: HashMap<usize, (u64, Option<u64>, String)>,
    /// When it was not connected, and when it had no vote, as one process saw it.
    pub(crate) spells: Vec<Spell>,
    pub(crate) keys: BTreeMap<String, Keys>,
}

/// A time in which a node was of no use to a process.
#[derive(Debug)]
pub(crate) struct Spell {
    pub(crate) begins_at: u64,
    pub(crate) ends_at: u64,
    pub(crate) is_connected: bool,
    pub(crate) process: usize,
    pub(crate) why: String,
}

/// Records that are being read.
struct Reader<'a> {
    stories: Stories,
    name: Option<&'a [String; 2]>,
    /// The number of the process of each recording.
    recordings: HashMap<&'a str, usize>,
    /// The number of the life of each lock, by its process and its number there.
    locks: HashMap<(usize, u64), usize>,
}

impl Stories {
    /// Reads records in the order of their moments; a name, in two spellings, stands for the only locks that matter.
    pub(crate) fn tell<'a>(records: impl Iterator<Item = &'a Record>, name: Option<&'a [String; 2]>) -> Self {
        let mut reader = Reader { stories: Self::default(), name, recordings: HashMap::new(), locks: HashMap::new() };
        records.for_each(|record| reader.read(record));
        reader.stories.end();
        reader.stories
    }

    /// Returns what the process of a lock has noted between the request of that and the next.
    pub(crate) fn notes_of(&self, number: usize) -> impl Iterator<Item = &Note> {
        let process = self.lives.get(number).and_then(|life| self.processes.get(life.process));
        let lives = process.map_or(&[][..], |process| &process.lives);
        let place = lives.partition_point(|other| *other < number);
        let request_of = |number: &usize| self.lives.get(*number).map(|life| life.requested_at);
        let from = if place == 0 { None } else { request_of(&number) };
        let until = lives.get(place.saturating_add(1)).and_then(request_of);
        let notes = process.into_iter().flat_map(|process| &process.notes);
        notes.filter(move |note| from.is_none_or(|from| from <= note.at) && until.is_none_or(|until| note.at < until))
    }

    /// Returns when the processes of the locks have warned of something.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = u64> {
        let processes = self.processes.iter().filter(|process| !process.lives.is_empty());
        processes.flat_map(|process| &process.notes).filter(|note| note.is_warning).map(|note| note.at)
    }

    /// Ends what is still going on.
    fn end(&mut self) {
        for life in &mut self.lives {
            if let Some(process) = self.processes.get(life.process)
                && life.end.is_none()
                && life.refusal.is_none()
                && !process.has_ended
            {
                life.end = Some((process.last, End::Unknown));
            }
        }
        for node in self.nodes.values_mut() {
            for (number, process) in self.processes.iter().enumerate() {
                node.reconnected(number, process.last);
            }
            // Whoever has nothing left to do closes its connections.
            let has_left = |spell: &Spell| {
                self.processes
                    .get(spell.process)
                    .is_some_and(|process| process.has_ended && process.last_use <= spell.begins_at)
            };
            node.spells.retain(|spell| !has_left(spell));
        }
    }
}

impl<'a> Reader<'a> {
    fn read(&mut self, record: &'a Record) {
        let Record { recording, at, event } = record;
        let process = self.process(recording);
        if let Some(process) = self.stories.processes.get_mut(process) {
            process.read(event, *at);
        }
        self.read_of_lock(process, event, *at);
        self.read_of_node(process, event, *at);
    }

    /// Returns the number of a process, which is new if nothing of it was read before.
    fn process(&mut self, recording: &'a str) -> usize {
        let processes = &mut self.stories.processes;
        *self.recordings.entry(recording).or_insert_with(|| {
            let by = recording.to_owned();
            processes.push(Process {
                by,
                notes: Vec::new(),
                lives: Vec::new(),
                has_ended: false,
                last: 0,
                last_use: 0,
            });
            processes.len().saturating_sub(1)
        })
    }

    fn read_of_lock(&mut self, process: usize, event: &Event, at: u64) {
        if let Event::Requested { lock, names, ttl, min_hold } = event {
            if self.name.is_none_or(|name| names.iter().any(|one| name.contains(one))) {
                let number = self.stories.lives.len();
                self.locks.insert((process, *lock), number);
                if let Some(process) = self.stories.processes.get_mut(process) {
                    process.lives.push(number);
                }
                self.stories.lives.push(Life::new(process, names.clone(), *ttl, *min_hold, at));
            }
        } else if let Some(number) = number_of(event)
            && let Some(place) = self.locks.get(&(process, number))
            && let Some(life) = self.stories.lives.get_mut(*place)
        {
            life.read(event, at);
            if let Event::Extended { deadline, .. } = event {
                self.stories.nodes.values_mut().for_each(|node| node.extended(*place, life, *deadline));
            }
        }
    }

    fn read_of_node(&mut self, process: usize, event: &Event, at: u64) {
        let (Event::Connected { node, .. }
        | Event::Disconnected { node, .. }
        | Event::WithoutVote { node, .. }
        | Event::Answered { node, .. }) = event
        else {
            return;
        };
        let node = self.stories.nodes.entry(node.clone()).or_default();
        match event {
            Event::Connected { .. } => node.reconnected(process, at),
            Event::Disconnected { why, .. } => {
                node.reconnected(process, at);
                node.down_since.insert(process, (at, why.clone()));
            }
            Event::WithoutVote { until, why, .. } => {
                if until.is_some() {
                    node.may_have_lost_its_keys(process, at);
                }
                node.without_vote_since.insert(process, (at, *until, why.clone()));
            }
            Event::Answered { lock, asked, answer, why, .. } => {
                let Some(life_number) = self.locks.get(&(process, *lock)) else { return };
                let Some(life) = self.stories.lives.get(*life_number) else { return };
                let word = Word { asked: *asked, answer: *answer, why: why.clone().unwrap_or_default(), at };
                for name in &life.names {
                    node.keys.entry(name.clone()).or_default().hear(*life_number, life, &word);
                }
            }
            _ => {}
        }
    }
}

/// Returns the number of the lock that an event is about.
const fn number_of(event: &Event) -> Option<u64> {
    match event {
        Event::Acquired { lock, .. }
        | Event::NotAcquired { lock, .. }
        | Event::GivenUp { lock }
        | Event::Extended { lock, .. }
        | Event::NotExtended { lock, .. }
        | Event::Lost { lock, .. }
        | Event::ReleaseBegun { lock }
        | Event::Detached { lock }
        | Event::Released { lock, .. } => Some(*lock),
        _ => None,
    }
}

impl Process {
    fn read(&mut self, event: &Event, at: u64) {
        self.last = self.last.max(at);
        if !matches!(event, Event::Disconnected { .. } | Event::Settled { .. } | Event::Ended) {
            self.last_use = self.last_use.max(at);
        }
        match event {
            Event::Begun { by, .. } => self.by.clone_from(by),
            Event::Noted { text, warning } => self.note(at, text.clone(), *warning),
            Event::Missed { count } => self.note(at, format!("{count} events are missing here"), true),
            Event::Ended => self.has_ended = true,
            _ => {}
        }
    }

    fn note(&mut self, at: u64, text: String, is_warning: bool) {
        self.notes.push(Note { at, text, is_warning });
    }
}

impl Life {
    const fn new(process: usize, names: Vec<String>, ttl: u64, min_hold: u64, requested_at: u64) -> Self {
        Self {
            process,
            names,
            ttl,
            min_hold,
            requested_at,
            decided_at: None,
            refusal: None,
            fences: Vec::new(),
            deadline: None,
            extensions: Vec::new(),
            end: None,
            report: None,
        }
    }

    fn read(&mut self, event: &Event, at: u64) {
        match event {
            Event::Acquired { deadline, fences, .. } => {
                (self.decided_at, self.deadline) = (Some(at), Some(*deadline));
                self.fences.clone_from(fences);
            }
            Event::NotAcquired { why, .. } => (self.decided_at, self.refusal) = (Some(at), Some(why.clone())),
            Event::GivenUp { .. } => (self.decided_at, self.refusal) = (Some(at), Some("given up".into())),
            Event::Extended { deadline, left, late, .. } => {
                self.deadline = Some(*deadline);
                let extension = if *late { Extension::Late { left: *left } } else { Extension::InTime };
                self.extensions.push((at, extension));
            }
            Event::NotExtended { why, .. } => self.extensions.push((at, Extension::Failed { why: why.clone() })),
            Event::Lost { why, .. } => self.end = Some((at, End::Lost { why: why.clone() })),
            Event::ReleaseBegun { .. } => self.end = Some((at, End::Released)),
            Event::Detached { .. } => self.end = Some((at, End::Detached)),
            Event::Released { report, .. } => self.report = Some(report.clone()),
            _ => {}
        }
    }

    /// Returns the last moment at which something is known of it, or it may be valid.
    pub(crate) fn last(&self) -> u64 {
        let end = match &self.end {
            Some((at, End::Released | End::Lost { .. })) => Some(*at),
            Some((at, End::Detached | End::Unknown)) => Some(self.deadline.unwrap_or_default().max(*at)),
            None => self.deadline.filter(|_| self.refusal.is_none()),
        };
        end.or(self.decided_at).unwrap_or(self.requested_at)
    }
}

impl Node {
    /// A lock was extended.
    fn extended(&mut self, number: usize, life: &Life, deadline: u64) {
        for name in &life.names {
            if let Some(keys) = self.keys.get_mut(name) {
                keys.extended(number, deadline);
            }
        }
    }

    /// It was restarted when a process was not connected to it.
    fn may_have_lost_its_keys(&mut self, process: usize, at: u64) {
        let spell = self.spells.iter().rev().find(|spell| spell.process == process);
        let since = spell.map_or(at, |spell| spell.begins_at);
        self.keys.values_mut().for_each(|keys| keys.lose(since));
    }

    /// A process is connected again, or its recording ends.
    fn reconnected(&mut self, process: usize, at: u64) {
        if let Some((begins_at, why)) = self.down_since.remove(&process) {
            self.spells.push(Spell { begins_at, ends_at: at, is_connected: false, process, why });
        }
        if let Some((begins_at, until, why)) = self.without_vote_since.remove(&process) {
            let ends_at = until.map_or(at, |until| until.min(at));
            self.spells.push(Spell { begins_at, ends_at, is_connected: true, process, why });
        }
    }
}
