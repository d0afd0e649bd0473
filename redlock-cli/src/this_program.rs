use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::sys::signal::{Signal, raise};

use crate::failure::signal_status;

/// The first argument with which this program starts itself, to be ended by SIGINT.
pub(crate) const INTERRUPTED: &str = "__interrupted";

/// This program, also if its file was replaced meanwhile.
pub(crate) fn path() -> OsString {
    const LINUX: &str = "/proc/self/exe";
    if Path::new(LINUX).exists() {
        return LINUX.into();
    }
    let called = || std::env::args_os().next().unwrap_or_else(|| "redlock".into());
    // Without /proc, Linux does not say.
    std::env::current_exe().map_or_else(|_| called(), Into::into)
}

/// Ends this process by SIGINT, to which it has listened: a shell would go on with its script if it ended with a status. To stop
/// listening would take `unsafe`, but a process that begins anew does not listen. It only returns if that fails.
pub(crate) fn interrupt() {
    let _ = Command::new(path()).arg(INTERRUPTED).exec();
}

/// Does what [`interrupt`] has begun. It only returns if the signal is ignored.
pub(crate) fn be_interrupted() -> ExitCode {
    let _ = raise(Signal::SIGINT);
    ExitCode::from(signal_status(Signal::SIGINT as i32))
}
