//! The ways to a cluster as one node.

use std::time::Duration;

use redlock_tokio::fred::prelude::{Builder, Config};
use redlock_tokio::redis::cluster::ClusterClient;
use redlock_tokio::{ClusterNode, FredClusterNode, IntoNode, Node, RedisClusterNode};

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

    pub(crate) fn redis_node(urls: &[String], protocol: &str) -> RedisClusterNode {
        let members = urls.iter().map(|url| format!("{url}/?protocol={protocol}"));
        RedisClusterNode::new("cluster", ClusterClient::builder(members))
    }

    pub(crate) fn fred_node(urls: &[String]) -> FredClusterNode {
        let hosts: Vec<_> = urls.iter().map(|url| url.trim_start_matches("redis://")).collect();
        let others: Vec<_> = hosts[1..].iter().map(|host| format!("node={host}")).collect();
        let config = Config::from_url(&format!("redis-cluster://{}?{}", hosts[0], others.join("&"))).unwrap();
        let client = Builder::from_config(config)
            .with_connection_config(|config| config.max_command_attempts = 1)
            .with_performance_config(|config| config.default_command_timeout = Duration::from_secs(10))
            .build();
        FredClusterNode(client.unwrap())
    }
}
