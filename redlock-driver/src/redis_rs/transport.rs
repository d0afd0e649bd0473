//! The transport over redis-rs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use futures_channel::mpsc::{self, UnboundedReceiver};
use futures_channel::oneshot;
use futures_util::Stream as _;
use futures_util::future::{join, join_all};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisError, Value,
};
use redlock_core::system::plain_words;
use redlock_core::{Answer, CALL_UP_CHANNEL_PREFIX, Cause, Command, Probe, Reply, Resource, Unavailable};

use crate::transport::{Connection, Transport};

/// How many batches redis-rs takes before a caller would have to wait; a release could then overtake its SET.
const PIPELINE_BUFFER: usize = 4096;

/// The way to the server of a client, for a transport of your own that is built on top of it.
pub struct RedisTransport {
    client: Client,
    /// What is sent behind the client's own handshake.
    greeting: Vec<Cmd>,
}

impl RedisTransport {
    /// Connections are made with the client's settings, as with [`node_from_client`](super::node_from_client).
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self::with_greeting(client, Vec::new())
    }

    /// Sends commands that all must succeed behind the client's own handshake.
    ///
    /// A server that is full answers one command and closes the connection. redis-rs shows that answer only when its
    /// own handshake is no more than one command, and takes it for a wrong password when that command is AUTH.
    pub(crate) const fn with_greeting(client: Client, greeting: Vec<Cmd>) -> Self {
        Self { client, greeting }
    }

    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
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
        let connection = RedisConnection { connection, pushes };
        connection.complete_handshake(&self.greeting).await?;
        Ok(connection)
    }
}

/// What a server says without being asked; only RESP3 has that.
struct Pushes {
    /// What the handle was called up for.
    called_up: UnboundedReceiver<Resource>,
    /// Ends when the server is gone.
    broken: Option<oneshot::Receiver<()>>,
}

impl Pushes {
    /// Creates what redis-rs hands pushes to, and what becomes of them.
    fn channel() -> (impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static, Self) {
        let (call_up, called_up) = mpsc::unbounded();
        let (alive, broken) = oneshot::channel();
        let alive = Mutex::new(Some(alive));
        let take = move |push: PushInfo| {
            match push.kind {
                PushKind::Message => {
                    if let Some(resource) = called_up_for(&push.data) {
                        call_up.unbounded_send(resource).map_err(drop)?;
                    }
                }
                PushKind::Disconnection => {
                    // Its receiver notices that it is dropped.
                    if let Ok(mut alive) = alive.lock() {
                        *alive = None;
                    }
                }
                _ => {}
            }
            Ok(())
        };
        (take, Self { called_up, broken: Some(broken) })
    }
}

/// Returns the resource for which a message on a channel calls up a waiter, if that is what it says.
fn called_up_for(message: &[Value]) -> Option<Resource> {
    match message {
        [Value::BulkString(channel), Value::BulkString(resource)]
            if channel.starts_with(CALL_UP_CHANNEL_PREFIX.as_bytes()) =>
        {
            Some(Resource::new(resource))
        }
        _ => None,
    }
}

/// A connection of a [`RedisTransport`].
pub struct RedisConnection {
    connection: MultiplexedConnection,
    pushes: Option<Pushes>,
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

impl RedisConnection {
    /// Sends the greeting, and makes sure that the node can release what it grants.
    ///
    /// The commands go out together but not as one pipeline, so that the first refusal is told and not the last.
    async fn complete_handshake(&self, greeting: &[Cmd]) -> Result<(), Unavailable> {
        let greetings = join_all(greeting.iter().map(|command| self.greet(command)));
        let checks = join_all(Probe::ALL.map(|probe| self.probe(probe)));
        let (answers, probed) = join(greetings, checks).await;
        answers.into_iter().chain(probed).collect()
    }

    async fn greet(&self, command: &Cmd) -> Result<(), Unavailable> {
        let value = self.ask(command).await?;
        with_answer(&value, |answer| match answer {
            Answer::Error(text) => Err(Unavailable::from_server_error(text)),
            _ => Ok(()),
        })
    }

    async fn probe(&self, probe: Probe) -> Result<(), Unavailable> {
        let [command, arguments @ ..] = probe.words();
        let value = self.ask(redis::cmd(command).arg(&arguments)).await?;
        with_answer(&value, |answer| probe.check(answer))
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, Unavailable> {
        let answer = self.connection.clone().send_packed_command(command).await;
        answer.map_err(|error| unavailable(&error, Cause::NotSent))
    }
}

impl Connection for RedisConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let mut connection = self.connection.clone();
        async move {
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

    fn announces(&self) -> bool {
        self.pushes.is_some()
    }

    fn poll_called_up(&mut self, context: &mut Context<'_>) -> Poll<Resource> {
        let called_up = self.pushes.as_mut().map(|pushes| Pin::new(&mut pushes.called_up).poll_next(context));
        match called_up {
            Some(Poll::Ready(Some(resource))) => Poll::Ready(resource),
            _ => Poll::Pending,
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let broken = self.pushes.as_mut().and_then(|pushes| pushes.broken.take());
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

fn packed(command: &Command) -> Cmd {
    let wire = command.wire();
    let mut packed = Cmd::with_capacity(wire.words().len(), wire.words().map(<[u8]>::len).sum());
    for word in wire.words() {
        packed.arg(word);
    }
    packed
}

/// Gives `read` what the server answered.
fn with_answer<T>(value: &Value, read: impl FnOnce(Answer<'_>) -> T) -> T {
    match value {
        Value::Okay => read(Answer::Ok),
        Value::Nil => read(Answer::Nil),
        Value::Int(number) => read(Answer::Integer(*number)),
        Value::BulkString(bytes) => read(Answer::Bytes(bytes)),
        Value::ServerError(error) => {
            read(Answer::Error(&format!("{} {}", error.code(), error.details().unwrap_or_default())))
        }
        _ => read(Answer::Other),
    }
}

/// Why the node cannot be used: what the server said, or `otherwise` with what the operating system said.
fn unavailable(error: &RedisError, otherwise: Cause) -> Unavailable {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Unavailable::with_detail(Cause::NotAuthenticated, &error.to_string());
    }
    match (error.code(), error.kind()) {
        (Some(code), _) => Unavailable::from_server_error(&format!("{code} {}", error.detail().unwrap_or_default())),
        (None, ErrorKind::Parse | ErrorKind::UnexpectedReturnType) => Unavailable::new(Cause::Unexpected),
        (None, _) if otherwise == Cause::NotSent && is_closed(error) => Unavailable::with_detail(otherwise, CLOSED),
        (None, _) => Unavailable::with_detail(otherwise, &plain_words(&error.to_string())),
    }
}

/// What a server has said before it closed the connection, redis-rs does not tell of a handshake of several commands.
const CLOSED: &str = "the server closed the connection at once, as it does when its max number of clients is reached";

fn is_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal() && !error.is_timeout()
}
