use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::Process;
use super::{Launch, Server};

/// Starts that lose their port to another process before the last one panics.
const PORT_ATTEMPTS: u32 = 10;

/// The settings of a [`Server`]: without a password, persistence and Unix socket unless asked for.
#[derive(Clone, Debug, Default)]
pub struct ServerBuilder {
    pub(super) password: Option<String>,
    persistent: bool,
    unix_socket: bool,
    arguments: Vec<String>,
}

impl ServerBuilder {
    /// The password of the default user: letters and digits, so that it can stand in a URL as it is.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Whether each write reaches the disk before its reply (`appendfsync always`), so that keys outlive a
    /// [restart](Server::restart).
    #[must_use]
    pub const fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Whether the server listens on a [Unix socket](Server::unix_socket) too.
    #[must_use]
    pub const fn unix_socket(mut self, unix_socket: bool) -> Self {
        self.unix_socket = unix_socket;
        self
    }

    /// Another setting of `redis-server` as its command line takes it, such as `--maxmemory` and `1mb`.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.into(), value.into()]);
        self
    }

    /// A server that does not know this command, as some hosts run it.
    #[must_use]
    pub fn without_command(mut self, name: &str) -> Self {
        self.arguments.extend(["--rename-command".into(), name.into(), String::new()]);
        self
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed, or does not answer within ten seconds; then with its log.
    #[must_use]
    pub fn start(self) -> Server {
        for _ in 0..PORT_ATTEMPTS {
            let mut server = Server::new(self.clone(), free_port());
            if server.launch() == Launch::Ready {
                return server;
            }
        }
        panic!("{PORT_ATTEMPTS} free ports were all taken before redis-server could listen on them")
    }

    pub(super) fn spawn(&self, port: u16, directory: &Path) -> Process {
        let log = File::create(log_path(directory)).expect("the log can be created");
        let errors = log.try_clone().expect("the log can be shared");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"]);
        command.arg("--dir").arg(directory);
        command.args(self.persistence());
        if let Some(password) = &self.password {
            command.args(["--requirepass", password]);
        }
        if let Some(socket) = self.socket_path(directory) {
            command.arg("--unixsocket").arg(socket);
        }
        command.args(&self.arguments);
        Process::spawn(command.stdin(Stdio::null()).stdout(log).stderr(errors))
    }

    pub(super) fn socket_path(&self, directory: &Path) -> Option<PathBuf> {
        self.unix_socket.then(|| directory.join("redis.sock"))
    }

    const fn persistence(&self) -> [&'static str; 6] {
        let append = if self.persistent { "yes" } else { "no" };
        ["--save", "", "--appendonly", append, "--appendfsync", "always"]
    }
}

pub(super) fn log_path(directory: &Path) -> PathBuf {
    directory.join("redis.log")
}

/// A port that nobody had a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}
