//! Clients from URLs, with the settings that serve a lock.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisError,
};
use redlock_core::system::url::{Address, NodeUrl};

use super::RedisTransport;

/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// For how long sent bytes may stay unacknowledged before the connection counts as broken.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The way to the server that the URL names. Nothing is sent.
pub(crate) fn open(url: &NodeUrl) -> Result<RedisTransport, RedisError> {
    let client = Client::open(connection_info(url, !url.resp2)?)?;
    let apart = Client::open(connection_info(url, true)?)?;
    let mut greeting = Vec::new();
    if url.resp2
        && let Some(password) = &url.password
    {
        greeting.push(redis::cmd("AUTH").arg(&url.user).arg(password).take());
    }
    if url.database != 0 {
        greeting.push(redis::cmd("SELECT").arg(url.database).take());
    }
    Ok(RedisTransport::with_greeting(client, greeting, apart))
}

/// Returns how to connect. Without the credentials a greeting has to bring them.
fn connection_info(url: &NodeUrl, has_credentials: bool) -> Result<ConnectionInfo, RedisError> {
    let protocol = if url.resp2 { ProtocolVersion::RESP2 } else { ProtocolVersion::RESP3 };
    let mut redis = RedisConnectionInfo::default().set_protocol(protocol).set_skip_set_lib_name();
    if let Some(user) = url.user.as_ref().filter(|_| has_credentials) {
        redis = redis.set_username(user);
    }
    if let Some(password) = url.password.as_ref().filter(|_| has_credentials) {
        redis = redis.set_password(password);
    }
    let address = match &url.address {
        Address::Tcp { host, port, tls: false } => ConnectionAddr::Tcp(host.clone(), *port),
        Address::Tcp { host, port, .. } => {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        }
        Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        _ => return Err((ErrorKind::InvalidClientConfig, "an address of a kind that is not known").into()),
    };
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    Ok(address.into_connection_info()?.set_redis_settings(redis).set_tcp_settings(tcp))
}
