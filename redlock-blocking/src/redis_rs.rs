//! Nodes from clients of the `redis` crate (redis-rs).

use redis::{Client, ConnectionAddr, ConnectionInfo, ProtocolVersion};
use redlock_core::resp::Settings;
use redlock_core::system::url::Address;

use crate::native::{node, tls_for};
use crate::{BuildError, IntoNode, Node};

/// A client that was configured elsewhere: address, credentials, protocol and database are its own. The connections are
/// our own, without a response timeout, because deadlines are Redlock's.
///
/// A client with certificates of its own is refused, because they cannot be read from it; a
/// [`UrlNode`](crate::UrlNode) takes them.
impl IntoNode for Client {
    fn into_node(self) -> Result<Node, BuildError> {
        let info = self.get_connection_info();
        let unusable = |reason| BuildError::unusable_node(info.addr().to_string(), reason);
        let address = address(info.addr()).map_err(unusable)?;
        let tls = tls_for(&address, None).map_err(unusable)?;
        let settings = settings(info).map_err(unusable)?;
        Ok(node(address, tls, settings))
    }
}

fn address(addr: &ConnectionAddr) -> Result<Address, String> {
    match addr {
        ConnectionAddr::Tcp(host, port) => Ok(Address::Tcp { host: host.clone(), port: *port, tls: false }),
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err("a certificate that is not checked protects nothing: give its authority's with UrlNode".into())
        }
        ConnectionAddr::TcpTls { tls_params: Some(_), .. } => {
            Err("a client's certificates cannot be read from it: give them with UrlNode".into())
        }
        ConnectionAddr::TcpTls { host, port, .. } => Ok(Address::Tcp { host: host.clone(), port: *port, tls: true }),
        ConnectionAddr::Unix(path) => Ok(Address::Unix(path.clone())),
        _ => Err("an address of a kind that is not known".into()),
    }
}

fn settings(info: &ConnectionInfo) -> Result<Settings, String> {
    let redis = info.redis_settings();
    let database = u32::try_from(redis.db()).map_err(|_| "the number of the database is negative")?;
    let settings = Settings::new().database(database).resp2(redis.protocol() == ProtocolVersion::RESP2);
    Ok(match (redis.username(), redis.password()) {
        (Some(user), Some(password)) => settings.user(user, password),
        (None, Some(password)) => settings.password(password),
        (_, None) => settings,
    })
}
