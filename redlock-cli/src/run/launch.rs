use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{Pid, getpgrp, getppid};

use crate::failure::Failure;
use crate::{terminal, this_program};

/// The first argument with which this program starts itself, to become the command of the user.
pub(crate) const NAME: &str = "__launch";

/// What has to be done in a new process before it becomes the command of the user. Between `fork` and `exec` it could be
/// done with `unsafe` only.
#[derive(clap::Parser)]
pub(crate) struct Args {
    /// The process that started this one
    #[arg(long)]
    parent: i32,
    /// Take the terminal
    #[arg(long)]
    foreground: bool,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Makes the command line that starts a command in a process group of its own.
pub(super) fn command(command: &[OsString], takes_foreground: bool) -> Command {
    let mut launcher = Command::new(this_program::path());
    launcher.process_group(0).arg(NAME).arg(format!("--parent={}", std::process::id()));
    if takes_foreground {
        launcher.arg("--foreground");
    }
    launcher.arg("--").args(command);
    launcher
}

/// Becomes the command of the user. It only returns if that fails.
pub(crate) fn launch(args: &Args) -> Failure {
    if !die_with(Pid::from_raw(args.parent)) {
        return Failure::Other("the process that keeps the lock is gone".into());
    }
    if args.foreground {
        terminal::give_to(getpgrp());
    }
    let Some((program, arguments)) = args.command.split_first() else {
        return Failure::Usage("there is no command".into());
    };
    let error = Command::new(program).args(arguments).exec();
    let program = program.to_string_lossy().into_owned();
    match error.kind() {
        ErrorKind::NotFound => Failure::NotFound { program },
        _ => Failure::NotStarted { program, why: error.to_string() },
    }
}

/// Has the system kill this process when its parent ends, as far as it can; returns whether the parent is still there.
fn die_with(parent: Pid) -> bool {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    getppid() == parent
}
