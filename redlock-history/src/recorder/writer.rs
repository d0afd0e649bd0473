use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use crate::record::{Event, Record};

/// The largest number of lines that wait to be written: about a megabyte.
const MAX_WAITING: usize = 8_192;
/// As much is written at once.
const BLOCK: usize = 64 * 1_024;

/// A thread that writes lines.
pub(super) struct Writer {
    /// `None` while it is dropped only.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The number of lines that are missing behind those that wait.
    missed: AtomicU64,
}

enum Job {
    Line(String),
    Flush(Sender<io::Result<()>>),
}

impl Writer {
    /// Starts one that writes this before the first line.
    pub(super) fn start(target: impl Write + Send + 'static, first: &[u8]) -> io::Result<Self> {
        let mut target = Target::new(target, first.into());
        let (jobs, waiting) = mpsc::sync_channel(MAX_WAITING);
        let thread = thread::Builder::new().name("redlock-recorder".into());
        let thread = thread.spawn(move || target.serve(&waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), missed: AtomicU64::new(0) })
    }

    /// Writes a line, or counts it if too many wait.
    pub(super) fn write(&self, record: &Record) {
        if let Some((missed, count)) = self.missed_before(record) {
            self.send(&missed, count);
        }
        self.send(record, 1);
    }

    /// Writes the last line. Nobody is delayed any more: it waits until there is room.
    pub(super) fn end(&self, record: &Record) {
        let Some(jobs) = &self.jobs else { return };
        let missed = self.missed_before(record).map(|(missed, _)| missed);
        for record in missed.iter().chain([record]) {
            // It fails where the thread has ended, and then there is nobody to write.
            let _ = jobs.send(Job::Line(line(record)));
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
        if let Err(TrySendError::Full(_)) = jobs.try_send(Job::Line(line(record))) {
            self.missed.fetch_add(counts, Ordering::Relaxed);
        }
    }

    /// Waits until all is written, with what this makes of the number of lines that are missing behind those that wait.
    pub(super) fn flush(&self, missed: impl FnOnce(u64) -> Record) -> io::Result<()> {
        let (done, result) = mpsc::channel();
        let count = self.missed.swap(0, Ordering::Relaxed);
        let last = (count > 0).then(|| Job::Line(line(&missed(count))));
        let jobs = last.into_iter().chain([Job::Flush(done)]);
        let is_sent = self.jobs.as_ref().is_some_and(|queue| jobs.map(|job| queue.send(job)).all(|sent| sent.is_ok()));
        let gone = || io::Error::other("the thread that writes has ended");
        if is_sent { result.recv().unwrap_or_else(|_| Err(gone())) } else { Err(gone()) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It panics only if what it writes to does.
            let _ = thread.join();
        }
    }
}

fn line(record: &Record) -> String {
    // Nothing in a record is a map with keys that are no text, so this does not fail.
    serde_json::to_string(record).unwrap_or_default()
}

/// What is written to.
struct Target<W> {
    sink: W,
    block: Vec<u8>,
    has_failed: bool,
    /// The error that nobody was told yet.
    error: Option<io::Error>,
}

impl<W: Write> Target<W> {
    const fn new(sink: W, block: Vec<u8>) -> Self {
        Self { sink, block, has_failed: false, error: None }
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
        self.block.clear();
    }
}
