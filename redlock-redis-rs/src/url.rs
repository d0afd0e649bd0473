//! Clients from URLs, with the settings that serve a lock.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError};

/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// For how long sent bytes may stay unacknowledged before the connection counts as broken.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// A client of the server that the URL names. Nothing is sent.
pub(crate) fn open(url: &str) -> Result<Client, RedisError> {
    Client::open(connection_info(url)?)
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

#[cfg(test)]
mod tests {
    use super::*;

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
