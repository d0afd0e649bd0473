//! What fred has to know to reach one server in a way that is safe for locks.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::socket2::TcpKeepalive;
use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ServerConfig, TcpConfig};
use url::Url;

/// How often fred may send a command: an answer that was lost is no reason to do a thing twice.
const COMMAND_ATTEMPTS: u32 = 1;
/// After how long without an answer a connection from a URL counts as broken. Redlock's own deadlines are far shorter;
/// a server that pauses for less is still told of releases in order.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long an idle connection is probed, so that a node that vanished is noticed before it is needed.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Why fred cannot, or must not, carry a node.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    Url(#[from] url::ParseError),
    #[error("{0}:// is not the beginning of a Redis server's URL")]
    Scheme(String),
    #[error("the host is missing")]
    NoHost,
    #[error("the path of the socket is missing")]
    NoPath,
    #[error("the database is not a number from 0 to 255")]
    Database,
    #[error("the protocol is neither resp2 nor resp3")]
    Protocol,
    #[cfg(not(feature = "tls"))]
    #[error("TLS needs the feature tls")]
    NoTls,
    #[error("{}", .0.details())]
    Fred(#[from] fred::error::Error),
    #[error("a command may be sent {attempts} times: set max_command_attempts to 1")]
    CommandAttempts { attempts: u32 },
    #[error("a command may wait for its answer for ever: set default_command_timeout")]
    NoCommandTimeout,
    #[error("a client of a cluster or of sentinels is not one independent master")]
    NotOneServer,
}

/// One server, and how to talk to it.
pub(super) struct Settings {
    config: Config,
    performance: PerformanceConfig,
    connection: ConnectionConfig,
}

impl Settings {
    /// Those for a URL, which may be any that the `redis` crate takes too.
    pub(super) fn from_url(url: &str) -> Result<Self, Unusable> {
        let performance = PerformanceConfig { default_command_timeout: COMMAND_TIMEOUT, ..Default::default() };
        let connection =
            ConnectionConfig { max_command_attempts: COMMAND_ATTEMPTS, tcp: tcp(), ..ConnectionConfig::default() };
        Ok(Self { config: config(&Url::parse(url)?)?, performance, connection })
    }

    /// Those of a client, if they are safe.
    pub(super) fn of_client(client: &Client) -> Result<Self, Unusable> {
        let (config, connection) = (client.client_config(), client.connection_config().clone());
        let performance = client.perf_config();
        if config.server.is_clustered() || config.server.is_sentinel() {
            return Err(Unusable::NotOneServer);
        }
        if connection.max_command_attempts != COMMAND_ATTEMPTS {
            return Err(Unusable::CommandAttempts { attempts: connection.max_command_attempts });
        }
        if performance.default_command_timeout.is_zero() {
            return Err(Unusable::NoCommandTimeout);
        }
        Ok(Self { config: Config { fail_fast: true, ..config }, performance, connection })
    }

    /// A new client, not connected yet, that does not reconnect by itself.
    pub(super) fn client(&self) -> Client {
        Client::new(self.config.clone(), Some(self.performance.clone()), Some(self.connection.clone()), None)
    }

    pub(super) fn name(&self) -> String {
        name(&self.config.server)
    }
}

/// The address, written as by the `redis` crate (an IPv6 address without brackets), so that the same server twice is
/// noticed.
pub(super) fn name(server: &ServerConfig) -> String {
    match server {
        #[cfg(unix)]
        ServerConfig::Unix { path } => path.display().to_string(),
        _ => server.hosts().iter().map(ToString::to_string).collect::<Vec<_>>().join(",").replace(['[', ']'], ""),
    }
}

fn tcp() -> TcpConfig {
    TcpConfig { nodelay: Some(true), keepalive: Some(TcpKeepalive::new().with_time(KEEPALIVE)), ..TcpConfig::default() }
}

fn config(url: &Url) -> Result<Config, Unusable> {
    let config = match url.scheme() {
        "redis" | "valkey" => tcp_config(url)?,
        "rediss" | "valkeys" => tls_config(url)?,
        #[cfg(unix)]
        "unix" | "redis+unix" | "valkey+unix" => unix_config(url)?,
        other => return Err(Unusable::Scheme(other.into())),
    };
    Ok(Config { version: protocol(url)?, fail_fast: true, ..config })
}

fn tcp_config(url: &Url) -> Result<Config, Unusable> {
    if url.host_str().unwrap_or_default().is_empty() {
        return Err(Unusable::NoHost);
    }
    Ok(Config::from_url_centralized(url.as_str())?)
}

/// fred would trust the authorities that the operating system trusts; a URL means the same to all clients here.
#[cfg(feature = "tls")]
fn tls_config(url: &Url) -> Result<Config, Unusable> {
    use fred::types::config::TlsConnector;
    use rustls::{ClientConfig, RootCertStore, crypto::ring};

    let mut plain = url.clone();
    plain.set_scheme("redis").map_err(|()| Unusable::Scheme(url.scheme().into()))?;
    let authorities = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| fred::error::Error::new(fred::error::ErrorKind::Tls, error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(Config { tls: Some(TlsConnector::from(tls).into()), ..tcp_config(&plain)? })
}

/// Without it fred would speak in the clear.
#[cfg(not(feature = "tls"))]
fn tls_config(_: &Url) -> Result<Config, Unusable> {
    Err(Unusable::NoTls)
}

#[cfg(unix)]
fn unix_config(url: &Url) -> Result<Config, Unusable> {
    let path = url.to_file_path().map_err(|()| Unusable::NoPath)?;
    let database = parameter(url, "db").map(|number| number.parse().map_err(|_| Unusable::Database)).transpose()?;
    Ok(Config {
        server: ServerConfig::Unix { path },
        username: parameter(url, "user"),
        password: parameter(url, "pass"),
        database,
        ..Config::default()
    })
}

fn protocol(url: &Url) -> Result<RespVersion, Unusable> {
    match parameter(url, "protocol").as_deref() {
        None | Some("3" | "resp3") => Ok(RespVersion::RESP3),
        Some("2" | "resp2") => Ok(RespVersion::RESP2),
        Some(_) => Err(Unusable::Protocol),
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Settings::from_url(url).err().map(|reason| reason.to_string()).unwrap_or_default()
    }

    #[cfg(feature = "redis")]
    #[test]
    fn urls_mean_what_they_mean_to_the_redis_crate() {
        use redis::{IntoConnectionInfo, ProtocolVersion};

        for url in [
            "redis://host",
            "redis://host:7000/3",
            "valkey://[::1]:7000",
            "redis://user:p%40ss@host",
            "redis://:pass@host?protocol=resp2",
            "unix:///run/redis.sock?db=2&user=u&pass=p%26p&protocol=3",
            "redis+unix:///run/a%20b.sock",
            #[cfg(feature = "tls")]
            "rediss://:pass@host:7000/3",
        ] {
            let Settings { config, .. } = Settings::from_url(url).unwrap();
            let theirs = url.into_connection_info().unwrap();
            let redis = theirs.redis_settings();
            assert_eq!(name(&config.server), theirs.addr().to_string(), "{url}");
            assert_eq!(config.username.as_deref(), redis.username(), "{url}");
            assert_eq!(config.password.as_deref(), redis.password(), "{url}");
            assert_eq!(i64::from(config.database.unwrap_or_default()), redis.db(), "{url}");
            let resp2 = url.contains("protocol=") && redis.protocol() == ProtocolVersion::RESP2;
            assert_eq!(config.version == RespVersion::RESP2, resp2, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_one_server_is_refused_with_the_reason() {
        for (url, reason) in [
            ("", "relative URL without a base"),
            ("127.0.0.1", "relative URL without a base"),
            ("http://host", "http:// is not the beginning"),
            ("redis-cluster://host", "redis-cluster:// is not the beginning"),
            ("redis://", "the host is missing"),
            ("redis://host:port", "invalid port number"),
            ("redis://host/db", "Invalid"),
            ("redis://host/1/2", "Invalid database path"),
            ("redis://host?protocol=4", "neither resp2 nor resp3"),
            ("unix://", "the path of the socket is missing"),
            ("unix:///run/redis.sock?db=256", "from 0 to 255"),
        ] {
            assert!(refusal(url).contains(reason), "{url}: {}", refusal(url));
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_nothing_is_sent_in_the_clear_instead() {
        assert!(refusal("rediss://host").contains("needs the feature tls"));
    }

    #[test]
    fn from_a_url_nothing_is_sent_twice_or_waited_for_without_end() {
        let client = Settings::from_url("redis://host").unwrap().client();
        assert_eq!(client.connection_config().max_command_attempts, 1);
        assert_eq!(client.perf_config().default_command_timeout, COMMAND_TIMEOUT);
        assert_eq!(client.client_reconnect_policy(), None);
        assert!(Settings::of_client(&client).is_ok());
    }

    #[test]
    fn a_client_that_is_not_safe_for_locks_is_refused() {
        let once = ConnectionConfig { max_command_attempts: 1, ..Default::default() };
        let limited = PerformanceConfig { default_command_timeout: COMMAND_TIMEOUT, ..Default::default() };
        let refusal = |config: Config, performance: PerformanceConfig, connection: ConnectionConfig| {
            let client = Client::new(config, Some(performance), Some(connection), None);
            Settings::of_client(&client).err().map(|reason| reason.to_string())
        };
        let attempts = refusal(Config::default(), limited.clone(), ConnectionConfig::default());
        assert_eq!(attempts.as_deref(), Some("a command may be sent 3 times: set max_command_attempts to 1"));
        let timeout = refusal(Config::default(), PerformanceConfig::default(), once.clone());
        assert_eq!(timeout.as_deref(), Some("a command may wait for its answer for ever: set default_command_timeout"));
        for url in ["redis-cluster://host:1", "redis-sentinel://host:1?sentinelServiceName=name"] {
            let several = refusal(Config::from_url(url).unwrap(), limited.clone(), once.clone());
            assert!(several.is_some_and(|reason| reason.contains("not one independent master")), "{url}");
        }
        assert_eq!(refusal(Config::default(), limited, once), None);
    }
}
