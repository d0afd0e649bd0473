mod builder;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use tempfile::TempDir;

pub(crate) use self::builder::DEFAULT_SERVER;
pub use self::builder::ServerBuilder;
use self::builder::log_path;
use crate::connection::Connection;
use crate::port::Port;
use crate::process::Process;
use crate::reply::Reply;
use crate::wait_until;

/// A server starts in about 10 ms; this is for machines that are busy.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long [`Server::command`] waits, far above what an idle server takes.
const COMMAND_LIMIT: Duration = Duration::from_secs(1);

/// A server process on a port and in a temporary directory of its own; both go away with it when it is dropped.
#[derive(Debug)]
pub struct Server {
    // Before the directory: dropped first.
    process: Option<Process>,
    directory: TempDir,
    port: Port,
    settings: ServerBuilder,
}

#[derive(Debug, PartialEq, Eq)]
enum Launch {
    Ready,
    PortTaken,
}

impl Server {
    /// Starts a server with the defaults of [`Server::builder`].
    ///
    /// # Panics
    ///
    /// As [`ServerBuilder::start`].
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The settings of a server that is to be started.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Ends the process as a power failure would (`kill -9`); nothing happens if it is not running.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Kills the process if it is running, and starts it again on its port and in its directory.
    ///
    /// The keys are still there only if the server is [persistent](ServerBuilder::persistent); scripts and changed
    /// settings are gone.
    ///
    /// # Panics
    ///
    /// If it does not answer within ten seconds, or another process keeps its port for that long.
    pub fn restart(&mut self) {
        self.kill();
        let ready = wait_until(START_LIMIT, || self.launch() == Launch::Ready);
        assert!(ready, "another process has taken port {}", self.port());
    }

    /// Stops the process (`SIGSTOP`): it keeps its connections and takes new ones, but answers nothing.
    ///
    /// # Panics
    ///
    /// If it is not running.
    pub fn pause(&self) {
        self.process().pause();
    }

    /// Lets a paused process go on (`SIGCONT`): it then serves the commands that have come in meanwhile.
    ///
    /// # Panics
    ///
    /// If it was killed.
    pub fn resume(&self) {
        self.process().resume();
    }

    /// Sends one command over a new connection and returns the reply as `redis-cli` shows it: nil as `(nil)`, an array
    /// as one element per line. Words are bytes of any kind.
    ///
    /// # Errors
    ///
    /// The message of an error reply; a failed connection; [`TimedOut`](io::ErrorKind::TimedOut) if there is no answer
    /// for a second.
    pub fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
        self.command_within(COMMAND_LIMIT, words)
    }

    /// As [`Server::command`], with a time limit other than one second.
    ///
    /// # Errors
    ///
    /// As [`Server::command`].
    pub fn command_within(&self, limit: Duration, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
        self.exchange(limit, words).map(|reply| reply.to_string())
    }

    /// The value of a key to the byte, for tokens that are not text.
    ///
    /// # Errors
    ///
    /// As [`Server::command`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> io::Result<Option<Vec<u8>>> {
        match self.exchange(COMMAND_LIMIT, &[b"GET".as_slice(), key.as_ref()])? {
            Reply::Text(value) => Ok(Some(value)),
            Reply::Nil | Reply::Array(_) => Ok(None),
        }
    }

    /// Gives slots to a member of a cluster that nobody has.
    ///
    /// # Panics
    ///
    /// If it is no such member, or a slot is somebody's.
    pub fn add_slots(&self, slots: RangeInclusive<u16>) {
        // One by one: servers before version 7 know no ranges.
        let numbers = slots.map(|slot| slot.to_string());
        let words: Vec<String> = ["CLUSTER", "ADDSLOTS"].map(String::from).into_iter().chain(numbers).collect();
        self.command(&words).expect("the slots are free");
    }

    /// Returns whether the process exists, be it paused or not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_running)
    }

    /// The address at which clients find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The address for clients, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let user = self.settings.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{user}127.0.0.1:{}", self.port())
    }

    /// The port, which stays the same over restarts.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// The number of the process, which a restart changes.
    ///
    /// # Panics
    ///
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().id()
    }

    /// The path of the Unix socket, if the server was [started with one](ServerBuilder::unix_socket).
    #[must_use]
    pub fn unix_socket(&self) -> Option<PathBuf> {
        self.settings.socket_path(self.directory.path())
    }

    /// What the server has logged since it was last started.
    ///
    /// # Panics
    ///
    /// If the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(self.directory.path())).expect("the log can be read")
    }

    fn new(settings: ServerBuilder, port: Port) -> Self {
        let directory = tempfile::Builder::new().prefix("redlock-").tempdir().expect("a directory can be made");
        Self { process: None, directory, port, settings }
    }

    fn launch(&mut self) -> Launch {
        self.process = Some(self.settings.spawn(self.port(), self.directory.path()));
        let mut ready = false;
        let settled = wait_until(START_LIMIT, || {
            ready = self.answers();
            ready || !self.is_running()
        });
        if ready {
            return Launch::Ready;
        }
        let log = self.log();
        let binary = self.settings.binary.display();
        assert!(log.contains("Address already in use"), "{binary} did not start (exited: {settled}):\n{log}");
        Launch::PortTaken
    }

    /// Returns whether it serves commands, and is not another server that was faster to take the port.
    fn answers(&self) -> bool {
        let own = format!("process_id:{}\r\n", self.pid());
        self.command(&["INFO", "server"]).is_ok_and(|server| server.contains(&own)) && self.command(&["PING"]).is_ok()
    }

    fn exchange(&self, limit: Duration, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        let mut connection = Connection::open(self.port(), limit)?;
        if let Some(password) = &self.settings.password {
            connection.exchange(&["AUTH", password])?;
        }
        connection.exchange(words)
    }

    const fn process(&self) -> &Process {
        self.process.as_ref().expect("the server was killed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::command_at;

    #[test]
    fn another_server_on_the_port_is_not_taken_for_the_own_one() {
        let mut server = Server::new(Server::builder(), Port::free());
        let directory = tempfile::tempdir().unwrap();
        let _other = Server::builder().spawn(server.port(), directory.path());
        assert!(wait_until(START_LIMIT, || command_at(server.port(), &["PING"]).is_ok()));
        assert_eq!(server.launch(), Launch::PortTaken);
    }
}
