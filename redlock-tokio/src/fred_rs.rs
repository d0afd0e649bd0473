//! Nodes over the `fred` crate.

mod cluster;
mod hearing;
mod settings;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use fred::clients::{Client, Pipeline};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::{ClusterHash, CustomCommand, Value};
use futures_util::future::{BoxFuture, Either, FutureExt, Shared, select};
use futures_util::stream::{BoxStream, StreamExt};
use redlock_core::system::url::{NodeUrl, UrlError};
use redlock_core::system::{perhaps_tls, unanswered};
use redlock_driver::transport::{
    Answer, Command, Connection, Facts, Heard, Hearing, Probe, Reply, Transport, WaiterId,
};
use redlock_driver::{BuildError, Cause, IntoNode, Node, Unavailable};
use tokio::task::AbortHandle;

pub use self::cluster::{FredClusterNode, FredClusterTransport};
use self::settings::Settings;
use crate::Tokio;

/// A URL whose node is reached by fred, also where plain URLs are left to the `redis` crate. It takes the same URLs.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it wraps a URL, and nothing else")]
pub struct FredUrl<U>(pub U);

impl<U: AsRef<str>> IntoNode<Tokio> for FredUrl<U> {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        node_from_url(self.0.as_ref())
    }
}

/// A URL may contain a password, which is not shown.
impl<U> fmt::Debug for FredUrl<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FredUrl").finish_non_exhaustive()
    }
}

/// A client that was configured elsewhere: address, credentials, protocol, certificates and timeouts are its own. The
/// connection is one of Redlock's own, and whether the client is connected itself makes no difference.
///
/// Refused, as [`BuildError::Node`], is a client that might send a command twice (`max_command_attempts` other than 1;
/// fred's default is 3), one that waits for an answer for ever (no `default_command_timeout`, which is fred's default),
/// and one of a cluster (a [`FredClusterNode`] takes it) or of sentinels. A node that does not answer within the command timeout counts as disconnected:
/// it should be longer than any pause of the server that is no failure, such as a slow `BGREWRITEAOF`.
impl IntoNode<Tokio> for Client {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        let settings = Settings::of_client(&self);
        let unusable = |reason: settings::Unusable| {
            BuildError::unusable_node(settings::name(&self.client_config().server), reason)
        };
        settings.map(FredTransport).map(node).map_err(unusable)
    }
}

pub(crate) fn node_from_url(url: &str) -> Result<Node<Tokio>, BuildError> {
    FredTransport::from_url(url).map(node)
}

fn node(transport: FredTransport) -> Node<Tokio> {
    Node::new(transport.0.name(), transport).over_sockets()
}

/// Every connection is a client of its own that never reconnects; so nothing waits inside fred for a server that is
/// gone, to be sent when nobody wants it any more.
pub struct FredTransport(Settings);

impl FredTransport {
    /// The way to the server with this URL, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when it is no such URL, without the password that may be in it.
    pub fn from_url(url: &str) -> Result<Self, BuildError> {
        let read =
            NodeUrl::parse(url).map_err(|UrlError { node, reason, .. }| BuildError::unusable_node(node, reason))?;
        Settings::from_url(&read).map(Self).map_err(|reason| BuildError::unusable_url(url, reason))
    }
}

/// The settings may contain a password, which is not shown.
impl fmt::Debug for FredTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FredTransport").finish_non_exhaustive()
    }
}

impl Transport for FredTransport {
    type Connection = FredConnection;

    async fn connect(&mut self) -> Result<FredConnection, Unavailable> {
        let is_clear = self.0.are_in_the_clear();
        let opened = open(&self.0).await.map_err(|why| if is_clear { perhaps_tls(why) } else { why });
        let Opened { client, gone, end } = opened?;
        let facts = complete_handshake(&client, gone.clone()).await?;
        Ok(FredConnection { client, facts, gone, heard: None, _end: end })
    }
}

/// A client that is connected, and nothing more.
struct Opened {
    client: Client,
    /// Ends when the server is gone.
    gone: Shared<BoxFuture<'static, ()>>,
    end: EndOnDrop,
}

async fn open(settings: &Settings) -> Result<Opened, Unavailable> {
    let client = settings.client();
    let mut connected = client.reconnect_rx();
    let router = client.connect();
    let end = EndOnDrop(router.abort_handle());
    match select(pin!(connected.recv()), router).await {
        Either::Left((_, router)) => Ok(Opened { client, gone: router.map(drop).boxed().shared(), end }),
        Either::Right((Ok(Err(error)), _)) => Err(unavailable(&error, Cause::NotSent)),
        Either::Right(_) => Err(Unavailable::new(Cause::NotSent)),
    }
}

/// Ends fred's task together with its owner; left alone it would keep the connection.
struct EndOnDrop(AbortHandle);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection of a [`FredTransport`].
pub struct FredConnection {
    client: Client,
    facts: Facts,
    /// Ends when the server is gone.
    gone: Shared<BoxFuture<'static, ()>>,
    /// What the handle hears, when it has begun to subscribe.
    heard: Option<BoxStream<'static, Heard>>,
    _end: EndOnDrop,
}

impl fmt::Debug for FredConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FredConnection").finish_non_exhaustive()
    }
}

impl Connection for FredConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let (pipeline, gone) = (self.client.pipeline(), self.gone.clone());
        async move {
            // What comes after that, fred would let wait for its timeout.
            match select(pin!(carry(pipeline, batch)), gone).await {
                Either::Left((replies, _)) => replies,
                Either::Right(_) => Err(Unavailable::new(Cause::Disconnected)),
            }
        }
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn hearing(&self) -> Hearing {
        Hearing::Apart
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        self.heard = Some(hearing::subscribe(&self.client, waiter).boxed());
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        match self.heard.as_mut().map(|heard| heard.poll_next_unpin(context)) {
            Some(Poll::Ready(Some(heard))) => Poll::Ready(heard),
            _ => Poll::Pending,
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.gone.clone()
    }
}

/// Makes sure that the node can release what it grants, and asks what the server says of itself.
async fn complete_handshake(client: &Client, gone: impl Future<Output = ()>) -> Result<Facts, Unavailable> {
    let pipeline = client.pipeline();
    for probe in Probe::ALL {
        queue(&pipeline, probe.words().into_iter().map(str::as_bytes));
    }
    queue(&pipeline, ["INFO"].into_iter().map(str::as_bytes));
    queue(&pipeline, ["CONFIG", "GET", "*appendfsync*"].into_iter().map(str::as_bytes));
    let Either::Left((answers, _)) = select(pin!(pipeline.try_all::<Value>()), pin!(gone)).await else {
        return Err(Unavailable::new(Cause::NotSent));
    };
    let (probed, said) = answers.split_at_checked(Probe::ALL.len()).ok_or(Unavailable::new(Cause::NotSent))?;
    Probe::ALL.iter().zip(probed).try_for_each(|(probe, result)| probe.check(answer(result)?))?;
    Ok(facts_in(said))
}

/// Reads what the server says of itself, as far as the user may know it.
fn facts_in(said: &[Result<Value, Error>]) -> Facts {
    let mut facts = Facts::default();
    if let Some(Ok(info)) = said.first()
        && let Some(info) = info.as_str()
    {
        facts.note_info(&info);
    }
    if let Some(Ok(settings)) = said.get(1)
        && let Ok(settings) = settings.clone().convert::<HashMap<String, String>>()
    {
        for (name, value) in settings {
            facts.note_setting(&name, &value);
        }
    }
    facts
}

async fn carry(pipeline: Pipeline<Client>, batch: Vec<Command>) -> Result<Vec<Reply>, Unavailable> {
    for command in &batch {
        queue(&pipeline, command.wire().words());
    }
    let results = pipeline.try_all::<Value>().await;
    let read = |(command, result)| Ok(Reply::from_wire(command, answer(result)?));
    let replies: Vec<Reply> = batch.iter().zip(&results).map(read).collect::<Result<_, _>>()?;
    if replies.len() == batch.len() { Ok(replies) } else { Err(Unavailable::new(Cause::Disconnected)) }
}

/// Puts a command behind those of the pipeline, in memory. That is done when fred is first polled; the answer that it
/// then gives says only so.
fn queue<'a>(pipeline: &Pipeline<Client>, mut words: impl Iterator<Item = &'a [u8]>) {
    let name = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    let arguments: Vec<Value> = words.map(|word| Value::Bytes(word.to_vec().into())).collect();
    let command = CustomCommand::new(name, ClusterHash::FirstKey, false);
    let _ = pipeline.custom::<Value, _>(command, arguments).now_or_never();
}

/// What the server answered, or why it did not.
fn answer(result: &Result<Value, Error>) -> Result<Answer<'_>, Unavailable> {
    match result {
        Ok(Value::String(text)) if *text == "OK" => Ok(Answer::Ok),
        Ok(Value::Null) => Ok(Answer::Nil),
        Ok(Value::Integer(number)) => Ok(Answer::Integer(*number)),
        Ok(Value::String(text)) => Ok(Answer::Bytes(text.as_bytes())),
        Ok(Value::Bytes(bytes)) => Ok(Answer::Bytes(bytes)),
        Ok(_) => Ok(Answer::Other),
        Err(error) if is_servers(error) => Ok(Answer::Error(error.details())),
        Err(error) => Err(unavailable(error, Cause::Disconnected)),
    }
}

/// Why the node cannot be used: what the server said, or `otherwise` with what fred or the operating system said.
fn unavailable(error: &Error, otherwise: Cause) -> Unavailable {
    if is_servers(error) {
        return Unavailable::from_server_error(error.details());
    }
    match error.kind() {
        ErrorKind::Parse | ErrorKind::Protocol => Unavailable::new(Cause::Unexpected),
        _ => unanswered(error.details(), otherwise),
    }
}

/// Whether the server said it: its errors begin with a code in capital letters, those of fred with a word. What a script has
/// handed on begins with the place in the script before Redis 7.
fn is_servers(error: &Error) -> bool {
    let code = error.details().split_whitespace().next().unwrap_or_default();
    code == "@user_script:" || !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
