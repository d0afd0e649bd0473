//! What fred has to know to reach one server in a way that is safe for locks.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::socket2::TcpKeepalive;
use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig, TcpConfig};
use redlock_core::system::url::{Address, NodeUrl};

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
    #[error("fred cannot reach an address of this kind")]
    Address,
    #[cfg(not(feature = "tls"))]
    #[error("TLS needs the feature tls of redlock-tokio")]
    NoTls,
    #[error("{}", .0.details())]
    Fred(#[from] fred::error::Error),
    #[error("a command may be sent {attempts} times: set max_command_attempts to 1")]
    CommandAttempts { attempts: u32 },
    #[error("a command may wait for its answer for ever: set default_command_timeout")]
    NoCommandTimeout,
    #[error(
        "a client of a cluster or of sentinels is not one independent master: read FredClusterNode or SentinelNode, and use it"
    )]
    NotOneServer,
    #[error("it is no client of a cluster")]
    NoCluster,
}

/// One server, and how to talk to it.
pub(super) struct Settings {
    config: Config,
    performance: PerformanceConfig,
    connection: ConnectionConfig,
}

impl Settings {
    /// Those for a URL.
    pub(super) fn from_url(url: &NodeUrl) -> Result<Self, Unusable> {
        let performance = PerformanceConfig { default_command_timeout: COMMAND_TIMEOUT, ..Default::default() };
        let connection =
            ConnectionConfig { max_command_attempts: COMMAND_ATTEMPTS, tcp: tcp(), ..ConnectionConfig::default() };
        Ok(Self { config: config(url)?, performance, connection })
    }

    /// Those of a client, if they are safe.
    pub(super) fn of_client(client: &Client) -> Result<Self, Unusable> {
        let server = client.client_config().server;
        if server.is_clustered() || server.is_sentinel() {
            return Err(Unusable::NotOneServer);
        }
        Self::if_safe(client)
    }

    /// Those of a client of a cluster, if they are safe.
    pub(super) fn of_cluster_client(client: &Client) -> Result<Self, Unusable> {
        if !client.client_config().server.is_clustered() {
            return Err(Unusable::NoCluster);
        }
        Self::if_safe(client)
    }

    fn if_safe(client: &Client) -> Result<Self, Unusable> {
        let (config, connection) = (client.client_config(), client.connection_config().clone());
        let performance = client.perf_config();
        if connection.max_command_attempts != COMMAND_ATTEMPTS {
            return Err(Unusable::CommandAttempts { attempts: connection.max_command_attempts });
        }
        if performance.default_command_timeout.is_zero() {
            return Err(Unusable::NoCommandTimeout);
        }
        Ok(Self { config: Config { fail_fast: true, ..config }, performance, connection })
    }

    /// Those for one server of a cluster, named by another one at `said_by`.
    pub(super) fn of_member(&self, server: Server, said_by: &str) -> Self {
        let (performance, connection) = (self.performance.clone(), self.connection.clone());
        let server = ServerConfig::Centralized { server: self.with_tls_name(server, said_by) };
        Self { config: Config { server, ..self.config.clone() }, performance, connection }
    }

    /// Adds the name that is in the certificate of a server, as fred does for clusters.
    #[cfg(feature = "tls")]
    fn with_tls_name(&self, server: Server, said_by: &str) -> Server {
        use fred::types::config::TlsHostMapping;

        let mapping = self.config.tls.as_ref().map(|tls| &tls.hostnames);
        let name = match (mapping, server.host.parse()) {
            (Some(TlsHostMapping::DefaultHost), Ok(_)) => Some(said_by.into()),
            (Some(TlsHostMapping::Custom(names)), Ok(address)) => names.map(&address, said_by),
            _ => return server,
        };
        Server { tls_server_name: name.map(Into::into), ..server }
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls_name(&self, server: Server, _said_by: &str) -> Server {
        server
    }

    /// Whether the server is spoken to over TCP without TLS.
    pub(super) fn are_in_the_clear(&self) -> bool {
        matches!(self.config.server, ServerConfig::Centralized { .. }) && !self.config.uses_tls()
    }

    /// The members of a cluster that were named.
    pub(super) fn hosts(&self) -> Vec<Server> {
        self.config.server.hosts()
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

fn config(url: &NodeUrl) -> Result<Config, Unusable> {
    let version = if url.resp2 { RespVersion::RESP2 } else { RespVersion::RESP3 };
    let config = Config {
        version,
        fail_fast: true,
        username: url.user.clone(),
        password: url.password.clone(),
        database: (url.database != 0).then_some(url.database),
        ..Config::default()
    };
    match &url.address {
        Address::Tcp { host, port, tls } => {
            let server = ServerConfig::new_centralized(host, *port);
            if *tls { with_tls(Config { server, ..config }) } else { Ok(Config { server, ..config }) }
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Config { server: ServerConfig::Unix { path: path.clone() }, ..config }),
        _ => Err(Unusable::Address),
    }
}

/// fred would trust the authorities that the operating system trusts; a URL means the same to all clients here.
#[cfg(feature = "tls")]
fn with_tls(config: Config) -> Result<Config, Unusable> {
    use fred::types::config::TlsConnector;
    use rustls::{ClientConfig, RootCertStore, crypto::ring};

    let authorities = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| fred::error::Error::new(fred::error::ErrorKind::Tls, error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(Config { tls: Some(TlsConnector::from(tls).into()), ..config })
}

/// Without it fred would speak in the clear.
#[cfg(not(feature = "tls"))]
fn with_tls(_: Config) -> Result<Config, Unusable> {
    Err(Unusable::NoTls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Result<Settings, Unusable> {
        Settings::from_url(&NodeUrl::parse(url).unwrap())
    }

    #[test]
    fn a_url_s_parts_are_handed_to_fred() {
        let Settings { config, .. } = settings("redis://user:p%40ss@Host:7000/3?protocol=resp2").unwrap();
        assert_eq!(name(&config.server), "host:7000");
        assert_eq!(config.username.as_deref(), Some("user"));
        assert_eq!(config.password.as_deref(), Some("p@ss"));
        assert_eq!((config.database, config.version), (Some(3), RespVersion::RESP2));
        assert_eq!(name(&settings("redis://[::1]:7000").unwrap().config.server), "::1:7000");
        #[cfg(unix)]
        assert_eq!(name(&settings("unix:///run/a%20b.sock").unwrap().config.server), "/run/a b.sock");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_nothing_is_sent_in_the_clear_instead() {
        let refusal = settings("rediss://host").err().map(|reason| reason.to_string());
        assert!(refusal.is_some_and(|reason| reason.contains("needs the feature tls of redlock-tokio")));
    }

    #[test]
    fn from_a_url_nothing_is_sent_twice_or_waited_for_without_end() {
        let client = settings("redis://host").unwrap().client();
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
