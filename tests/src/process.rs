use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::process::{Child, ChildStdin, ChildStdout, Command};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, waitid};

use crate::server::DEFAULT_SERVER;

/// A process that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("{}", why_not_started(command.get_program(), &error)),
        }
    }

    /// Takes the ends of its standard input and output, where they are pipes.
    pub(crate) fn take_pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        (self.0.stdin.take(), self.0.stdout.take())
    }

    /// Stops it, and returns when it has stopped: the kernel takes its time to tell a process on another core.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let status = self.wait(WaitIdOptions::STOPPED | WaitIdOptions::EXITED);
        assert!(status.is_some_and(|status| status.stopped()), "a process that has exited cannot be paused");
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOHANG).is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child takes signals until it is waited for");
    }

    /// Looks without waiting for the process in the sense of Unix: its number stays its own until it is dropped.
    fn wait(&self, options: WaitIdOptions) -> Option<WaitIdStatus> {
        waitid(WaitId::Pid(self.pid()), options | WaitIdOptions::NOWAIT).expect("the process is a child")
    }
}

fn why_not_started(binary: &OsStr, error: &Error) -> String {
    let shown = binary.display();
    if error.kind() != ErrorKind::NotFound {
        format!("{shown} does not run: {error}")
    } else if binary == DEFAULT_SERVER {
        format!("{shown} is not installed: run ./test.sh, which installs it")
    } else {
        format!("there is no server at {shown}: check REDLOCK_SERVER, or run tests/server.sh, which fetches some")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if there is no such process, which is what is wanted. A paused process can be killed as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
