use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use redlock_core::{Command, Reply};

use crate::clock::Time;

/// What happens in the world.
#[derive(Debug)]
pub(crate) enum Event {
    /// A command arrives at a node.
    Command { link: usize, epoch: u32, sent: Sent },
    /// A node's reply arrives at a client.
    Reply { link: usize, epoch: u32, reply: Reply },
    /// A client learns that it could not send a command at all.
    NotSent { link: usize, sent: Sent },
    /// A client notices that a connection is broken.
    BreakNoticed { link: usize, epoch: u32 },
    /// A client tries to connect anew.
    Reconnect { link: usize },
    /// A client begins a job.
    JobBegins { job: usize },
    /// The caller of an acquisition gets to run.
    HandOver { job: usize },
    /// The user of a lock takes the next step: an extension, or the end.
    Step { job: usize },
    /// A lock's timer fires.
    Timer { job: usize, generation: u32 },
    /// A client hears that a resource was released.
    Announcement { client: usize, resource: usize },
    /// A fault begins.
    FaultBegins { fault: usize },
    /// A fault is over.
    FaultEnds { fault: usize },
    /// By now somebody must have made progress.
    ProgressIsDue,
}

/// A command on its way, and the job that waits for the reply.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) job: usize,
    pub(crate) command: Rc<Command>,
    /// It was under way before on a connection that broke, so it may have been carried out.
    pub(crate) is_resent: bool,
}

/// All that will happen, by time; of what happens at the same time, what was noted first happens first.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    noted: u64,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    number: u64,
    event: Event,
}

impl Agenda {
    pub(crate) fn note(&mut self, at: Time, event: Event) {
        self.entries.push(Reverse(Entry { at, number: self.noted, event }));
        self.noted += 1;
    }

    pub(crate) fn next(&mut self) -> Option<(Time, Event)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
