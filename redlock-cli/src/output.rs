use std::io::{ErrorKind, Write};

use rustix::fs::{OFlags, Stat, fcntl_getfl, fstat, stat};

use crate::failure::Failure;
use crate::terminal;

/// Writes to stdout, with colours only where that is a terminal. Nobody who reads any more is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    show(text).map(drop)
}

/// Writes to stdout as [`print`](fn@print) does, and returns whether somebody still reads.
pub(crate) fn show(text: &str) -> Result<bool, Failure> {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Other(format!("stdout: {error}"))),
    }
}

/// Returns whether stdout was closed, or opened to `/dev/null` in the way in which the standard library does it then.
pub(crate) fn is_nowhere() -> bool {
    let stdout = std::io::stdout();
    let is_open_for_both = fcntl_getfl(&stdout).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR);
    let device = |found: rustix::io::Result<Stat>| found.map(|found| found.st_rdev);
    is_open_for_both && device(fstat(&stdout)).is_ok_and(|own| device(stat("/dev/null")) == Ok(own))
}

/// Says one sentence on stderr. Where nobody can hear it, the status has to do.
pub(crate) fn complain(sentence: &str) {
    let _ = terminal::from_anywhere(|| writeln!(std::io::stderr(), "redlock: {sentence}"));
}
