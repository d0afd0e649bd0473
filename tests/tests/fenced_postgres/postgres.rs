//! A PostgreSQL server of the test's own.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redlock_tests::wait_until;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// It starts in less than a second; this is for machines that are busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server in a temporary directory, which listens on a Unix socket there and nowhere else. It ends when it is dropped.
pub(crate) struct Postgres {
    // Before the directory: dropped first.
    _process: Process,
    directory: TempDir,
}

impl Postgres {
    /// Creates the data of a server, and starts it.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let directory = tempfile::Builder::new().prefix("redlock-").tempdir().expect("a directory can be made");
        let data = directory.path().join("data");
        if geteuid().is_root() {
            // The server refuses to run as root, so that this directory has to be its user's.
            run(Command::new("chown").arg("postgres").arg(directory.path()));
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("the directory is ours");
        let mut initdb = unprivileged(&programs.join("initdb"));
        // Nothing here has to outlive the machine.
        run(initdb
            .args(["--username=test", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync", "--pgdata"])
            .arg(&data));
        let log = File::create(directory.path().join("log")).expect("the log can be created");
        let errors = log.try_clone().expect("the log can be shared");
        let mut server = unprivileged(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(directory.path()).args(["-c", "listen_addresses=", "-F"]);
        let process = server.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("the server can be run");
        let postgres = Self { _process: Process(process), directory };
        postgres.wait();
        postgres
    }

    /// Opens a connection; a task of the runtime drives it.
    pub(crate) async fn connect(&self) -> Client {
        let mut config = Config::new();
        config.host_path(self.directory.path()).user("test").dbname("postgres");
        let (client, connection) =
            config.connect(NoTls).await.unwrap_or_else(|error| panic!("{error}:\n{}", self.log()));
        tokio::spawn(connection);
        client
    }

    /// The line `ready` stands in the file of a server that takes connections.
    fn wait(&self) {
        let status = self.directory.path().join("data/postmaster.pid");
        let ready = || fs::read_to_string(&status).is_ok_and(|text| text.lines().any(|line| line.trim() == "ready"));
        assert!(wait_until(START_LIMIT, ready), "PostgreSQL did not start:\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // What SIGINT means to it: end all sessions, and then itself with all its processes.
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

/// Returns where the programs of the server are; on Debian that is a directory for each version, not one of `PATH`.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path());
    let mut candidates: Vec<_> = versions.map(|version| version.join("bin")).collect();
    candidates.extend(std::env::split_paths(&path));
    let found = candidates.into_iter().find(|directory| directory.join("initdb").exists());
    found.expect("PostgreSQL is not installed: run ./test.sh, which installs it")
}

/// A command that is run as the user `postgres` where the test is run by root.
fn unprivileged(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    // It runs the program in its own place, so that a signal reaches the program.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}
