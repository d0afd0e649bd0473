//! Addresses as texts.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisError,
};
use redlock_core::system::url::{Address, NodeUrl, UrlError};
use redlock_core::system::without_secrets;

use crate::BuildError;

/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// For how long sent bytes may stay unacknowledged before the connection counts as broken.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Reads a URL for an adapter.
pub(super) fn read(url: &str) -> Result<ConnectionInfo, BuildError> {
    let read = NodeUrl::parse(url).map_err(|UrlError { node, reason, .. }| BuildError::Node { node, reason })?;
    connection_info(&read).map_err(|error| unusable(url, error.to_string()))
}

/// The error about a URL, without whatever in it may be a password.
pub(super) fn unusable(url: &str, reason: String) -> BuildError {
    BuildError::Node { node: without_secrets(url), reason }
}

/// How to reach the server that the URL names.
fn connection_info(url: &NodeUrl) -> Result<ConnectionInfo, RedisError> {
    let protocol = if url.resp2 { ProtocolVersion::RESP2 } else { ProtocolVersion::RESP3 };
    let mut redis = RedisConnectionInfo::default().set_db(url.database.into()).set_protocol(protocol);
    if let Some(user) = &url.user {
        redis = redis.set_username(user);
    }
    if let Some(password) = &url.password {
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
