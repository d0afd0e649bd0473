use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redlock_history::Recorder;
use redlock_tokio::now;

use crate::failure::Failure;
use crate::output;

/// Whether a history is written, and where.
#[derive(clap::Args)]
pub(crate) struct RecordArgs {
    /// Append what happens to the lock and on the servers to this file, for `redlock picture`
    ///
    /// As JSON lines: when the lock was waited for, held, extended and lost, and what each server said. No token and no
    /// password is in it. Several processes may write to one file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// A history that is being written, or none.
#[derive(Debug, Default)]
pub(crate) struct Recording(Option<(PathBuf, Arc<Recorder>)>);

impl Recording {
    pub(crate) fn begin(args: &RecordArgs) -> Result<Self, Failure> {
        let Some(path) = &args.record else { return Ok(Self::default()) };
        let recorder = Recorder::append_to(path);
        let recorder = recorder.map_err(|error| Failure::Usage(format!("--record {}: {error}", path.display())))?;
        Ok(Self(Some((path.clone(), Arc::new(recorder.by(name_of_this_machine()))))))
    }

    /// Returns what a handle is to be observed by.
    pub(crate) fn recorder(&self) -> Option<Arc<Recorder>> {
        self.0.as_ref().map(|(_, recorder)| recorder.clone())
    }

    /// Notes what was done with the command.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        if let Some((_, recorder)) = &self.0 {
            recorder.note(text, now());
        }
    }

    /// Notes that the command has to end.
    pub(crate) fn warn(&self, text: impl fmt::Display) {
        if let Some((_, recorder)) = &self.0 {
            recorder.warn(text, now());
        }
    }

    /// Waits until all is written, and says so if it was not.
    pub(crate) fn finish(self) {
        if let Some((path, recorder)) = self.0
            && let Err(error) = recorder.flush()
        {
            complain(&path, &error);
        }
    }
}

fn complain(path: &Path, error: &std::io::Error) {
    output::complain(&format!("the recording {} is incomplete: {error}", path.display()));
}

/// A picture has one lane for all that was run on this machine.
fn name_of_this_machine() -> String {
    nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned()
}
