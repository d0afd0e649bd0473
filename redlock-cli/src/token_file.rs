use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use redlock_tokio::DetachedLock;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file for a lock that nobody holds, as long as it is not there yet: nobody else can read it, and it appears whole or not
/// at all.
#[derive(Debug)]
pub(crate) struct NewTokenFile {
    path: PathBuf,
    /// In the same folder, with the mode 0600.
    draft: NamedTempFile,
}

impl NewTokenFile {
    /// Makes sure that the file can be written, before there is a lock.
    pub(crate) fn prepare(path: &Path) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(unusable(path, "it is there already and may belong to another lock"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = NamedTempFile::new_in(folder).map_err(|error| unusable(path, error))?;
        Ok(Self { path: path.into(), draft })
    }

    /// Writes the file, unless there is one meanwhile.
    pub(crate) fn write(mut self, lock: &DetachedLock) -> Result<(), Failure> {
        let text = serde_json::to_string(lock).map_err(|error| unusable(&self.path, error))?;
        let written = writeln!(self.draft, "{text}").and_then(|()| self.draft.as_file().sync_all());
        written.map_err(|error| unusable(&self.path, error))?;
        let persisted = self.draft.persist_noclobber(&self.path);
        persisted.map(drop).map_err(|error| unusable(&self.path, error.error))
    }
}

/// Reads a file. No error shows what is in it.
pub(crate) fn read(path: &Path) -> Result<DetachedLock, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unusable(path, error))?;
    serde_json::from_str(&text).map_err(|_| unusable(path, "it was not written by `redlock acquire`"))
}

/// Removes a file whose lock is over.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("the token file {}: {why}", path.display()))
}
