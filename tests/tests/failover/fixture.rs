//! Sentinels and clusters, real ones and scripted ones.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, thread};

use redlock_core::health::{Health, NodeHealth, Warning};
use redlock_tests::{Port, Server, ServerBuilder, Servers, command_at, command_with_password_at, wait_until};
use redlock_tokio::Redlock;

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// Far above what anything here takes on an idle machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A process of the server's binary that watches a master.
pub(crate) struct Sentinel {
    process: Child,
    _directory: tempfile::TempDir,
    port: Port,
    password: Option<&'static str>,
}

/// The passwords of a sentinel and of the master that it watches.
pub(crate) struct Passwords {
    pub(crate) sentinel: &'static str,
    pub(crate) master: &'static str,
}

impl Sentinel {
    /// Starts one that knows the master, and its replica.
    pub(crate) fn start(master: &Server) -> Self {
        Self::spawn(master.port(), "", None).after_it_has_found_the_replica()
    }

    /// Starts one that asks for a password, and has that of the master and its replica.
    pub(crate) fn start_with_passwords(master: &Server, passwords: &Passwords) -> Self {
        let Passwords { sentinel, master: of_master } = passwords;
        let settings = format!("requirepass {sentinel}\nsentinel auth-pass main {of_master}\n");
        Self::spawn(master.port(), &settings, Some(sentinel)).after_it_has_found_the_replica()
    }

    /// Starts one that knows a master by the port at which that speaks TLS, and speaks TLS itself.
    pub(crate) fn start_with_tls(master: u16, port: u16, settings: &[(&str, String)]) -> Self {
        let speaks = [format!("tls-port {port}"), "tls-replication yes".into()];
        let certificates = settings.iter().map(|(name, value)| format!("{name} {value}"));
        let settings: Vec<_> = speaks.into_iter().chain(certificates).collect();
        let sentinel = Self::spawn(master, &settings.join("\n"), None);
        assert!(wait_until(SOON, || sentinel.command(&["PING"]).is_some()), "it does not answer");
        sentinel
    }

    fn spawn(master: u16, settings: &str, password: Option<&'static str>) -> Self {
        let (port, directory) = (Port::free(), tempfile::tempdir().unwrap());
        let watches = [
            &format!("port {}\nbind 127.0.0.1\ndir {}", port.number(), directory.path().display()),
            &format!("sentinel monitor main 127.0.0.1 {master} 1"),
            "sentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 4000",
            settings,
        ];
        let file = directory.path().join("sentinel.conf");
        fs::write(&file, watches.join("\n")).unwrap();
        let binary = env::var("REDLOCK_SERVER").ok().filter(|path| !path.is_empty());
        let mut command = Command::new(binary.unwrap_or_else(|| "redis-server".into()));
        command.arg(file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process: command.spawn().unwrap(), _directory: directory, port, password }
    }

    fn after_it_has_found_the_replica(self) -> Self {
        let knows_replica = || self.command(&["INFO", "sentinel"]).is_some_and(|info| info.contains("slaves=1,"));
        assert!(wait_until(SOON, knows_replica), "it finds no replica");
        self
    }

    pub(crate) fn url(&self) -> String {
        self.url_with(self.password)
    }

    /// Returns the URL with this password.
    pub(crate) fn url_with(&self, password: Option<&str>) -> String {
        let user = password.map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{user}127.0.0.1:{}", self.port.number())
    }

    /// Lets the replica take over; it can only when the sentinel has heard of it lately.
    pub(crate) fn fail_over(&self) {
        let has_begun = || self.command(&["SENTINEL", "FAILOVER", "main"]).is_some();
        assert!(wait_until(SOON, has_begun), "the replica is no good");
    }

    fn command(&self, words: &[&str]) -> Option<String> {
        match self.password {
            Some(password) => command_with_password_at(self.port.number(), password, words).ok(),
            None => command_at(self.port.number(), words).ok(),
        }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Something that says where the master is, and is no sentinel.
pub(crate) struct Scripted {
    port: u16,
    master: Arc<Mutex<u16>>,
}

impl Scripted {
    pub(crate) fn naming(master: &Server) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let named = Arc::new(Mutex::new(master.port()));
        let says = named.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut question = [0; 1_024];
                let _ = stream.read(&mut question);
                let port = says.lock().unwrap().to_string();
                let _ = write!(stream, "*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
            }
        });
        Self { port, master: named }
    }

    pub(crate) fn names(&self, master: &Server) {
        *self.master.lock().unwrap() = master.port();
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// Starts servers that replicate each other without waiting for more replicas.
pub(crate) fn pair() -> Servers {
    pair_of(Server::builder())
}

/// Starts such servers with these settings.
pub(crate) fn pair_of(settings: ServerBuilder) -> Servers {
    let servers = settings.arg("--repl-diskless-sync-delay", "0").start_many(2);
    replicate(&servers[1], &servers[0]);
    servers
}

/// Makes a server the replica of another, and waits until it has its data.
pub(crate) fn replicate(replica: &Server, master: &Server) {
    replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    let is_up = || info(replica).contains("master_link_status:up");
    assert!(wait_until(SOON, is_up), "{}", info(replica));
}

pub(crate) fn info(server: &Server) -> String {
    server.command(&["INFO"]).unwrap_or_default()
}

/// A cluster of masters, which have the slots in equal parts.
pub(crate) struct Cluster {
    pub(crate) masters: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start(count: u16) -> Self {
        Self::of((0..count).map(|_| member()).collect())
    }

    /// Starts one whose members speak TLS, to clients at ports of their own, and to each other.
    pub(crate) fn start_with_tls(count: u16, settings: &[(&str, String)]) -> Self {
        Self::of((0..count).map(|_| member_with_tls(settings)).collect())
    }

    fn of(masters: Vec<Server>) -> Self {
        let count = u16::try_from(masters.len()).unwrap();
        let part = 16_384 / count;
        for (number, master) in (0..).zip(&masters) {
            let last = if number + 1 == count { 16_383 } else { (number + 1) * part - 1 };
            master.add_slots(number * part..=last);
            master.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).unwrap();
        }
        for master in &masters[1..] {
            let ports = [master.port(), bus_port(master)].map(|port| port.to_string());
            masters[0].command(&["CLUSTER", "MEET", "127.0.0.1", &ports[0], &ports[1]]).unwrap();
        }
        let cluster = Self { masters };
        assert!(wait_until(SOON, || cluster.is_whole()), "the members do not find each other");
        cluster
    }

    fn is_whole(&self) -> bool {
        self.masters.iter().all(|master| {
            let known = master.command(&["CLUSTER", "INFO"]).unwrap_or_default();
            let is_known = format!("cluster_known_nodes:{}", self.masters.len());
            known.contains("cluster_state:ok") && known.contains(&is_known)
        })
    }

    /// Starts a replica of a master, and waits until it has its data and all know it.
    pub(crate) fn add_replica_of(&self, master: usize) -> Server {
        let (replica, master) = (member(), &self.masters[master]);
        let ports = [master.port(), bus_port(master)].map(|port| port.to_string());
        replica.command(&["CLUSTER", "MEET", "127.0.0.1", &ports[0], &ports[1]]).unwrap();
        let id = master.command(&["CLUSTER", "MYID"]).unwrap();
        let has_begun = || replica.command(&["CLUSTER", "REPLICATE", &id]).is_ok();
        assert!(wait_until(SOON, has_begun), "it does not find its master");
        let is_up = || info(&replica).contains("master_link_status:up");
        assert!(wait_until(SOON, is_up), "{}", info(&replica));
        let shows_it = |member: &Server| {
            let all = member.command(&["CLUSTER", "NODES"]).unwrap_or_default();
            all.lines().filter(|line| line.contains(" connected")).count() == self.masters.len() + 1
                && all.contains("slave ")
                && !all.contains("handshake")
        };
        let is_known = || self.masters.iter().chain([&replica]).all(shows_it);
        assert!(wait_until(SOON, is_known), "the members do not find the replica");
        replica
    }

    /// Moves an empty slot to another master, and tells all.
    pub(crate) fn move_slot(&self, slot: u16, to: usize) {
        let id = self.masters[to].command(&["CLUSTER", "MYID"]).unwrap();
        // The new master first: otherwise it would hear from the old one that the slot is nobody's.
        for number in (0..self.masters.len()).map(|number| (to + number) % self.masters.len()) {
            let words = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id];
            self.masters[number].command(&words).unwrap();
        }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.masters.iter().map(Server::url).collect()
    }

    /// Returns the URLs of members that were started with TLS.
    pub(crate) fn tls_urls(&self) -> Vec<String> {
        self.masters.iter().map(|master| format!("rediss://127.0.0.1:{}", setting(master, "tls-port"))).collect()
    }

    /// Returns the number of the master that has the key.
    pub(crate) fn holder_of(&self, name: &str) -> Option<usize> {
        self.masters.iter().position(|master| master.get(name).is_ok_and(|value| value.is_some()))
    }
}

fn member() -> Server {
    settings_of_member().start()
}

fn member_with_tls(settings: &[(&str, String)]) -> Server {
    let member = settings_of_member().port("--tls-port", Port::free()).arg("--tls-cluster", "yes");
    settings.iter().fold(member, |member, (name, value)| member.arg(&format!("--{name}"), value)).start()
}

fn settings_of_member() -> ServerBuilder {
    let settings = Server::builder().arg("--cluster-enabled", "yes").port("--cluster-port", Port::free());
    settings.arg("--cluster-node-timeout", "5000").arg("--repl-diskless-sync-delay", "0")
}

/// Lets a replica of a cluster take over: with its master and the others, or although they do not answer (`TAKEOVER`).
pub(crate) fn take_over(replica: &Server, how: &[&str]) {
    let words = [&["CLUSTER", "FAILOVER"][..], how].concat();
    // One that does not get its votes in time gives up, and has to be asked again.
    let takes_over = || {
        drop(replica.command(&words));
        wait_until(Duration::from_secs(3), || info(replica).contains("role:master"))
    };
    assert!(wait_until(SOON, takes_over), "{}", replica.log());
}

fn bus_port(member: &Server) -> u16 {
    setting(member, "cluster-port")
}

/// Returns a setting that is a port.
fn setting(server: &Server, name: &str) -> u16 {
    let config = server.command(&["CONFIG", "GET", name]).unwrap();
    config.lines().last().unwrap().parse().unwrap()
}

/// Waits until all nodes are connected.
pub(crate) fn wait_until_connected(redlock: &Redlock) -> Health {
    wait_for_health(redlock, |health| health.nodes.iter().all(|node| node.has_vote() || node.quarantine.is_some()))
}

/// Waits until the report is so.
pub(crate) fn wait_for_health(redlock: &Redlock, is_so: impl Fn(&Health) -> bool) -> Health {
    assert!(wait_until(SOON, || is_so(&redlock.health())), "{}", redlock.health());
    redlock.health()
}

/// Asserts that one node, the first, is said to fail over.
pub(crate) fn assert_warned(health: &Health) {
    let warnings: Vec<&[Warning]> = health.nodes.iter().map(|NodeHealth { warnings, .. }| &warnings[..]).collect();
    assert_eq!(warnings[0], [Warning::FailsOver], "{health}");
    assert!(warnings[1..].iter().all(|warnings| warnings.is_empty()), "{health}");
    assert!(!health.is_good() && health.to_string().contains("it fails over to a server"), "{health}");
}

/// Starts two masters that know nothing of anybody.
pub(crate) fn two_masters() -> Servers {
    Servers::start(2)
}
