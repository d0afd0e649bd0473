use core::fmt;

use redlock_core::{Outcome, Reply};

use crate::clock::Time;
use crate::names::Names;
use crate::scenario::{Mode, Scenario};

/// What happened in one world, for people: line by line, and as spans of a picture.
#[derive(Clone, Debug)]
pub struct History {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) nodes: usize,
    pub(crate) clients: usize,
    pub(crate) resources: usize,
    pub(crate) spans: Vec<Span>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    at: Time,
    who: Who,
    what: String,
}

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    World,
    Client(usize),
    Node(usize),
    Link(usize, usize),
}

/// Something that lasts.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) kind: SpanKind,
    pub(crate) begins_at: Time,
    /// When it ends; known only later for what is still going on.
    pub(crate) ends_at: Option<Time>,
}

/// What lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanKind {
    /// A job tries to acquire.
    Acquiring { client: usize, names: Names, job: usize },
    /// A job holds its lock.
    Held { client: usize, names: Names, job: usize },
    /// A client stands still.
    Paused { client: usize },
    /// A client ends without a word.
    Crash { client: usize },
    /// A node is down.
    Down { node: usize },
    /// A node stands still.
    Hung { node: usize },
    /// A node has a key of a job's.
    Key { node: usize, resource: usize, job: usize },
}

impl History {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            seed: scenario.seed,
            mode: scenario.mode,
            nodes: scenario.node_clocks.len(),
            clients: scenario.client_clocks.len(),
            resources: scenario.resources,
            spans: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Notes what somebody did or saw.
    pub(crate) fn tell(&mut self, at: Time, who: Who, what: String) {
        self.lines.push(Line { at, who, what });
    }

    /// Something begins to last.
    pub(crate) fn begin(&mut self, kind: SpanKind, at: Time) {
        self.spans.push(Span { kind, begins_at: at, ends_at: None });
    }

    /// What lasts will end then, unless another end is noted.
    pub(crate) fn end(&mut self, kind: SpanKind, at: Time) {
        if let Some(span) = self.spans.iter_mut().rev().find(|span| span.kind == kind) {
            span.ends_at = Some(at);
        }
    }

    /// Ends what still lasts of the kinds that match.
    pub(crate) fn cut_short(&mut self, at: Time, matches: impl Fn(SpanKind) -> bool) {
        for span in self.spans.iter_mut().filter(|span| matches(span.kind)) {
            if span.begins_at < at && span.ends_at.is_none_or(|end| end > at) {
                span.ends_at = Some(at);
            }
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, clients, resources) = (self.nodes, self.clients, self.resources);
        writeln!(f, "seed {} ({}): {nodes} nodes, {clients} clients, {resources} resources", self.seed, self.mode)?;
        self.lines.iter().try_for_each(|line| {
            let millis = line.at as f64 / 1e6;
            writeln!(f, "{millis:>12.3} ms  {:<20}  {}", line.who.to_string(), line.what)
        })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World => f.write_str("the world"),
            Self::Client(client) => write!(f, "client {client}"),
            Self::Node(node) => write!(f, "node {node}"),
            Self::Link(client, node) => write!(f, "client {client} - node {node}"),
        }
    }
}

/// What a history says about a reply.
pub(crate) fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Done => Outcome::Done.to_string(),
        Reply::HeldByOther(hold) => Outcome::HeldByOther(hold.clone()).to_string(),
        Reply::Missing => Outcome::Missing.to_string(),
        Reply::UnknownScript => "unknown script".into(),
        Reply::Unavailable(unavailable) => unavailable.to_string(),
        other => format!("{other:?}"),
    }
}
