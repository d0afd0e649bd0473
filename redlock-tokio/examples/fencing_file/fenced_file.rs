//! A file that refuses the writes of late holders of a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use redlock_tokio::{Fence, StaleFence};
use rustix::fs::{FlockOperation, flock};

/// A file whose first line is the largest fence that it has seen.
///
/// Fence and contents are replaced together: whoever reads the file sees both of one holder, and so does the machine after a
/// loss of power. It assumes that `flock` excludes all who write, that a rename replaces a file in one step, and that everybody
/// writes it in this way.
pub(crate) struct FencedFile {
    path: PathBuf,
    /// What is locked, because the file itself is another one after each write. It is never removed.
    lock: PathBuf,
}

impl FencedFile {
    /// Names a file, which need not exist. Beside it are one that ends in `.lock` and, during a write, one in `.new`.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { lock: with_suffix(&path, ".lock"), path }
    }

    /// Returns the contents, and has the file refuse all smaller fences from now on. A holder reads before it writes.
    pub(crate) fn read(&self, fence: Fence) -> io::Result<String> {
        let _locked = self.locked()?;
        let (seen, contents) = self.load()?;
        self.admit(fence, seen)?;
        if seen < fence {
            self.replace(fence, &contents)?;
        }
        Ok(contents)
    }

    /// Replaces the contents, unless the file has seen a larger fence.
    pub(crate) fn write(&self, fence: Fence, contents: &str) -> io::Result<()> {
        let _locked = self.locked()?;
        let (seen, _) = self.load()?;
        self.admit(fence, seen)?;
        self.replace(fence, contents)
    }

    /// Waits until nobody else reads or writes; that ends when what is returned is dropped, or with the process.
    fn locked(&self) -> io::Result<File> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock)?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    fn load(&self) -> io::Result<(Fence, String)> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Fence::default(), String::new())),
            text => text?,
        };
        let (fence, contents) = text.split_once('\n').ok_or_else(|| self.damaged())?;
        Ok((Fence::new(fence.parse().map_err(|_| self.damaged())?), contents.into()))
    }

    fn admit(&self, fence: Fence, seen: Fence) -> io::Result<()> {
        if seen > fence {
            let stale = StaleFence::new(self.path.as_os_str().as_encoded_bytes(), fence, seen);
            return Err(io::Error::new(ErrorKind::PermissionDenied, stale));
        }
        Ok(())
    }

    fn replace(&self, fence: Fence, contents: &str) -> io::Result<()> {
        let new = with_suffix(&self.path, ".new");
        let mut file = File::create(&new)?;
        write!(file, "{fence}\n{contents}")?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // The rename lasts when its directory does.
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn damaged(&self) -> io::Error {
        let path = self.path.display();
        io::Error::new(ErrorKind::InvalidData, format!("{path} does not begin with a fence: who else writes it?"))
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
