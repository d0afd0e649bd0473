use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use redlock_tests::{Servers, wait_until};
use tempfile::TempDir;

/// Far above what anything takes here, for machines that are busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The command with its nodes, and a folder for what its commands write.
pub(crate) struct Tool {
    nodes: String,
    folder: TempDir,
    /// They end with it.
    _servers: Option<Servers>,
}

impl Tool {
    /// The command on servers of its own.
    pub(crate) fn alone_on(count: usize) -> Self {
        let servers = Servers::start(count);
        let tool = Self::on(&servers);
        Self { _servers: Some(servers), ..tool }
    }

    pub(crate) fn on(servers: &Servers) -> Self {
        Self::with_nodes(&servers.urls())
    }

    pub(crate) fn with_nodes(urls: &[String]) -> Self {
        Self { nodes: urls.join(","), folder: tempfile::tempdir().unwrap(), _servers: None }
    }

    /// The command with arguments, without anything that the surroundings say.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redlock"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("REDLOCK_NODES", &self.nodes).env("XDG_CONFIG_HOME", self.folder.path());
        command
    }

    /// Runs a script of the shell to its end, in which the tool is `$0`.
    pub(crate) fn run_script(&self, script: &str) -> Ended {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_redlock")]).current_dir(self.folder.path()).stdin(Stdio::null());
        Ended::from(
            shell.env("REDLOCK_NODES", &self.nodes).env("XDG_CONFIG_HOME", self.folder.path()).output().unwrap(),
        )
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    /// Starts it, and lets it run.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Waits until a file has something in it.
    pub(crate) fn await_file(&self, name: &str) -> String {
        assert!(wait_until(LIMIT, || !self.read(name).is_empty()), "nobody has written {name}");
        self.read(name)
    }

    /// Writes a script for `sh` into a file, and returns its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().into()
    }
}

/// A pipe that takes nothing more until somebody reads it.
pub(crate) fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(&vec![0; 64 * 1024]).unwrap();
    (reader, writer)
}

/// A command that has not ended. It is killed when a test fails before.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_into(Stdio::piped(), command)
    }

    pub(crate) fn start_into(stdout: impl Into<Stdio>, command: &mut Command) -> Self {
        Self(Some(command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()))
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.as_ref().unwrap().id()).unwrap())
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.0.as_mut().unwrap().stdout.take().unwrap()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let has_ended = |child: &mut Child| child.try_wait().unwrap().is_some();
        assert!(wait_until(2 * LIMIT, || self.0.as_mut().is_none_or(has_ended)), "it goes on");
        Ended::from(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// The end of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// As a shell says it: 128 + N if signal N has ended the command itself.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts that one sentence on stderr says what has happened.
    pub(crate) fn assert_failed(&self, status: i32, says: &str) {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert!(self.stderr.starts_with("redlock: ") && self.stderr.contains(says), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
    }

    /// Asserts that nothing was said but what is expected.
    pub(crate) fn assert_said(&self, status: i32, stdout: &str) {
        let expected = Self { status: Some(status), stdout: stdout.into(), stderr: String::new() };
        assert_eq!(*self, expected);
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let status = output.status.code().or_else(|| Some(128 + output.status.signal()?));
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Returns whether a process runs; one that has ended and is not waited for does not.
pub(crate) fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z")
}
