use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{Launch, Server};
use crate::port::Port;
use crate::process::Process;

/// The environment variable with the path of the server's binary.
const SERVER_VARIABLE: &str = "REDLOCK_SERVER";

/// The binary that is started if the variable is not set.
pub(crate) const DEFAULT_SERVER: &str = "redis-server";

/// Starts that lose their port to another process before the last one panics.
const PORT_ATTEMPTS: u32 = 10;

/// The settings of a [`Server`]: without a password, persistence and Unix socket unless asked for.
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    pub(super) binary: PathBuf,
    pub(super) password: Option<String>,
    persistent: bool,
    unix_socket: bool,
    arguments: Vec<String>,
    /// Those of its settings, kept for the server.
    ports: Vec<Arc<Port>>,
}

impl ServerBuilder {
    /// The binary of the server: a path, or the name of a program. Default: the value of the environment variable
    /// `REDLOCK_SERVER`, or `redis-server` if there is none.
    #[must_use]
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = binary.into();
        self
    }

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

    /// Another setting of the server as its command line takes it, such as `--maxmemory` and `1mb`.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.into(), value.into()]);
        self
    }

    /// Another setting of the server that is a port, which is kept for it as its own is.
    #[must_use]
    pub fn port(mut self, name: &str, port: Port) -> Self {
        let number = port.number().to_string();
        self.ports.push(Arc::new(port));
        self.arg(name, &number)
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
    /// If there is no such binary, or the server does not answer within ten seconds; then with its log.
    #[must_use]
    pub fn start(self) -> Server {
        for _ in 0..PORT_ATTEMPTS {
            let mut server = Server::new(self.clone(), Port::free());
            if server.launch() == Launch::Ready {
                return server;
            }
        }
        panic!("{PORT_ATTEMPTS} free ports were all taken before the server could listen on them")
    }

    /// Returns what the binary says about itself, such as `Valkey server v=9.1.2 sha=…`; `None` if it does not run.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        self.output_of(&["--version"])
    }

    /// Returns whether the server was built with TLS; `false` too if the binary does not run.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        // Without a certificate it ends at once, and without TLS it says that it lacks that.
        let complaint = self.output_of(&["--port", "0", "--tls-port", "1"]);
        complaint.is_some_and(|text| text.contains("tls-cert-file"))
    }

    fn output_of(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(&self.binary).args(arguments).stdin(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().into())
    }

    pub(super) fn spawn(&self, port: u16, directory: &Path) -> Process {
        let log = File::create(log_path(directory)).expect("the log can be created");
        let errors = log.try_clone().expect("the log can be shared");
        let mut command = Command::new(&self.binary);
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

impl Default for ServerBuilder {
    fn default() -> Self {
        let binary = env::var_os(SERVER_VARIABLE).filter(|path| !path.is_empty());
        Self {
            binary: binary.unwrap_or_else(|| DEFAULT_SERVER.into()).into(),
            password: None,
            persistent: false,
            unix_socket: false,
            arguments: Vec::new(),
            ports: Vec::new(),
        }
    }
}

pub(super) fn log_path(directory: &Path) -> PathBuf {
    directory.join("redis.log")
}
