use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use redlock_tokio::DetachedLock;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::node_names::NodeNames;

/// What a file says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LeftLock {
    #[serde(flatten)]
    pub(crate) lock: DetachedLock,
    /// Those on which it was acquired; none in a file that was written by another program.
    #[serde(default)]
    pub(crate) nodes: NodeNames,
}

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
            return Err(unusable(path, IS_THERE));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = NamedTempFile::new_in(folder).map_err(|error| match error.kind() {
            ErrorKind::NotFound => unusable(path, format!("make the folder {} first", folder.display())),
            _ => unusable(path, format!("no file can be written in the folder {}: {error}", folder.display())),
        })?;
        Ok(Self { path: path.into(), draft })
    }

    /// Writes the file, unless there is one meanwhile.
    pub(crate) fn write(mut self, lock: &LeftLock) -> Result<(), Failure> {
        let text = serde_json::to_string(lock).map_err(|error| unusable(&self.path, error))?;
        let written = writeln!(self.draft, "{text}").and_then(|()| self.draft.as_file().sync_all());
        written.map_err(|error| unusable(&self.path, error))?;
        let persisted = self.draft.persist_noclobber(&self.path);
        persisted.map(drop).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => unusable(&self.path, IS_THERE),
            _ => unusable(&self.path, error.error),
        })
    }
}

/// Reads a file. No error shows what is in it.
pub(crate) fn read(path: &Path) -> Result<LeftLock, Failure> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => unusable(path, "it is not there: `redlock acquire` writes it, and a release removes it"),
        ErrorKind::InvalidData => unusable(path, NOT_OURS),
        _ => unusable(path, error),
    })?;
    serde_json::from_str(&text).map_err(|_| unusable(path, NOT_OURS))
}

/// Removes a file whose lock is over.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| unusable(path, format!("remove it yourself, its lock is over: {error}")))
}

const IS_THERE: &str =
    "it is there already and may belong to another lock: release that one with it first, or name another file";

const NOT_OURS: &str = "it was not written by `redlock acquire`: name the file that its --token has named";

fn unusable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("the token file {}: {why}", path.display()))
}
