mod writer;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redlock_core::fence::Fences;
use redlock_core::observed::{LockEvent, NodeEvent, Observed, Verb};
use redlock_core::shell::Observer;
use redlock_core::system::wall_clock;
use redlock_core::{Instant, Outcome, Resources};

use self::writer::Writer;
use crate::record::{Answer, Asked, Event, Record, VERSION};

/// Writes what happens to the locks and nodes of a handle: an [`Observer`] for `Builder::observer` of every adapter, async or
/// blocking. Take one for each handle.
///
/// A thread of its own writes, so that a slow disk delays no lock; what happens while 8,192 lines wait for it is left out and
/// counted. Each write is of whole lines, so several recorders, of several processes too, may append to one file. When the
/// recorder is dropped, soon after the last clone of its handle, it writes what is left; [`flush`](Self::flush) waits for that.
/// Neither waits any more when nothing was taken for 5 seconds, as by a pipe that nobody reads.
///
/// Moments are those of the machine's clock at the first event, and go on with the clock of the handle, which nobody sets. No
/// token and no password is written; the names of locks are.
pub struct Recorder {
    id: String,
    by: String,
    clock: Mutex<Option<Clock>>,
    writer: Writer,
}

/// The wall clock at one moment of the handle's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    moment: Instant,
    since_1970: Duration,
    /// The latest moment that was written.
    latest: u64,
}

impl Recorder {
    /// Appends to a file, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or the thread cannot be started.
    pub fn append_to(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // One that cannot be read is taken as it is.
        let is_cut_off = file.metadata()?.is_file() && is_cut_off(path).unwrap_or(false);
        Self::begin(file, if is_cut_off { b"\n" } else { b"" })
    }

    /// Writes to anything.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn new(target: impl Write + Send + 'static) -> io::Result<Self> {
        Self::begin(target, b"")
    }

    /// Writes to anything, and this before the first line.
    fn begin(target: impl Write + Send + 'static, first: &[u8]) -> io::Result<Self> {
        let id = format!("{:x}-{:x}", std::process::id(), wall_clock().as_nanos());
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let by = format!("{} {}", program.unwrap_or_default(), std::process::id());
        Ok(Self { id, by, clock: Mutex::default(), writer: Writer::start(target, first)? })
    }

    /// Sets the name under which the process is shown; else it is that of the program with the number of the process.
    #[must_use]
    pub fn by(mut self, name: impl Into<String>) -> Self {
        self.by = name.into();
        self
    }

    /// Notes something that the program has done or seen, for instance in an [`Arc`](std::sync::Arc) beside the handle. `now`
    /// is the adapter's `now()`.
    pub fn note(&self, text: impl fmt::Display, now: Instant) {
        self.record(Event::Noted { text: text.to_string(), warning: false }, now);
    }

    /// Notes something that whoever looks at the picture must not miss.
    pub fn warn(&self, text: impl fmt::Display, now: Instant) {
        self.record(Event::Noted { text: text.to_string(), warning: true }, now);
    }

    /// Waits until all that was observed is written, and how much of it was left out.
    ///
    /// # Errors
    ///
    /// - The first error of a write, this one time. Nothing is written after it.
    /// - [`TimedOut`](io::ErrorKind::TimedOut) with the number of lines that are missing, when nothing was taken for 5 seconds.
    ///   They are written if that becomes possible before the process ends.
    pub fn flush(&self) -> io::Result<()> {
        let latest = self.clock().map_or(0, |clock| clock.latest);
        self.writer.flush(|count| self.made(Event::Missed { count }, latest))
    }

    fn record(&self, event: Event, at: Instant) {
        let mut clock = self.clock();
        let is_first = clock.is_none();
        let clock = clock.get_or_insert_with(|| Clock::at(at));
        let micros = clock.since_1970(at);
        clock.latest = clock.latest.max(micros);
        if is_first {
            self.write(Event::Begun { version: VERSION, by: self.by.clone() }, micros);
        }
        self.write(event, micros);
    }

    fn write(&self, event: Event, at: u64) {
        self.writer.write(&self.made(event, at));
    }

    fn made(&self, event: Event, at: u64) -> Record {
        Record { recording: self.id.clone(), at, event }
    }

    fn lock(&self, lock: u64, event: &LockEvent, at: Instant) {
        let moment = |instant: Instant| self.moment(instant, at);
        let event = match event {
            LockEvent::Requested { resources, ttl, min_hold } => {
                let (names, ttl, min_hold) = (names(resources), micros(*ttl), micros(*min_hold));
                Event::Requested { lock, names, ttl, min_hold }
            }
            LockEvent::Acquired { deadline, attempts, fences, .. } => {
                let fences = fences.iter().flat_map(Fences::as_slice).map(|fence| fence.get()).collect();
                Event::Acquired { lock, deadline: moment(*deadline), attempts: *attempts, fences }
            }
            LockEvent::NotAcquired { error, .. } => Event::NotAcquired { lock, why: error.to_string() },
            LockEvent::GivenUp { .. } => Event::GivenUp { lock },
            LockEvent::Extended { deadline, left, is_late, .. } => {
                Event::Extended { lock, deadline: moment(*deadline), left: micros(*left), late: *is_late }
            }
            LockEvent::NotExtended { error, .. } => Event::NotExtended { lock, why: error.to_string() },
            LockEvent::Lost { loss, .. } => Event::Lost { lock, why: loss.to_string() },
            LockEvent::ReleaseBegun { .. } => Event::ReleaseBegun { lock },
            LockEvent::Detached { .. } => Event::Detached { lock },
            LockEvent::Released { report, .. } => Event::Released { lock, report: report.to_string() },
            LockEvent::Settled => Event::Settled { lock },
            _ => return,
        };
        self.record(event, at);
    }

    fn node(&self, node: &str, event: &NodeEvent, at: Instant) {
        let node = node.to_owned();
        let event = match event {
            NodeEvent::Connected { facts } => {
                let words = [facts.server(), facts.version()];
                let server = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
                Event::Connected { node, server: (!server.is_empty()).then_some(server) }
            }
            NodeEvent::Disconnected { why } => Event::Disconnected { node, why: why.to_string() },
            NodeEvent::WithoutVote { until, why } => {
                Event::WithoutVote { node, until: until.map(|until| self.moment(until, at)), why: why.to_string() }
            }
            NodeEvent::Answered { lock, verb, outcome } => {
                let (asked, answer) = (asked(*verb), answer(outcome));
                let why = (answer != Answer::Done && answer != Answer::Missing).then(|| outcome.to_string());
                Event::Answered { node, lock: lock.number(), asked, answer, why }
            }
            _ => return,
        };
        self.record(event, at);
    }

    /// Returns a moment that is part of an event.
    fn moment(&self, moment: Instant, at: Instant) -> u64 {
        self.clock().get_or_insert_with(|| Clock::at(at)).since_1970(moment)
    }

    fn clock(&self) -> MutexGuard<'_, Option<Clock>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, observed: &Observed) {
        match observed {
            Observed::Lock { at, lock, event } => self.lock(lock.number(), event, *at),
            Observed::Node { at, name, event, .. } => self.node(name, event, *at),
            Observed::Missed { count } => {
                if let Some(clock) = *self.clock() {
                    self.write(Event::Missed { count: *count }, clock.latest);
                }
            }
            _ => {}
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(clock) = *self.clock() {
            self.writer.end(&self.made(Event::Ended, clock.latest));
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("id", &self.id).field("by", &self.by).finish_non_exhaustive()
    }
}

impl Clock {
    /// Looks at the machine's clock, which shows this moment.
    fn at(moment: Instant) -> Self {
        Self { moment, since_1970: wall_clock(), latest: 0 }
    }

    fn since_1970(&self, moment: Instant) -> u64 {
        let later = moment.saturating_since(self.moment);
        let earlier = self.moment.saturating_since(moment);
        micros(self.since_1970.saturating_add(later).saturating_sub(earlier))
    }
}

/// Returns whether a file ends in the middle of a line.
fn is_cut_off(path: &Path) -> io::Result<bool> {
    let (mut file, mut last) = (File::open(path)?, [0]);
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn names(resources: &Resources) -> Vec<String> {
    resources.as_slice().iter().map(ToString::to_string).collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const fn asked(verb: Verb) -> Asked {
    match verb {
        Verb::Acquire => Asked::Acquire,
        Verb::Raise => Asked::Raise,
        Verb::Extend => Asked::Extend,
        Verb::Release => Asked::Release,
        _ => Asked::Other,
    }
}

const fn answer(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Done => Answer::Done,
        Outcome::HeldByOther(_) => Answer::Held,
        Outcome::Missing => Answer::Missing,
        Outcome::Unavailable(_) => Answer::Unavailable,
        _ => Answer::Other,
    }
}
