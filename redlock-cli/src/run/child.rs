use std::ffi::OsString;
use std::process::Command;

use nix::sys::signal::{Signal, kill, killpg, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, getsid};
use rustix::process::{self as wait, WaitOptions};
use tokio::signal::unix::{self, SignalKind};

use super::launch;
use crate::failure::{Failure, signal_status};
use crate::terminal;

/// A command in a process group of its own, which gets the terminal if this process has it.
///
/// A shell looks at the process group of this process only: whatever the terminal does to one of the two groups is done to the
/// other here, and whoever asks for the terminal gets it.
#[derive(Debug)]
pub(super) struct Child {
    /// The number of the process and of its group.
    pid: Pid,
    has_ended: bool,
    /// It gets the terminal whenever this process has it.
    wants_terminal: bool,
    /// It was told to stop, as this process was.
    is_to_stop: bool,
    /// What this process has sent to its own group, and will receive.
    echo: Option<Signal>,
    /// Tells that something has happened to a child.
    news: unix::Signal,
}

/// Something that has happened to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Ended(Exit),
    /// It was stopped, by Ctrl-Z for instance.
    Stopped {
        by: Signal,
    },
}

impl Change {
    fn of(status: wait::WaitStatus) -> Option<Self> {
        let named = |number| Signal::try_from(number).ok();
        if let Some(by) = status.stopping_signal().and_then(named) {
            return Some(Self::Stopped { by });
        }
        Some(Self::Ended(match status.terminating_signal() {
            Some(number) => Exit { status: signal_status(number), by: named(number) },
            None => Exit { status: status.exit_status().and_then(|code| u8::try_from(code).ok())?, by: None },
        }))
    }
}

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// As a shell would say it.
    pub(super) status: u8,
    /// The signal that has ended it, if that has a name.
    pub(super) by: Option<Signal>,
}

impl Child {
    /// Starts a command. A variable without a value is taken out of its environment.
    pub(super) fn start(command: &[OsString], variables: &[(&str, Option<String>)]) -> Result<Self, Failure> {
        // Before the command can end.
        let news = unix::signal(SignalKind::child())
            .map_err(|error| Failure::Other(format!("the command cannot be watched: {error}")))?;
        let wants_terminal = terminal::is_our_stdin();
        let mut launcher = launch::command(command, wants_terminal);
        for (name, value) in variables {
            set(&mut launcher, name, value.as_deref());
        }
        let program = || command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
        let child = launcher.spawn();
        let child = child.map_err(|error| Failure::NotStarted { program: program(), why: error.to_string() })?;
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        Ok(Self { pid, has_ended: false, wants_terminal, is_to_stop: false, echo: None, news })
    }

    /// Returns the number of the process.
    pub(super) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until something happens to the command. After its end, this does not complete.
    pub(super) async fn changed(&mut self) -> Change {
        loop {
            if let Some(change) = self.look() {
                return change;
            }
            // It ends with the runtime only.
            if self.news.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn look(&mut self) -> Option<Change> {
        if self.has_ended {
            return None;
        }
        let change =
            match wait::waitpid(wait::Pid::from_raw(self.pid.as_raw()), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((_, status))) => Change::of(status)?,
                Ok(None) => return None,
                // It is gone.
                Err(_) => Change::Ended(Exit { status: u8::MAX, by: None }),
            };
        if let Change::Ended(exit) = change {
            self.has_ended = true;
            self.give_terminal_back(exit.by);
        }
        Some(change)
    }

    /// Does with a signal that this process has received what is right for the command.
    pub(super) fn receive(&mut self, signal: Signal) {
        if self.echo.take_if(|echo| *echo == signal).is_some() {
            return;
        }
        match signal {
            Signal::SIGTSTP => self.ask_to_stop(),
            Signal::SIGTTIN | Signal::SIGTTOU => self.lend_terminal(),
            Signal::SIGTERM | Signal::SIGHUP => self.end_by(signal),
            _ => self.send(signal),
        }
    }

    /// Somebody has typed Ctrl-Z while the group of this process had the terminal.
    fn ask_to_stop(&mut self) {
        if !nobody_continues() {
            self.is_to_stop = true;
            self.send(Signal::SIGTSTP);
        }
    }

    /// Somebody in the group of this process needs the terminal, for instance what the output is piped into.
    fn lend_terminal(&mut self) {
        if terminal::is_at(self.pid) {
            self.wants_terminal = false;
            terminal::give_to(getpgrp());
        }
        if terminal::is_ours() {
            let _ = killpg(getpgrp(), Signal::SIGCONT);
        } else {
            self.ask_to_stop();
        }
    }

    /// Sends a signal to the whole group. A command that has ended meanwhile does not mind.
    fn send(&self, signal: Signal) {
        let _ = killpg(self.pid, signal);
    }

    /// Tells the whole group to end.
    pub(super) fn terminate(&self) {
        self.end_by(Signal::SIGTERM);
    }

    /// Tells the whole group to end, also if it is stopped: it would not hear of the signal otherwise.
    fn end_by(&self, signal: Signal) {
        self.send(signal);
        self.send(Signal::SIGCONT);
    }

    /// Kills the whole group, and the command itself should it have left the group.
    pub(super) fn kill(&self) {
        self.send(Signal::SIGKILL);
        if !self.has_ended {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }

    /// Returns whether anybody is left in the group of a command that has ended.
    pub(super) fn group_is_there(&self) -> bool {
        // The first process of a container inherits orphans, who stay there until they are waited for.
        while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) =
            waitpid(Pid::from_raw(self.pid.as_raw().saturating_neg()), Some(WaitPidFlag::WNOHANG))
        {}
        killpg(self.pid, None) != Err(nix::errno::Errno::ESRCH)
    }

    /// Stops this process along with a command that was stopped on its terminal, until the shell lets both go on. Returns
    /// whether the command is to be continued, with [`resume`](Self::resume).
    pub(super) fn stop_along(&mut self, by: Signal) -> bool {
        let is_to_stop = std::mem::take(&mut self.is_to_stop);
        let asks_for_terminal = matches!(by, Signal::SIGTTIN | Signal::SIGTTOU);
        self.wants_terminal |= asks_for_terminal;
        if asks_for_terminal && terminal::is_ours() {
            return true;
        }
        if terminal::is_at(self.pid) {
            terminal::give_to(getpgrp());
        } else if !is_to_stop && !asks_for_terminal {
            return false;
        }
        if nobody_continues() {
            return terminal::is_ours();
        }
        self.stop_with_group(if by == Signal::SIGSTOP { Signal::SIGTSTP } else { by });
        true
    }

    /// Stands still until this process is continued. Its group is stopped as the terminal would do it: the shell looks at all of
    /// it, and who ignores the signal, as `timeout` does, goes on.
    fn stop_with_group(&mut self, by: Signal) {
        self.echo = Some(by);
        let _ = killpg(getpgrp(), by);
        let _ = raise(Signal::SIGSTOP);
    }

    /// Lets a stopped command go on, in the foreground if this process is there.
    pub(super) fn resume(&self) {
        if self.wants_terminal && terminal::is_ours() {
            terminal::give_to(self.pid);
        }
        self.send(Signal::SIGCONT);
    }

    /// Whoever shares the group of this process, a script for instance, has not seen a Ctrl-C that ended the command.
    fn give_terminal_back(&self, ended_by: Option<Signal>) {
        if !terminal::is_at(self.pid) {
            return;
        }
        terminal::give_to(getpgrp());
        if let Some(signal @ (Signal::SIGINT | Signal::SIGQUIT)) = ended_by {
            let _ = killpg(getpgrp(), signal);
        }
    }
}

/// Returns whether there is no shell that lets this process go on when it was stopped: it is the first of its session, in a
/// container for instance, or belongs to that.
fn nobody_continues() -> bool {
    getsid(None) == Ok(getpgrp())
}

fn set(command: &mut Command, name: &str, value: Option<&str>) {
    match value {
        Some(value) => command.env(name, value),
        None => command.env_remove(name),
    };
}
