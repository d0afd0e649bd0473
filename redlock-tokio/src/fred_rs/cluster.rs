//! A whole cluster as one node, over clients of fred.

use std::fmt;
use std::pin::pin;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Server;
use fred::types::{ClusterHash, CustomCommand, Value};
use futures_util::future::{Either, join_all, select};
use redlock_core::slots::{Place, SLOTS, SlotMap};
use redlock_core::system::seeds::{Seeds, names_of_seeds, reason_of_all};
use redlock_driver::cluster::{ClusterConnection, MovedTo};
use redlock_driver::transport::Transport;
use redlock_driver::{BuildError, Cause, IntoNode, Node, Unavailable};

use super::settings::{self, Settings};
use super::{FredConnection, FredTransport, Opened, open, unavailable};
use crate::Tokio;

/// A whole cluster as **one** node of the quorum, from a clustered client of fred that was configured elsewhere.
///
/// # What it costs
///
/// A failover in a cluster loses the newest keys, because replication is asynchronous: somebody who was granted a lock by the
/// old master may still hold it while the new one grants it to somebody else. One such node beside independent masters is safe
/// as long as no other node loses keys in the same TTL; used alone, or as the majority, a failover can make two holders. The
/// health report always has [`Warning::FailsOver`](crate::health::Warning::FailsOver) for it. Name independent masters where two
/// holders must not be.
///
/// # How it goes
///
/// Members, credentials, protocol, certificates and timeouts are the client's; the rules for it are those of a client of one
/// server: a command is sent once (`max_command_attempts`), and does not wait for ever (`default_command_timeout`). The client
/// itself is not used: it connects again and follows slots that have moved, so nobody would see that a master was started again
/// without its keys. Each master has a client of its own that does neither. The node is connected as long as all of them are,
/// and is connected to again with all that the masters then say of themselves: so the
/// [restart guard](crate::RestartGuard) sees every restart and every failover, as with a [`ClusterNode`](crate::ClusterNode).
///
/// - The names of [`lock_all`](redlock_driver::Redlock::lock_all) must lie in one slot. Other ones are refused with
///   [`Cause::CrossSlot`] before anything is sent to this node.
/// - A slot that has moved (`MOVED`) is refused there, and asked for again at the next connection. Nobody waits in the queues of
///   this node.
/// - The name of the node is that of a `ClusterNode` with the same members.
///
/// ```
/// use std::time::Duration;
/// use redlock_tokio::FredClusterNode;
/// use redlock_tokio::fred::prelude::{Builder, Config};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Builder::from_config(Config::from_url("redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379")?)
///     .with_connection_config(|config| config.max_command_attempts = 1)
///     .with_performance_config(|config| config.default_command_timeout = Duration::from_secs(10))
///     .build()?;
/// let node = FredClusterNode(client);
/// # let _ = node;
/// # Ok(())
/// # }
/// ```
#[expect(clippy::exhaustive_structs, reason = "it wraps a client, and nothing else")]
pub struct FredClusterNode(pub Client);

/// A client may know a password, which is not shown.
impl fmt::Debug for FredClusterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FredClusterNode").finish_non_exhaustive()
    }
}

impl FredClusterNode {
    /// Returns the way to the node, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when the client is none of a cluster, or is not safe for locks.
    pub fn into_transport(self) -> Result<FredClusterTransport, BuildError> {
        let name = settings::name(&self.0.client_config().server);
        let settings = Settings::of_cluster_client(&self.0).map_err(|why| BuildError::unusable_node(name, why))?;
        let seeds = settings.hosts().into_iter().collect();
        Ok(FredClusterTransport { settings, seeds, moved_to: MovedTo::default() })
    }
}

impl IntoNode<Tokio> for FredClusterNode {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        let transport = self.into_transport()?;
        Ok(Node::new(transport.name(), transport).over_sockets())
    }
}

/// The way to all masters of a cluster. See [`FredClusterNode`].
pub struct FredClusterTransport {
    settings: Settings,
    /// Those that are asked which master serves which slots, one after the other.
    seeds: Seeds<Server>,
    moved_to: MovedTo,
}

/// The settings may contain a password, which is not shown.
impl fmt::Debug for FredClusterTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FredClusterTransport").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}

impl Transport for FredClusterTransport {
    type Connection = ClusterConnection<FredConnection>;

    /// The driver drops the future when it takes too long; then the next member is the first to be asked.
    async fn connect(&mut self) -> Result<Self::Connection, Unavailable> {
        let mut failures = Vec::new();
        if let Some(Place { host, port }) = self.moved_to.take() {
            match self.connect_by(&Server::new(host, port)).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => failures.push(failure),
            }
        }
        for _ in 0..self.seeds.len() {
            let Some(seed) = self.seeds.take_turn().cloned() else { break };
            match self.connect_by(&seed).await {
                Ok(connection) => {
                    self.seeds.last_has_helped();
                    return Ok(connection);
                }
                Err(failure) => failures.push(failure),
            }
        }
        Err(reason_of_all(&failures))
    }
}

/// Who was asked, and why that was of no help.
type Failure = (String, Unavailable);

impl FredClusterTransport {
    /// Returns the name of the node that it leads to.
    #[must_use]
    pub fn name(&self) -> String {
        format!("cluster@{}", names_of_seeds(self.seeds.iter().map(ToString::to_string)))
    }

    /// Connects to all masters that a member names.
    async fn connect_by(&self, member: &Server) -> Result<ClusterConnection<FredConnection>, Failure> {
        let slots = self.ask(member).await.map_err(|why| (member.to_string(), why))?;
        let masters = join_all(slots.masters().iter().map(|place| self.connect_to(place, &member.host))).await;
        let masters = masters.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(ClusterConnection::new(masters, slots, self.moved_to.clone()))
    }

    /// Asks a member which master serves which slots.
    async fn ask(&self, member: &Server) -> Result<SlotMap, Unavailable> {
        let Opened { client, gone, end: _end } = open(&self.settings.of_member(member.clone(), &member.host)).await?;
        let slots = CustomCommand::new("CLUSTER", ClusterHash::FirstKey, false);
        let said = match select(pin!(client.custom::<Value, _>(slots, vec!["SLOTS"])), pin!(gone)).await {
            Either::Left((said, _)) => said.map_err(|error| unavailable(&error, Cause::NotSent))?,
            Either::Right(_) => return Err(Unavailable::new(Cause::NotSent)),
        };
        let slots = read(said).ok_or(Unavailable::with_detail(Cause::Unexpected, "an answer that names no slots"))?;
        if slots.masters().is_empty() {
            return Err(Unavailable::with_detail(Cause::NotSent, "no master of its cluster serves a slot"));
        }
        Ok(slots)
    }

    async fn connect_to(&self, place: &Place, said_by: &str) -> Result<FredConnection, Failure> {
        let host = if place.host.is_empty() { said_by } else { &place.host };
        let server = Server::new(host, place.port);
        let name = format!("master {server}");
        FredTransport(self.settings.of_member(server, said_by)).connect().await.map_err(|why| (name, why))
    }
}

/// Reads the answer to `CLUSTER SLOTS`.
fn read(said: Value) -> Option<SlotMap> {
    let Value::Array(ranges) = said else { return None };
    let mut slots = SlotMap::default();
    for range in ranges {
        // The first slot, the last one, the master, and its replicas.
        let Value::Array(parts) = range else { return None };
        let [first, last, Value::Array(master), ..] = parts.as_slice() else { return None };
        let [host, port, ..] = master.as_slice() else { return None };
        let host = if host.is_null() { String::new() } else { host.as_string()? };
        slots.add(slot(first)?, slot(last)?, Place { host, port: number(port)? });
    }
    Some(slots)
}

fn slot(value: &Value) -> Option<u16> {
    number(value).filter(|slot| *slot < SLOTS)
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value) -> Value {
        let master = Value::Array(vec![host, 7_000.into(), "id".into()]);
        Value::Array(vec![first.into(), last.into(), master])
    }

    #[test]
    fn what_a_member_says_of_its_slots_is_read_and_checked() {
        let said = Value::Array(vec![range(0, 99, "10.0.0.1".into()), range(100, 16_383, Value::Null)]);
        let slots = read(said).unwrap();
        let hosts: Vec<_> = slots.masters().iter().map(|place| (place.host.as_str(), place.port)).collect();
        assert_eq!(hosts, [("10.0.0.1", 7_000), ("", 7_000)]);
        assert_eq!([0, 16_383].map(|slot| slots.master_of(slot)), [Some(0), Some(1)]);
        for none in [Value::Null, range(0, 1, "x".into()), Value::Array(vec![range(0, 16_384, "x".into())])] {
            assert_eq!(read(none.clone()), None, "{none:?}");
        }
    }
}
