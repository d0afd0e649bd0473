//! Addresses as texts.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError};

/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// For how long sent bytes may stay unacknowledged before the connection counts as broken.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

pub(super) fn connection_info(url: &str) -> Result<ConnectionInfo, RedisError> {
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
pub(super) fn without_secrets(url: &str) -> String {
    let visible = url.split(['?', '#']).next().unwrap_or_default();
    match (visible.find("://"), visible.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &visible[..scheme], &visible[at..]),
        (_, Some(at)) => format!("***{}", &visible[at..]),
        _ => visible.into(),
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
