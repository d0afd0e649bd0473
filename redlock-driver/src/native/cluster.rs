//! A whole cluster as one node.

use std::fmt;
use std::marker::PhantomData;

use futures_util::future::join_all;
use redlock_core::resp::{Inquiry, Settings};
use redlock_core::slots::Place;
use redlock_core::system::seeds::Seeds;
use redlock_core::system::url::check_client_name;
use redlock_core::{Cause, Unavailable};

use super::seed::{self, Failures, Seed};
use super::{NativeConnection, NativeTransport, tls_of_host};
use crate::cluster::{ClusterConnection, MovedTo};
use crate::net::{Address, Network, Stream, TlsSettings};
use crate::transport::Transport;
use crate::{BuildError, CurrentRuntime, IntoNode, Node};

/// A whole cluster as **one** node of the quorum.
///
/// # What it costs
///
/// Redlock's nodes are independent masters, and the masters of a cluster fail over: replication is asynchronous, so the
/// replica that takes over may lack the newest keys. Somebody who was granted a lock by the old master may still hold it
/// while the new one grants it to somebody else. With such a node, mutual exclusion is only as good as the replication:
///
/// - In a quorum of three or five nodes a failover in one is what a restart without the data is; **one** such node beside
///   independent masters is safe as long as no other node loses keys in the same TTL.
/// - Used alone, or as the majority, a failover can make two holders. The masters of one cluster are one node and never
///   several: one name lies on one of them.
///
/// The [restart guard](redlock_core::RestartGuard) helps: when a handle connects again and one of the masters is another
/// server than before, or was started again, the node has no vote until all that it can have granted before has expired.
/// Moving slots between masters that stay the same loses nothing and costs no vote. The guard cannot help a process that has
/// just begun. The health report always has [`Warning::FailsOver`](redlock_core::health::Warning::FailsOver) for the node.
/// Name independent masters where two holders must not be.
///
/// Nothing becomes such a node by itself: a URL always stands for the one server that it names.
///
/// # How it goes
///
/// At every connection a member is asked which master serves which slots, and all masters are connected to. The node is
/// connected as long as all of them are. A command goes to the master of the slot of its names, once: when that has moved
/// (`MOVED`), the command is refused, the connection is given up, and the next one asks the cluster again. Keys that are
/// just being moved (`ASK`) are refused until they have. So are those in slots that nobody serves: while somebody wants one,
/// the cluster is asked again about once a second.
///
/// - The names of [`lock_all`](crate::Redlock::lock_all) must lie in one slot: give them a hash tag in common, as in
///   `{orders}:1` and `{orders}:2`. Other ones are refused with [`Cause::CrossSlot`](redlock_core::Cause::CrossSlot) before
///   anything is sent to this node. A fenced lock of a name with a `}` but no hash tag is refused, too: its
///   counter would lie in another slot.
/// - Nobody waits in the queues of this node: the other nodes keep them, and without others locks are tried for now and then.
/// - What a cluster says of its slots must fit into 64 KiB, which is enough for a few hundred ranges and replicas.
///
/// The name of the node is `cluster@10.0.0.1:6379,10.0.0.2:6379`, whatever the order of the URLs. All handles should name
/// the same members: the name decides where those who wait for a lock wait.
///
/// ```
/// use redlock_driver::native::ClusterNode;
///
/// let node = ClusterNode::new(["redis://locks:open-sesame@10.0.0.1:6379", "redis://locks:open-sesame@10.0.0.2:6379"]);
/// # let _ = node;
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClusterNode {
    members: Vec<String>,
    tls: Option<TlsSettings>,
    client_name: Option<String>,
}

impl ClusterNode {
    /// Creates the node that is the cluster of which these are members. Not all have to be named, but two at least should
    /// be, because one may be down.
    ///
    /// User, password, protocol and TLS of the first URL are those for all masters.
    pub fn new<U: Into<String>>(members: impl IntoIterator<Item = U>) -> Self {
        Self { members: members.into_iter().map(Into::into).collect(), tls: None, client_name: None }
    }

    /// Sets how TLS is spoken; the URLs must begin with `rediss://` or `valkeys://`.
    ///
    /// The certificates must be for the hosts that the cluster says, which are IP addresses unless it was told to announce
    /// host names.
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Sets the name that the masters show for the connections, in `CLIENT LIST` for instance. It must not contain blanks.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// Returns the way to the node, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when there is no member, or when a URL, the certificates or the client name cannot be used.
    pub fn into_transport<N>(self) -> Result<ClusterTransport<N>, BuildError> {
        let read = seed::read(&self.members, self.tls.as_ref())?;
        let is_in_the_clear = read.iter().any(|(_, seed)| seed.tls.is_none());
        let first = read.first().map(|(url, seed)| (url.clone(), seed.tls.clone()));
        let seeds: Seeds<_> = read.into_iter().map(|(_, seed)| seed).collect();
        let name = format!("cluster@{}", seed::names(&seeds));
        let unusable = |reason: &str| BuildError::unusable_node(name.as_str(), reason);
        if self.tls.is_some() && is_in_the_clear {
            return Err(unusable("TLS settings need URLs that begin with rediss://"));
        }
        let (url, tls) = first.ok_or_else(|| unusable("there is no member"))?;
        let client_name = self.client_name.as_deref();
        client_name.map_or(Ok(()), check_client_name).map_err(unusable)?;
        let settings = url.settings(client_name).map_err(super::unusable)?;
        Ok(ClusterTransport { name, seeds, moved_to: MovedTo::default(), tls, settings, network: PhantomData })
    }
}

impl<N: Network + CurrentRuntime> IntoNode<N> for ClusterNode {
    fn into_node(self) -> Result<Node<N>, BuildError> {
        let transport = self.into_transport::<N>()?;
        Ok(Node::new(transport.name(), transport).over_sockets())
    }
}

/// `Debug` shows no password.
impl fmt::Debug for ClusterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<_> = self.members.iter().map(|url| redlock_core::system::without_secrets(url)).collect();
        f.debug_struct("ClusterNode").field("members", &members).finish_non_exhaustive()
    }
}

/// The way to all masters of a cluster. See [`ClusterNode`].
#[derive(Debug)]
pub struct ClusterTransport<N> {
    name: String,
    seeds: Seeds<Seed>,
    moved_to: MovedTo,
    tls: Option<TlsSettings>,
    settings: Settings,
    network: PhantomData<fn() -> N>,
}

impl<N> ClusterTransport<N> {
    /// Returns the name of the node that it leads to.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Returns the member at a place, as another member says it.
    fn member(&self, place: &Place, said_by: &Seed) -> Result<Seed, Unavailable> {
        let host = if place.host.is_empty() { said_by.host() } else { &place.host };
        let tls = self.tls.as_ref().map(|settings| tls_of_host(host, settings)).transpose()?;
        let address = Address::Tcp { host: host.into(), port: place.port, tls: tls.is_some() };
        Ok(Seed { address, tls, settings: self.settings.clone() })
    }
}

impl<N: Network + CurrentRuntime> Transport for ClusterTransport<N> {
    type Connection = ClusterConnection<NativeConnection<Stream<N::Socket>>>;

    /// The driver drops the future when it takes too long; then the next member is the first to be asked.
    async fn connect(&mut self) -> Result<Self::Connection, Unavailable> {
        let network = N::current().map_err(|why| Unavailable::with_detail(Cause::NotSent, &why.to_string()))?;
        let mut failures = Failures::default();
        if let (Some(place), Some(first)) = (self.moved_to.take(), self.seeds.iter().next())
            && let Ok(member) = self.member(&place, first)
        {
            match self.connect_by(&network, &member).await {
                Ok(connection) => return Ok(connection),
                Err(why) => failures.add(&member.address, why),
            }
        }
        for _ in 0..self.seeds.len() {
            let Some(seed) = self.seeds.take_turn().cloned() else { break };
            match self.connect_by(&network, &seed).await {
                Ok(connection) => {
                    self.seeds.last_has_helped();
                    return Ok(connection);
                }
                Err(why) => failures.add(&seed.address, why),
            }
        }
        Err(failures.into_unavailable())
    }
}

impl<N: Network + CurrentRuntime> ClusterTransport<N> {
    /// Connects to all masters that a member names.
    async fn connect_by(
        &self,
        network: &N,
        member: &Seed,
    ) -> Result<ClusterConnection<NativeConnection<Stream<N::Socket>>>, Unavailable> {
        let slots = member.ask(network, Inquiry::slots(&member.settings)).await?.as_slots()?;
        if slots.masters().is_empty() {
            return Err(Unavailable::with_detail(Cause::NotSent, "no master of its cluster serves a slot"));
        }
        let opening = slots.masters().iter().map(|place| self.connect_to(place, member));
        let masters = join_all(opening).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(ClusterConnection::new(masters, slots, self.moved_to.clone()))
    }

    async fn connect_to(
        &self,
        place: &Place,
        said_by: &Seed,
    ) -> Result<<NativeTransport<N> as Transport>::Connection, Unavailable> {
        let Seed { address, tls, settings } = self.member(place, said_by)?;
        let name = address.to_string();
        let connected = NativeTransport::<N>::new(address, tls, settings).connect().await;
        connected.map_err(|why| Unavailable::with_detail(why.cause(), &format!("master {name}: {why}")))
    }
}
