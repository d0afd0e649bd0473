//! A master that sentinels name, as one node.

use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use redlock_core::resp::{Inquiry, Settings};
use redlock_core::system::seeds::{Seeds, SentinelSettings, names_of_seeds, parse_seed, reason_of_all};
use redlock_core::system::url::{Address, UrlError};
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use super::connection::{NativeConnection, NativeTransport};
use super::lookup::Lookup;
use super::tls::{self, TlsSettings};
use super::tls_for;
use crate::transport::{Connection, Transport};
use crate::{BuildError, IntoNode, Node};

/// A master that is named by sentinels, as **one** node of the quorum, whichever server it is now.
///
/// # What it costs
///
/// Redlock's nodes are independent masters, and a master that fails over is none: replication is asynchronous, so the
/// replica that takes over may lack the newest keys. Somebody who was granted a lock by the old master may still hold it
/// while the new one grants it to somebody else. With such a node, mutual exclusion is only as good as the replication:
///
/// - In a quorum of three or five nodes a failover of one is what a restart without the data is; **one** such node beside
///   independent masters is safe as long as no other node loses keys in the same TTL.
/// - Used alone, or as the majority, a failover can make two holders.
///
/// The [restart guard](redlock_core::RestartGuard) helps: a handle that meets another server than before gives the node no
/// vote until all that the old one can have granted has expired. It cannot help a process that has just begun. The health
/// report always has [`Warning::FailsOver`](redlock_core::health::Warning::FailsOver) for the node. Name independent masters
/// where two holders must not be.
///
/// # How it goes
///
/// At every connection the sentinels are asked one after the other, beginning with the one that was last of help, and the
/// server that they name is connected to. It is used if it says that it is a master. The connection is given up, and the
/// sentinels are asked again, when the server refuses a command because it is a replica by now (`READONLY`). Nobody asks the
/// sentinels meanwhile: a master that is replaced while it is well is used until it has been told, for about ten seconds.
///
/// The name of the node is `mymaster@10.0.0.1:26379,10.0.0.2:26379`, whatever the order of the sentinels. All handles
/// should name the same ones: the name decides where those who wait for a lock wait.
///
/// `Debug` shows no password.
#[derive(Clone)]
#[must_use]
pub struct SentinelNode {
    settings: SentinelSettings,
    tls: Option<TlsSettings>,
}

impl SentinelNode {
    redlock_core::sentinel_setters! {
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    }

    /// Reads the URL of a sentinel.
    fn sentinel(&self, url: &str) -> Result<Sentinel, BuildError> {
        let read = parse_seed(url)?;
        let is_encrypted = matches!(read.address, Address::Tcp { tls: true, .. });
        let tls = tls_for(&read.address, self.tls.as_ref().filter(|_| is_encrypted));
        let tls = tls.map_err(|reason| BuildError::unusable_url(url, reason))?;
        let unusable = |UrlError { node, reason, .. }| BuildError::unusable_node(node, reason);
        let settings = read.settings(None).map_err(unusable)?;
        let name = read.address.to_string();
        let way = NativeTransport { address: read.address, tls, settings: settings.clone(), lookup: Lookup::default() };
        Ok(Sentinel { name, way, settings })
    }
}

impl IntoNode for SentinelNode {
    fn into_node(self) -> Result<Node, BuildError> {
        if self.settings.sentinels.is_empty() {
            return Err(BuildError::unusable_node("", "there is no URL: name at least one server to ask"));
        }
        let read = self.settings.sentinels.iter().map(|url| self.sentinel(url));
        let sentinels = read.collect::<Result<Seeds<_>, _>>()?;
        let names = names_of_seeds(sentinels.iter().map(|sentinel| sentinel.name.clone()));
        let settings = self.settings.checked_server(&names)?;
        let master = Master { name: self.settings.master, tls: self.tls, settings, lookup: Lookup::default() };
        Ok(Node::new(format!("{}@{names}", master.name), SentinelTransport { sentinels, master }))
    }
}

impl fmt::Debug for SentinelNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelNode").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A sentinel, and the way to it.
struct Sentinel {
    name: String,
    way: NativeTransport,
    settings: Settings,
}

/// The way to the master that sentinels name.
struct SentinelTransport {
    sentinels: Seeds<Sentinel>,
    master: Master,
}

/// The master as the sentinels know it, and how it is spoken to.
struct Master {
    name: String,
    tls: Option<TlsSettings>,
    settings: Settings,
    /// That of the hosts which the sentinels name.
    lookup: Lookup,
}

impl Transport for SentinelTransport {
    type Connection = SentinelConnection;

    /// Those that are silent share the time with those that are not.
    fn connect(&mut self, timeout: Duration) -> Result<SentinelConnection, Unavailable> {
        let (begun_at, mut failures) = (Instant::now(), Vec::new());
        for left in (1..=u32::try_from(self.sentinels.len()).unwrap_or(u32::MAX)).rev() {
            let Some(sentinel) = self.sentinels.take_turn() else { break };
            let share = timeout.saturating_sub(begun_at.elapsed()).checked_div(left).unwrap_or_default();
            match self.master.connect_by(sentinel, share) {
                Ok(connection) => {
                    self.sentinels.last_has_helped();
                    return Ok(connection);
                }
                Err(why) => failures.push((sentinel.name.clone(), why)),
            }
        }
        Err(reason_of_all(&failures))
    }
}

impl Master {
    /// Connects to the server that a sentinel names.
    fn connect_by(&mut self, sentinel: &mut Sentinel, timeout: Duration) -> Result<SentinelConnection, Unavailable> {
        let begun_at = Instant::now();
        let not_sent = |why: &str| Unavailable::with_detail(Cause::NotSent, why);
        let inquiry = Inquiry::master(&sentinel.settings, &self.name);
        let Some(place) = sentinel.way.ask(inquiry, timeout)?.as_master()? else {
            return Err(not_sent(&format!("it knows no master {}", self.name)));
        };
        let tls = self.tls.as_ref().map(|settings| tls::settings(&place.host, Some(settings))).transpose();
        let tls = tls.map_err(|reason| not_sent(&reason))?;
        let address = Address::Tcp { host: place.host, port: place.port, tls: tls.is_some() };
        let name = address.to_string();
        let settings = self.settings.clone();
        let mut master = NativeTransport { address, tls, settings, lookup: mem::take(&mut self.lookup) };
        let connected = master.connect(timeout.saturating_sub(begun_at.elapsed()));
        self.lookup = master.lookup;
        let connection = connected?;
        if connection.facts().is_replica() == Some(true) {
            return Err(not_sent(&format!("it names {name}, which is a replica")));
        }
        Ok(SentinelConnection(connection))
    }
}

/// A connection to the server that was the master when it was opened.
struct SentinelConnection(NativeConnection);

impl Connection for SentinelConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        self.0.send(command)
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        self.0.send_all(commands)
    }

    fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        self.0.source()
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        match self.0.receive(command, timeout)? {
            Some(reply) if reply.is_of_replica() => Err(Unavailable::with_detail(Cause::Disconnected, DEMOTED)),
            reply => Ok(reply),
        }
    }

    fn facts(&self) -> Facts {
        self.0.facts().with_failover()
    }

    fn hearing(&self) -> Hearing {
        self.0.hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        self.0.subscribe(waiter)
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.0.next_heard()
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        self.0.check()
    }

    fn has_more(&self) -> bool {
        self.0.has_more()
    }
}

const DEMOTED: &str = "the server is a replica by now, the sentinels are asked for the master again";

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// Answers every inquiry: the master is at a host whose name has to be looked up.
    fn sentinel() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let answer = b"*2\r\n$6\r\nmaster\r\n$4\r\n6379\r\n";
                let _ = (stream.read(&mut [0; 1_024]), stream.write_all(answer), stream.read(&mut [0]));
            }
        });
        format!("redis://{address}")
    }

    /// A thread of its own waits for the name server.
    #[test]
    fn a_name_server_that_is_silent_is_asked_once_for_the_host_of_a_master() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let silent = |_: &str, _| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_secs(3_600));
            Ok(Vec::new())
        };
        let node = SentinelNode::new([sentinel(), sentinel()], "mymaster");
        let sentinels = node.settings.sentinels.iter().map(|url| node.sentinel(url).unwrap()).collect();
        let master =
            Master { name: "mymaster".into(), tls: None, settings: Settings::new(), lookup: Lookup::by(silent) };
        let mut transport = SentinelTransport { sentinels, master };
        for _ in 0..3 {
            let why = transport.connect(Duration::from_millis(200)).map(drop).unwrap_err().to_string();
            assert!(why.contains("the name master cannot be looked up: no answer within"), "{why}");
        }
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    }
}
