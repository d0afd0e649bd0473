//! The ways to a cluster as one node.

use std::sync::Arc;
use std::time::Duration;

use redlock_tokio::fred::prelude::{Builder, Config};
use redlock_tokio::fred::types::config::TlsConnector;
use redlock_tokio::redis::TlsCertificates;
use redlock_tokio::redis::cluster::{ClusterClient, ClusterClientBuilder};
use redlock_tokio::{ClusterNode, FredClusterNode, IntoNode, Node, RedisClusterNode, TlsSettings};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A way to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Connections of our own.
    Own,
    /// The cluster client of redis-rs.
    RedisRs,
    /// The same with the older protocol, which does not tell of the end of a connection.
    RedisRsResp2,
    /// Clients of fred.
    Fred,
}

impl Kind {
    /// All but the same twice.
    pub(crate) const ALL: [Self; 3] = [Self::Own, Self::RedisRs, Self::Fred];

    /// Returns the node that is the cluster with these members.
    pub(crate) fn node(self, urls: &[String]) -> Node {
        let node = match self {
            Self::Own => ClusterNode::new(urls).into_node(),
            Self::RedisRs => Self::redis_node(urls, "resp3").into_node(),
            Self::RedisRsResp2 => Self::redis_node(urls, "resp2").into_node(),
            Self::Fred => Self::fred_node(urls).into_node(),
        };
        node.unwrap()
    }

    /// Returns the node that is the cluster with these members, which have certificates of an authority, in PEM.
    pub(crate) fn node_with_tls(self, urls: &[String], authority: &str) -> Node {
        let node = match self {
            Self::Own => {
                let settings = TlsSettings::builder().authorities(authority).build().unwrap();
                ClusterNode::new(urls).tls(settings).into_node()
            }
            Self::RedisRs | Self::RedisRsResp2 => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(authority.into()) };
                RedisClusterNode::new("cluster", redis_client(urls, "resp3").certs(certificates)).into_node()
            }
            Self::Fred => Self::fred_node_with(urls, Some(trusting(authority))).into_node(),
        };
        node.unwrap()
    }

    pub(crate) fn redis_node(urls: &[String], protocol: &str) -> RedisClusterNode {
        RedisClusterNode::new("cluster", redis_client(urls, protocol))
    }

    pub(crate) fn fred_node(urls: &[String]) -> FredClusterNode {
        Self::fred_node_with(urls, None)
    }

    fn fred_node_with(urls: &[String], tls: Option<TlsConnector>) -> FredClusterNode {
        let hosts: Vec<_> = urls.iter().map(|url| url.split_once("://").unwrap().1).collect();
        let others: Vec<_> = hosts[1..].iter().map(|host| format!("node={host}")).collect();
        let mut config = Config::from_url(&format!("redis-cluster://{}?{}", hosts[0], others.join("&"))).unwrap();
        config.tls = tls.map(Into::into);
        let client = Builder::from_config(config)
            .with_connection_config(|config| config.max_command_attempts = 1)
            .with_performance_config(|config| config.default_command_timeout = Duration::from_secs(10))
            .build();
        FredClusterNode(client.unwrap())
    }
}

fn redis_client(urls: &[String], protocol: &str) -> ClusterClientBuilder {
    ClusterClient::builder(urls.iter().map(|url| format!("{url}/?protocol={protocol}")))
}

fn trusting(authority: &str) -> TlsConnector {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authorities)
        .with_no_client_auth()
        .into()
}
