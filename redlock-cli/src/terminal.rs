//! The terminal of the session, also if stdin is something else.

use std::fs::File;
use std::io::{IsTerminal, stdin};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Returns whether stdin is a terminal, and this process is in its foreground.
pub(crate) fn is_our_stdin() -> bool {
    stdin().is_terminal() && is_ours()
}

/// Returns whether there is a terminal, and this process is in its foreground.
pub(crate) fn is_ours() -> bool {
    is_at(getpgrp())
}

/// Returns whether there is a terminal, and this process group is in its foreground.
pub(crate) fn is_at(group: Pid) -> bool {
    open().is_some_and(|terminal| tcgetpgrp(terminal) == Ok(group))
}

/// Puts a process group into the foreground: it may read, and Ctrl-C goes to it. A terminal that is gone is none to give.
pub(crate) fn give_to(group: Pid) {
    if let Some(terminal) = open() {
        let _ = from_anywhere(|| tcsetpgrp(terminal, group));
    }
}

/// Does something to the terminal that is for the foreground only: from the background, SIGTTOU would stop it.
pub(crate) fn from_anywhere<T>(act: impl FnOnce() -> T) -> T {
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGTTOU);
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let done = act();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    done
}

fn open() -> Option<File> {
    File::open("/dev/tty").ok()
}
