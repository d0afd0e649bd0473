//! The terminal at stdin.

use std::io::{IsTerminal, stdin};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Returns whether there is a terminal, and this process is in its foreground.
pub(super) fn is_ours() -> bool {
    stdin().is_terminal() && tcgetpgrp(stdin()) == Ok(getpgrp())
}

/// Puts a process group into the foreground: it may read, and Ctrl-C goes to it. A terminal that is gone is none to give.
pub(super) fn give_to(group: Pid) {
    // Whoever does this from the background is stopped by SIGTTOU otherwise.
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGTTOU);
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let _ = tcsetpgrp(stdin(), group);
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
}
