use std::io::{self, BufRead};

use redlock_core::Resource;

use crate::drawing::Picture;
use crate::record::{Event, Record, VERSION};
use crate::{picture, story};

/// What was recorded by one process or several.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Vec<Record>,
    /// The name of the only lock that matters, as it is and as it is recorded.
    name: Option<[String; 2]>,
}

/// An error of [`History::read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is no part of a recording.
    #[error("line {line} is no part of a recording: {why}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// A later version of this crate has written it.
    #[error("line {line}: the recording is of version {version}, and only {VERSION} can be read")]
    Version {
        /// The number of the line, from 1.
        line: usize,
        /// The version.
        version: u32,
    },
}

impl History {
    /// Creates one of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what recorders have written. A line that is incomplete, because its process was killed, the disk was full or the
    /// machine was switched off, is left out.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or a line is no part of a recording. The lines before are added.
    pub fn read(&mut self, mut source: impl BufRead) -> Result<(), HistoryError> {
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            if source.read_until(b'\n', &mut text)? == 0 {
                break;
            }
            let text = text.strip_suffix(b"\n").unwrap_or(&text);
            // There are zeros where the machine was switched off before what stood there was on the disk: the beginning of
            // what is behind them may be missing, too.
            for (place, part) in text.split(|byte| *byte == 0).enumerate() {
                match self.read_part(part, line) {
                    Err(HistoryError::Line { .. }) if place > 0 => {}
                    read => read?,
                }
            }
        }
        Ok(())
    }

    fn read_part(&mut self, text: &[u8], line: usize) -> Result<(), HistoryError> {
        match serde_json::from_slice::<Record>(text) {
            Ok(Record { event: Event::Begun { version, .. }, .. }) if version > VERSION => {
                return Err(HistoryError::Version { line, version });
            }
            Ok(record) => self.records.push(record),
            // A blank line is such a line, too.
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(HistoryError::Line { line, why: error.to_string() }),
        }
        Ok(())
    }

    /// Leaves out the locks of other names. One that has several names stays if this is one of them.
    #[must_use]
    pub fn only(self, name: impl Into<String>) -> Self {
        let name = name.into();
        let recorded = Resource::new(&name).to_string();
        Self { name: Some([name, recorded]), ..self }
    }

    /// Returns whether nothing is known of a lock.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stories().lives.is_empty()
    }

    /// Draws it: for each process and name the times in which it waited for the lock (pale) and held it (solid), and for each
    /// node whose key it had, with everything that went wrong.
    #[must_use]
    pub fn picture(&self) -> Picture {
        picture::draw(&self.stories())
    }

    fn stories(&self) -> story::Stories {
        let mut records: Vec<_> = self.records.iter().collect();
        // What happened at the same time stays in the order in which it was written.
        records.sort_by_key(|record| record.at);
        story::Stories::tell(records.into_iter(), self.name.as_ref())
    }
}
