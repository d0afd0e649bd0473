//! Nodes over the `redis` crate (redis-rs).

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use futures_channel::oneshot;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, ProtocolVersion,
    PushInfo, PushKind, RedisError, Value,
};
use redlock_driver::{Answer, BuildError, Cause, Command, Connection, IntoNode, Node, Reply, Transport, Unavailable};

use crate::Tokio;

/// How many batches redis-rs takes before a caller would have to wait; a release could then overtake its SET.
const PIPELINE_BUFFER: usize = 4096;
/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// For how long sent bytes may stay unacknowledged before the connection counts as broken.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// A URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
/// `unix:///path?db=0&user=u&pass=p`.
///
/// RESP3 is spoken unless the URL says `protocol=resp2`; it notices a broken connection while nothing is sent.
impl IntoNode<Tokio> for &str {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        let unusable = |error: RedisError| BuildError::Node { node: without_secrets(self), reason: error.to_string() };
        let info = connection_info(self).map_err(unusable)?;
        Client::open(info).map_err(unusable)?.into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode<Tokio> for String {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        self.as_str().into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode<Tokio> for &String {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        self.as_str().into_node()
    }
}

/// A client that was configured elsewhere: address, credentials, protocol, certificates and TCP settings are its own.
/// The connection is one of its own too, without a response timeout, because deadlines are Redlock's.
impl IntoNode<Tokio> for Client {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        let name = self.get_connection_info().addr().to_string();
        Ok(Node::new(name, RedisTransport { client: self }))
    }
}

fn connection_info(url: &str) -> Result<ConnectionInfo, RedisError> {
    let info = url.into_connection_info()?;
    let mut redis = info.redis_settings().clone();
    if !url.contains("protocol=") {
        redis = redis.set_protocol(ProtocolVersion::RESP3);
    }
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

/// A text that was meant as a URL, without whatever in it may be a password.
fn without_secrets(url: &str) -> String {
    let visible = url.split(['?', '#']).next().unwrap_or_default();
    match (visible.find("://"), visible.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &visible[..scheme], &visible[at..]),
        (_, Some(at)) => format!("***{}", &visible[at..]),
        _ => visible.into(),
    }
}

struct RedisTransport {
    client: Client,
}

impl Transport for RedisTransport {
    type Connection = RedisConnection;

    async fn connect(&mut self) -> Result<RedisConnection, Unavailable> {
        #[cfg(feature = "tls")]
        crate::tls::install_provider();
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let mut broken = None;
        if self.client.get_connection_info().redis_settings().protocol() != ProtocolVersion::RESP2 {
            let (sender, receiver) = oneshot::channel();
            config = config.set_push_sender(drop_when_broken(sender));
            broken = Some(receiver);
        }
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.map_err(|error| unavailable(&error, Cause::NotSent))?;
        Ok(RedisConnection { connection, broken })
    }
}

/// Drops the sender when the server is gone, which its receiver notices.
fn drop_when_broken(sender: oneshot::Sender<()>) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    let sender = Mutex::new(Some(sender));
    move |push| {
        if push.kind == PushKind::Disconnection
            && let Ok(mut sender) = sender.lock()
        {
            *sender = None;
        }
        Ok(())
    }
}

struct RedisConnection {
    connection: MultiplexedConnection,
    /// Ends when the server is gone; only RESP3 tells.
    broken: Option<oneshot::Receiver<()>>,
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
            Ok(batch.iter().zip(&values).map(|(command, value)| reply(command, value)).collect())
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

fn packed(command: &Command) -> Cmd {
    let mut packed = Cmd::new();
    for word in command.wire().words() {
        packed.arg(word);
    }
    packed
}

fn reply(command: &Command, value: &Value) -> Reply {
    match value {
        Value::Okay => Reply::from_wire(command, Answer::Ok),
        Value::Nil => Reply::from_wire(command, Answer::Nil),
        Value::Int(number) => Reply::from_wire(command, Answer::Integer(*number)),
        Value::ServerError(error) => {
            let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
            Reply::from_wire(command, Answer::Error(&text))
        }
        _ => Reply::from_wire(command, Answer::Other),
    }
}

/// Why the node cannot be used: what the server said, or `otherwise` with what the operating system said.
fn unavailable(error: &RedisError, otherwise: Cause) -> Unavailable {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Unavailable::with_detail(Cause::NotAuthenticated, &error.to_string());
    }
    match error.code() {
        Some(code) => Unavailable::from_server_error(&format!("{code} {}", error.detail().unwrap_or_default())),
        None => Unavailable::with_detail(otherwise, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_a_url_shows_no_password() {
        for (url, shown) in [
            ("redis://user:secret@host:1/x", "redis://***@host:1/x"),
            ("redis://:s@cret@host", "redis://***@host"),
            ("user:secret@host", "***@host"),
            ("unix:///run/redis?pass=secret", "unix:///run/redis"),
            ("http://host", "http://host"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn resp3_is_spoken_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("redis://host", ProtocolVersion::RESP3),
            ("redis://host?protocol=resp2", ProtocolVersion::RESP2),
            ("unix:///run/redis?protocol=resp3", ProtocolVersion::RESP3),
        ] {
            assert_eq!(connection_info(url).unwrap().redis_settings().protocol(), expected, "{url}");
        }
    }
}
