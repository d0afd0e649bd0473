use std::io::ErrorKind;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, waitid};

/// A process that does not outlive its owner.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn spawn(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("redis-server is not installed: run ./test.sh, which installs it")
            }
            Err(error) => panic!("redis-server does not run: {error}"),
        }
    }

    /// Stops it, and returns when it has stopped: the kernel takes its time to tell a process on another core.
    pub(super) fn pause(&self) {
        self.signal(Signal::STOP);
        let status = self.wait(WaitIdOptions::STOPPED | WaitIdOptions::EXITED);
        assert!(status.is_some_and(|status| status.stopped()), "a server that has exited cannot be paused");
    }

    pub(super) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(super) fn is_running(&self) -> bool {
        self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOHANG).is_none()
    }

    pub(super) fn id(&self) -> u32 {
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

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if there is no such process, which is what is wanted. A paused process can be killed as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
