//! A whole cluster as one node, over the cluster client of redis-rs.

mod master;
mod slots;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use redis::cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig};
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{PushInfo, PushKind};
use redlock_core::system::plain_words;
use redlock_core::{Cause, Unavailable};

use self::master::Greeting;
pub use self::master::RedisMasterConnection;
use super::answer::unavailable;
use crate::cluster::{ClusterConnection, MovedTo, Outdated};
use crate::transport::Transport;
use crate::{BuildError, IntoNode, Node, Runtime};

/// A whole cluster as **one** node of the quorum, over the cluster client of redis-rs.
///
/// # What it costs
///
/// A failover in a cluster loses the newest keys, because replication is asynchronous: somebody who was granted a lock by the
/// old master may still hold it while the new one grants it to somebody else. One such node beside independent masters is safe
/// as long as no other node loses keys in the same TTL; used alone, or as the majority, a failover can make two holders. The
/// health report always has [`Warning::FailsOver`](redlock_core::health::Warning::FailsOver) for it. Name independent masters
/// where two holders must not be.
///
/// # How it goes
///
/// The builder of a client is handed in, with members, credentials, protocol, certificates and TCP settings of your own. What
/// could harm a lock is set here: nothing is sent again (`retries`), and there is no response timeout, because deadlines are
/// Redlock's. A finished client would not tell either.
///
/// redis-rs connects again by itself, and a master may have been started again meanwhile, without its keys. So each connection
/// to a master is marked when it was asked what its server says of itself (`CLIENT SETNAME`), and every batch of commands asks for
/// that mark (`CLIENT GETNAME`): what was carried out over another connection does not count, and the node is connected to again,
/// with all that the masters then say. So the [restart guard](redlock_core::RestartGuard) sees every restart and every failover, as
/// with a [`ClusterNode`](crate::native::ClusterNode). The user must be allowed `CLIENT SETNAME`, `CLIENT GETNAME`,
/// `CLUSTER SLOTS` and `CLUSTER MYID`.
///
/// - With RESP3 a master that is gone is noticed at once, else when something is sent to it.
/// - The names of [`lock_all`](crate::Redlock::lock_all) must lie in one slot. Other ones are refused with
///   [`Cause::CrossSlot`](redlock_core::Cause::CrossSlot) before anything is sent to this node.
/// - A slot that has moved is asked for again at the next connection. Nobody waits in the queues of this node.
///
/// A [`ClusterNode`](crate::native::ClusterNode) needs no client and sends less. This is for clusters that only your client
/// knows how to reach, such as one behind a map of addresses.
///
/// ```
/// use redis::cluster::ClusterClient;
/// use redis::io::tcp::TcpSettings;
/// use redlock_driver::redis_rs::{RedisClusterNode, redis};
///
/// let client = ClusterClient::builder(["redis://10.0.0.1:6379/?protocol=resp3", "redis://10.0.0.2:6379/?protocol=resp3"])
///     .tcp_settings(TcpSettings::default().set_nodelay(true));
/// let node = RedisClusterNode::new("orders", client);
/// # let _ = node;
/// ```
#[must_use]
pub struct RedisClusterNode {
    name: String,
    client: ClusterClientBuilder,
}

impl RedisClusterNode {
    /// Creates the node that is the cluster of this client. All handles should give it the same name.
    pub fn new(name: impl Into<String>, client: ClusterClientBuilder) -> Self {
        Self { name: name.into(), client }
    }

    /// Returns the way to the node, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when the client cannot be built.
    pub fn into_transport(self) -> Result<RedisClusterTransport, BuildError> {
        let client = self.client.retries(0).overall_response_timeout(None).build();
        let unusable =
            |error: redis::RedisError| BuildError::unusable_node(&*self.name, plain_words(&error.to_string()));
        client.map(RedisClusterTransport).map_err(unusable)
    }
}

/// A client may know a password, which is not shown.
impl fmt::Debug for RedisClusterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClusterNode").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<R: Runtime> IntoNode<R> for RedisClusterNode {
    fn into_node(self) -> Result<Node<R>, BuildError> {
        let name = self.name.clone();
        Ok(Node::new(name, self.into_transport()?).over_sockets())
    }
}

/// The way to all masters of a cluster. See [`RedisClusterNode`].
pub struct RedisClusterTransport(ClusterClient);

/// A client may know a password, which is not shown.
impl fmt::Debug for RedisClusterTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisClusterTransport").finish_non_exhaustive()
    }
}

impl Transport for RedisClusterTransport {
    type Connection = ClusterConnection<RedisMasterConnection>;

    async fn connect(&mut self) -> Result<Self::Connection, Unavailable> {
        #[cfg(feature = "redis-tls")]
        super::tls::install_provider();
        self.open().await.map_err(for_now)
    }
}

impl RedisClusterTransport {
    async fn open(&self) -> Result<ClusterConnection<RedisMasterConnection>, Unavailable> {
        let is_over = Outdated::default();
        let config = ClusterConfig::new().set_push_sender(tell_of_ends(is_over.clone()));
        let unavailable = |error| unavailable(&error, Cause::NotSent);
        let mut client = self.0.get_async_connection_with_config(config).await.map_err(unavailable)?;
        let anywhere = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
        let question = redis::cmd("CLUSTER").arg("SLOTS").take();
        let (slots, members) = slots::read(&client.route_command(question, anywhere).await.map_err(unavailable)?)?;
        let mark = new_mark();
        let greet =
            |member| Greeting { client: client.clone(), member, mark: mark.clone(), is_over: is_over.clone() }.send();
        let masters = join_all(members.into_iter().map(greet)).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(ClusterConnection::new(masters, slots, MovedTo::default()))
    }
}

/// Returns why the node cannot be used now: what one member says is only for now, unless waiting cannot cure it.
fn for_now(why: Unavailable) -> Unavailable {
    if why.cause() == Cause::NotSent || why.cause().is_permanent() {
        return why;
    }
    Unavailable::with_detail(Cause::NotSent, &why.to_string())
}

/// Returns what redis-rs hands pushes to: the end of a connection to a member ends that to the node.
fn tell_of_ends(is_over: Outdated) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |push| {
        if push.kind == PushKind::Disconnection {
            is_over.tell();
        }
        Ok(())
    }
}

/// Returns a name for connections that no others of this process have, nor those that redis-rs makes by itself.
fn new_mark() -> String {
    static MARKS: AtomicU64 = AtomicU64::new(0);
    format!("redlock:{}", MARKS.fetch_add(1, Ordering::Relaxed))
}
