//! The transport over redis-rs.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt as _, join, join_all, join3};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use redis::aio::{MultiplexedConnection, PubSub, PubSubSink};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue as _, Pipeline, ProtocolVersion, Value,
};
use redlock_core::system::perhaps_tls;
use redlock_core::{Answer, Cause, Command, Facts, Heard, Hearing, Probe, Reply, Unavailable, WaiterId};

use super::answer::{unavailable, with_answer};
use super::hearing::{Pushes, heard_in, subscribe, subscribe_apart};
use crate::transport::{Connection, Transport};

/// How many batches redis-rs takes before a caller would have to wait; a release could then overtake its SET.
const PIPELINE_BUFFER: usize = 4096;

/// The way to the server of a client, for a transport of your own that is built on top of it.
pub struct RedisTransport {
    client: Client,
    /// What is sent behind the client's own handshake.
    greeting: Vec<Cmd>,
    /// Makes connections on which nothing is done but to hear; it is the same server and user.
    apart: Client,
}

impl RedisTransport {
    /// Connections are made with the client's settings, as with [`node_from_client`](super::node_from_client).
    #[must_use]
    pub fn new(client: Client) -> Self {
        let apart = client.clone();
        Self::with_greeting(client, Vec::new(), apart)
    }

    /// Sends commands that all must succeed behind the client's own handshake.
    ///
    /// A server that is full answers one command and closes the connection. redis-rs shows that answer only when its
    /// own handshake is no more than one command, and takes it for a wrong password when that command is AUTH.
    ///
    /// `apart` has a handshake for the same user that needs no greeting.
    pub(crate) const fn with_greeting(client: Client, greeting: Vec<Cmd>, apart: Client) -> Self {
        Self { client, greeting, apart }
    }

    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    async fn open(&self) -> Result<RedisConnection, Unavailable> {
        #[cfg(feature = "redis-tls")]
        super::tls::install_provider();
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let mut pushes = None;
        if self.client.get_connection_info().redis_settings().protocol() != ProtocolVersion::RESP2 {
            let (sender, receiver) = Pushes::channel();
            config = config.set_push_sender(sender);
            pushes = Some(receiver);
        }
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.map_err(|error| unavailable(&error, Cause::NotSent))?;
        let facts = complete_handshake(&connection, &self.greeting).await?;
        Ok(RedisConnection::new(connection, facts, pushes))
    }
}

/// A client may know a password, which is not shown.
impl fmt::Debug for RedisTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTransport").finish_non_exhaustive()
    }
}

impl Transport for RedisTransport {
    type Connection = RedisConnection;

    async fn connect(&mut self) -> Result<RedisConnection, Unavailable> {
        let is_clear = matches!(self.client.get_connection_info().addr(), ConnectionAddr::Tcp(..));
        self.open().await.map_err(|why| if is_clear { perhaps_tls(why) } else { why })
    }

    async fn connect_apart(&mut self) -> Result<RedisConnection, Unavailable> {
        #[cfg(feature = "redis-tls")]
        super::tls::install_provider();
        let pubsub = self.apart.get_async_pubsub().await.map_err(|error| unavailable(&error, Cause::NotSent))?;
        Ok(RedisConnection::apart(pubsub))
    }
}

/// A connection of a [`RedisTransport`].
pub struct RedisConnection {
    link: Link,
    facts: Facts,
    /// What comes of the last subscription.
    subscribing: Option<BoxFuture<'static, Heard>>,
    /// What the handle hears.
    heard: BoxStream<'static, Heard>,
    /// Ends when the server is gone; only RESP3 tells that.
    broken: Option<oneshot::Receiver<()>>,
}

enum Link {
    /// It carries commands, and a subscription where the server may say something without being asked.
    Commands(MultiplexedConnection, Hearing),
    Apart(PubSubSink),
}

impl RedisConnection {
    fn new(connection: MultiplexedConnection, facts: Facts, pushes: Option<Pushes>) -> Self {
        let (hearing, heard, broken) = match pushes {
            Some(Pushes { heard, broken }) => (Hearing::Shared, heard.boxed(), Some(broken)),
            None => (Hearing::Apart, stream::empty().boxed(), None),
        };
        Self { link: Link::Commands(connection, hearing), facts, subscribing: None, heard, broken }
    }

    fn apart(pubsub: PubSub) -> Self {
        let (sink, messages) = pubsub.split();
        let (facts, heard) = (Facts::default(), heard_in(messages).boxed());
        Self { link: Link::Apart(sink), facts, subscribing: None, heard, broken: None }
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

/// Sends the greeting, makes sure that the node can release what it grants, and asks what the server says of itself.
///
/// The commands go out together but not as one pipeline, so that the first refusal is told and not the last.
async fn complete_handshake(connection: &MultiplexedConnection, greeting: &[Cmd]) -> Result<Facts, Unavailable> {
    let greetings = join_all(greeting.iter().map(|command| greet(connection, command)));
    let checks = join_all(Probe::ALL.map(|probe| check(connection, probe)));
    let (answers, probed, facts) = join3(greetings, checks, ask_facts(connection)).await;
    answers.into_iter().chain(probed).collect::<Result<(), _>>()?;
    Ok(facts)
}

/// Asks what the server says of itself, as far as the user may know it.
async fn ask_facts(connection: &MultiplexedConnection) -> Facts {
    let settings = redis::cmd("CONFIG").arg("GET").arg("*appendfsync*").to_owned();
    let (info, settings) = join(ask(connection, &redis::cmd("INFO")), ask(connection, &settings)).await;
    facts_in(info.ok(), settings.ok())
}

/// Reads the answers to `INFO` and `CONFIG GET *appendfsync*`, as far as there are any.
pub(super) fn facts_in(info: Option<Value>, settings: Option<Value>) -> Facts {
    let mut facts = Facts::default();
    if let Some(info) = info.and_then(|info| String::from_redis_value(info).ok()) {
        facts.note_info(&info);
    }
    let settings = settings.and_then(|settings| HashMap::<String, String>::from_redis_value(settings).ok());
    for (name, value) in settings.unwrap_or_default() {
        facts.note_setting(&name, &value);
    }
    facts
}

async fn greet(connection: &MultiplexedConnection, command: &Cmd) -> Result<(), Unavailable> {
    let value = ask(connection, command).await?;
    with_answer(&value, |answer| match answer {
        Answer::Error(text) => Err(Unavailable::from_server_error(text)),
        _ => Ok(()),
    })
}

async fn check(connection: &MultiplexedConnection, probe: Probe) -> Result<(), Unavailable> {
    let [command, arguments @ ..] = probe.words();
    let value = ask(connection, redis::cmd(command).arg(&arguments)).await?;
    with_answer(&value, |answer| probe.check(answer))
}

async fn ask(connection: &MultiplexedConnection, command: &Cmd) -> Result<Value, Unavailable> {
    let answer = connection.clone().send_packed_command(command).await;
    answer.map_err(|error| unavailable(&error, Cause::NotSent))
}

impl Connection for RedisConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let connection = match &self.link {
            Link::Commands(connection, _) => Ok(connection.clone()),
            Link::Apart(_) => Err(carries_nothing()),
        };
        async move {
            let mut connection = connection?;
            let values = match batch.as_slice() {
                [command] => connection.send_packed_command(&packed(command)).await.map(|value| vec![value]),
                commands => {
                    let pipeline = pipeline(commands);
                    connection.send_packed_commands(&pipeline, 0, commands.len()).await
                }
            };
            let values = values.map_err(|error| unavailable(&error, Cause::Disconnected))?;
            Ok(batch
                .iter()
                .zip(&values)
                .map(|(command, value)| with_answer(value, |answer| Reply::from_wire(command, answer)))
                .collect())
        }
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn hearing(&self) -> Hearing {
        match self.link {
            Link::Commands(_, hearing) => hearing,
            Link::Apart(_) => Hearing::Apart,
        }
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        self.subscribing = Some(match &self.link {
            Link::Commands(connection, _) => subscribe(connection.clone(), waiter).boxed(),
            Link::Apart(sink) => subscribe_apart(sink.clone(), waiter).boxed(),
        });
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        if let Some(Poll::Ready(heard)) = self.subscribing.as_mut().map(|subscribing| subscribing.poll_unpin(context)) {
            self.subscribing = None;
            return Poll::Ready(heard);
        }
        match self.heard.poll_next_unpin(context) {
            Poll::Ready(Some(heard)) => Poll::Ready(heard),
            _ => Poll::Pending,
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let broken = self.broken.take();
        async {
            match broken {
                Some(broken) => broken.await.unwrap_or_default(),
                None => std::future::pending().await,
            }
        }
    }
}

fn pipeline(commands: &[Command]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(packed(command));
    }
    pipeline
}

pub(super) fn packed(command: &Command) -> Cmd {
    let wire = command.wire();
    let mut packed = Cmd::with_capacity(wire.words().len(), wire.words().map(<[u8]>::len).sum());
    for word in wire.words() {
        packed.arg(word);
    }
    packed
}

/// Says that a connection only hears.
fn carries_nothing() -> Unavailable {
    Unavailable::with_detail(Cause::NotSent, "the connection carries no commands")
}
