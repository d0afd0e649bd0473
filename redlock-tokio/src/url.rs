//! Nodes from URLs.

#[cfg(feature = "redis")]
use redlock_driver::redis_rs::node_from_url;
use redlock_driver::{BuildError, IntoNode, Node};

use crate::Tokio;
#[cfg(not(feature = "redis"))]
use crate::fred_rs::node_from_url;

/// A URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
/// `unix:///path?db=0&user=u&pass=p`.
///
/// RESP3 is spoken unless the URL says `protocol=resp2`; it notices a broken connection while nothing is sent.
impl IntoNode<Tokio> for &str {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        node_from_url(self)
    }
}

/// A URL, as for `&str`.
impl IntoNode<Tokio> for String {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        node_from_url(&self)
    }
}

/// A URL, as for `&str`.
impl IntoNode<Tokio> for &String {
    fn into_node(self) -> Result<Node<Tokio>, BuildError> {
        node_from_url(self)
    }
}
