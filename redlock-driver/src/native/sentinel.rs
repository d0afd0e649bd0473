//! A master that sentinels name, as one node.

use std::fmt;
use std::future::{Future, pending};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt as _, select};
use redlock_core::resp::{Inquiry, Settings};
use redlock_core::slots::Place;
use redlock_core::system::seeds::{Seeds, SentinelSettings};
use redlock_core::{Cause, Command, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

use super::seed::{self, Failures, Seed};
use super::{NativeConnection, NativeTransport, tls_of_host};
use crate::cluster::Outdated;
use crate::net::{Address, Network, Socket, Stream, TlsSettings};
use crate::transport::{Connection, Transport};
use crate::{BuildError, CurrentRuntime, IntoNode, Node};

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
/// vote until all that the old one can have granted has expired, whatever is said of the
/// [durability](redlock_core::Facts::is_durable) of its disk. It cannot help a process that has just begun, or a handle that
/// was not connected before the failover. The health report always has
/// [`Warning::FailsOver`](redlock_core::health::Warning::FailsOver) for the node. Name independent masters where two holders
/// must not be.
///
/// Nothing becomes such a node by itself: a URL always stands for the one server that it names.
///
/// # How it goes
///
/// At every connection the sentinels are asked one after the other, beginning with the one that was last of help, and the
/// server that they name is connected to. It is used if it says that it is a master. The connection is given up, and the
/// sentinels are asked again, when the server refuses a command because it is a replica by now (`READONLY`), and when the
/// sentinel that named it names another one: it is asked [every second](ASK_EVERY), because a master that is replaced
/// while it is well goes on as one for about ten seconds.
///
/// The name of the node is `mymaster@10.0.0.1:26379,10.0.0.2:26379`, whatever the order of the sentinels. All handles
/// should name the same ones: the name decides where those who wait for a lock wait.
///
/// ```
/// use redlock_driver::native::SentinelNode;
///
/// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
/// let node = SentinelNode::new(sentinels, "mymaster").user("locks", "open-sesame");
/// # let _ = node;
/// ```
#[derive(Clone)]
#[must_use]
pub struct SentinelNode {
    settings: SentinelSettings,
    tls: Option<TlsSettings>,
}

impl SentinelNode {
    redlock_core::sentinel_setters!();

    /// Returns the way to the node, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when there is no sentinel, or when a URL, the certificates or the client name cannot be used.
    pub fn into_transport<N>(self) -> Result<SentinelTransport<N>, BuildError> {
        let seeds = seed::read(&self.settings.sentinels, self.tls.as_ref())?;
        let sentinels = seeds.into_iter().map(|(_, seed)| seed).collect();
        let settings = self.settings.checked_server(&seed::names(&sentinels))?;
        Ok(SentinelTransport { sentinels, master: self.settings.master, tls: self.tls, settings, network: PhantomData })
    }
}

impl<N: Network + CurrentRuntime> IntoNode<N> for SentinelNode {
    fn into_node(self) -> Result<Node<N>, BuildError> {
        let transport = self.into_transport::<N>()?;
        Ok(Node::new(transport.name(), transport).over_sockets())
    }
}

/// `Debug` shows no password.
impl fmt::Debug for SentinelNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelNode").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The way to the master that sentinels name. See [`SentinelNode`].
#[derive(Debug)]
pub struct SentinelTransport<N> {
    sentinels: Seeds<Seed>,
    master: String,
    tls: Option<TlsSettings>,
    settings: Settings,
    network: PhantomData<fn() -> N>,
}

impl<N> SentinelTransport<N> {
    /// Returns the name of the node that it leads to.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.master, seed::names(&self.sentinels))
    }
}

impl<N: Network + CurrentRuntime> Transport for SentinelTransport<N> {
    type Connection = SentinelConnection<Stream<N::Socket>>;

    /// The driver drops the future when it takes too long; then the next sentinel is the first to be asked.
    async fn connect(&mut self) -> Result<Self::Connection, Unavailable> {
        let network = N::current().map_err(|why| Unavailable::with_detail(Cause::NotSent, &why.to_string()))?;
        let mut failures = Failures::default();
        for _ in 0..self.sentinels.len() {
            let Some(sentinel) = self.sentinels.take_turn().cloned() else { break };
            match self.connect_by(&network, &sentinel).await {
                Ok(connection) => {
                    self.sentinels.last_has_helped();
                    return Ok(connection);
                }
                Err(why) => failures.add(&sentinel.address, why),
            }
        }
        Err(failures.into_unavailable())
    }
}

impl<N: Network + CurrentRuntime> SentinelTransport<N> {
    /// Connects to the server that a sentinel names.
    async fn connect_by(
        &self,
        network: &N,
        sentinel: &Seed,
    ) -> Result<SentinelConnection<Stream<N::Socket>>, Unavailable> {
        let inquiry = Inquiry::master(&sentinel.settings, &self.master);
        let Some(place) = sentinel.ask(network, inquiry).await?.as_master()? else {
            let why = format!("it knows no master {}", self.master);
            return Err(Unavailable::with_detail(Cause::NotSent, &why));
        };
        let tls = self.tls.as_ref().map(|settings| tls_of_host(&place.host, settings)).transpose()?;
        let address = Address::Tcp { host: place.host.clone(), port: place.port, tls: tls.is_some() };
        let name = address.to_string();
        let connection = NativeTransport::<N>::new(address, tls, self.settings.clone()).connect().await?;
        if connection.facts().is_replica() == Some(true) {
            return Err(Unavailable::with_detail(Cause::NotSent, &format!("it names {name}, which is a replica")));
        }
        let watch = Watch { network: network.clone(), sentinel: sentinel.clone(), master: self.master.clone(), place };
        let replaced = Some(watch.until_replaced().boxed());
        Ok(SentinelConnection { connection, demoted: Outdated::default(), replaced })
    }
}

/// How often the sentinel that has named a master is asked whether it is still the one: every second.
pub const ASK_EVERY: Duration = Duration::from_secs(1);

/// Asks a sentinel now and then whether a master is still the one that it has named.
struct Watch<N> {
    network: N,
    sentinel: Seed,
    master: String,
    place: Place,
}

impl<N: Network> Watch<N> {
    /// Returns when the sentinel names another one. One that does not answer says nothing.
    async fn until_replaced(self) {
        loop {
            self.pause().await;
            let inquiry = Inquiry::master(&self.sentinel.settings, &self.master);
            let answer = pin!(self.sentinel.ask(&self.network, inquiry));
            let Either::Left((Ok(answer), _)) = select(answer, pin!(self.pause())).await else { continue };
            if matches!(answer.as_master(), Ok(Some(place)) if place != self.place) {
                return;
            }
        }
    }

    async fn pause(&self) {
        self.network.sleep_until(self.network.now().saturating_add(ASK_EVERY)).await;
    }
}

/// A connection of a [`SentinelTransport`], to the server that was the master when it was opened.
pub struct SentinelConnection<S> {
    connection: NativeConnection<S>,
    /// The server has said that it is a replica by now.
    demoted: Outdated,
    /// Ends when the sentinel names another server; somebody waits for it if it is not there.
    replaced: Option<BoxFuture<'static, ()>>,
}

impl<S: Socket> Connection for SentinelConnection<S> {
    const SENDS_AT_ONCE: bool = NativeConnection::<S>::SENDS_AT_ONCE;

    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<S> {
        let (replies, demoted) = (self.connection.send(batch), self.demoted.clone());
        async move {
            let mut replies = replies.await?;
            for reply in replies.iter_mut().filter(|reply| reply.is_of_replica()) {
                demoted.tell();
                *reply = Reply::Unavailable(Unavailable::with_detail(Cause::Disconnected, DEMOTED));
            }
            Ok(replies)
        }
    }

    fn facts(&self) -> Facts {
        self.connection.facts().with_failover()
    }

    fn hearing(&self) -> Hearing {
        self.connection.hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        self.connection.subscribe(waiter);
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        self.connection.poll_heard(context)
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<S> {
        let (closed, demoted) = (self.connection.closed(), self.demoted.wait());
        let replaced = self.replaced.take().unwrap_or_else(|| pending().boxed());
        async {
            select(select(pin!(closed), pin!(demoted)), replaced).await;
        }
    }
}

impl<S> fmt::Debug for SentinelConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelConnection").finish_non_exhaustive()
    }
}

const DEMOTED: &str = "the server is a replica by now, the sentinels are asked for the master again";
