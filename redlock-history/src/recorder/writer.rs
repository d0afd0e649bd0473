use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::record::{Event, Record};

/// The largest number of lines that wait to be written: about a megabyte.
const MAX_WAITING: usize = 8_192;
/// As much is written at once.
const BLOCK: usize = 64 * 1_024;
/// Whoever waits for the end does so for this long while nothing is written. A disk may stand still for a while.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether there is room for another line.
const PAUSE: Duration = Duration::from_millis(10);

/// A thread that writes lines.
pub(super) struct Writer {
    /// `None` while it is dropped only.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The number of lines that are missing behind those that wait.
    missed: AtomicU64,
    /// The number of lines that were handed to the thread.
    handed: AtomicU64,
    /// The number of those that it has written, or cannot write.
    written: Arc<AtomicU64>,
    /// So many it had written when somebody gave it up; the largest number if nobody has.
    given_up_at: AtomicU64,
}

enum Job {
    Line(String),
    Flush(Sender<io::Result<()>>),
}

impl Writer {
    /// Starts one that writes this before the first line.
    pub(super) fn start(target: impl Write + Send + 'static, first: &[u8]) -> io::Result<Self> {
        let written = Arc::new(AtomicU64::new(0));
        let mut target = Target::new(target, first.into(), written.clone());
        let (jobs, waiting) = mpsc::sync_channel(MAX_WAITING);
        let thread = thread::Builder::new().name("redlock-recorder".into());
        let thread = Some(thread.spawn(move || target.serve(&waiting))?);
        let (missed, handed, given_up_at) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Ok(Self { jobs: Some(jobs), thread, missed, handed, written, given_up_at })
    }

    /// Writes a line, or counts it if too many wait.
    pub(super) fn write(&self, record: &Record) {
        if let Some((missed, count)) = self.missed_before(record) {
            self.send(&missed, count);
        }
        self.send(record, 1);
    }

    /// Writes the last line. Nobody is delayed any more: it waits until there is room, unless nothing is taken any more.
    pub(super) fn end(&self, record: &Record) {
        let missed = self.missed_before(record).map(|(missed, _)| missed);
        for record in missed.iter().chain([record]) {
            // It fails where nobody writes any more.
            let _ = self.hand_over(Job::Line(line(record)));
        }
    }

    /// Returns how many lines are missing before one, as a line and as a number.
    fn missed_before(&self, record: &Record) -> Option<(Record, u64)> {
        let count = self.missed.swap(0, Ordering::Relaxed);
        let Record { recording, at, .. } = record;
        (count > 0).then(|| (Record { recording: recording.clone(), at: *at, event: Event::Missed { count } }, count))
    }

    fn send(&self, record: &Record, counts: u64) {
        let Some(jobs) = &self.jobs else { return };
        match jobs.try_send(Job::Line(line(record))) {
            Ok(()) => drop(self.handed.fetch_add(1, Ordering::Relaxed)),
            Err(TrySendError::Full(_)) => drop(self.missed.fetch_add(counts, Ordering::Relaxed)),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Waits until all is written, with what this makes of the number of lines that are missing behind those that wait.
    pub(super) fn flush(&self, missed: impl FnOnce(u64) -> Record) -> io::Result<()> {
        let count = self.missed.swap(0, Ordering::Relaxed);
        if count > 0
            && let Err(why) = self.hand_over(Job::Line(line(&missed(count))))
        {
            self.missed.fetch_add(count, Ordering::Relaxed);
            return Err(if why.kind() == ErrorKind::TimedOut { self.stalled() } else { why });
        }
        self.settle()?
    }

    /// Waits until what was handed over is written; returns what became of it.
    fn settle(&self) -> io::Result<io::Result<()>> {
        let (done, result) = mpsc::channel();
        self.hand_over(Job::Flush(done))?;
        self.wait_for(|| match result.recv_timeout(PAUSE) {
            Ok(result) => Some(Ok(result)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(gone())),
        })?
    }

    /// Waits until there is room for a job.
    fn hand_over(&self, job: Job) -> io::Result<()> {
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        let counts = u64::from(matches!(job, Job::Line(_)));
        let mut job = Some(job);
        self.wait_for(|| match jobs.try_send(job.take()?) {
            Ok(()) => {
                self.handed.fetch_add(counts, Ordering::Relaxed);
                Some(Ok(()))
            }
            Err(TrySendError::Full(refused)) => {
                job = Some(refused);
                thread::sleep(PAUSE);
                None
            }
            Err(TrySendError::Disconnected(_)) => Some(Err(gone())),
        })?
    }

    /// Looks again and again until there is something, but no longer than for [`PATIENCE`] while nothing is written.
    fn wait_for<T>(&self, mut look: impl FnMut() -> Option<T>) -> io::Result<T> {
        let mut seen = (self.written.load(Ordering::Relaxed), Instant::now());
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            let written = self.written.load(Ordering::Relaxed);
            if written != seen.0 {
                seen = (written, Instant::now());
            } else if seen.1.elapsed() >= PATIENCE || written == self.given_up_at.load(Ordering::Relaxed) {
                self.given_up_at.store(written, Ordering::Relaxed);
                return Err(self.stalled());
            }
        }
    }

    fn stalled(&self) -> io::Error {
        let written = self.written.load(Ordering::Relaxed);
        let waiting = self.handed.load(Ordering::Relaxed).saturating_sub(written);
        let missing = waiting.saturating_add(self.missed.load(Ordering::Relaxed));
        let text = format!("nothing was taken for {} s, and {missing} lines are not written", PATIENCE.as_secs());
        io::Error::new(ErrorKind::TimedOut, text)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let is_settled = self.settle().is_ok();
        self.jobs = None;
        // One that is stuck is left alone: it ends with the process, or when it gets on.
        if let Some(thread) = self.thread.take()
            && (is_settled || thread.is_finished())
        {
            // It panics only if what it writes to does.
            let _ = thread.join();
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

fn line(record: &Record) -> String {
    // Nothing in a record is a map with keys that are no text, so this does not fail.
    serde_json::to_string(record).unwrap_or_default()
}

/// What is written to.
struct Target<W> {
    sink: W,
    block: Vec<u8>,
    /// The number of lines in it.
    lines: u64,
    written: Arc<AtomicU64>,
    has_failed: bool,
    /// The error that nobody was told yet.
    error: Option<io::Error>,
}

impl<W: Write> Target<W> {
    const fn new(sink: W, block: Vec<u8>, written: Arc<AtomicU64>) -> Self {
        Self { sink, block, lines: 0, written, has_failed: false, error: None }
    }

    fn serve(&mut self, waiting: &Receiver<Job>) {
        while let Ok(job) = waiting.recv() {
            self.take(job);
            while self.block.len() < BLOCK
                && let Ok(job) = waiting.try_recv()
            {
                self.take(job);
            }
            self.write();
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Line(line) => {
                self.block.extend_from_slice(line.as_bytes());
                self.block.push(b'\n');
                self.lines = self.lines.saturating_add(1);
            }
            Job::Flush(done) => {
                self.write();
                // Whoever has asked may have gone.
                let _ = done.send(self.error.take().map_or(Ok(()), Err));
            }
        }
    }

    fn write(&mut self) {
        if !self.block.is_empty() && !self.has_failed {
            self.error = self.sink.write_all(&self.block).and_then(|()| self.sink.flush()).err();
            self.has_failed = self.error.is_some();
        }
        self.written.fetch_add(self.lines, Ordering::Relaxed);
        self.lines = 0;
        self.block.clear();
    }
}
