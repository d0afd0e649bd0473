//! Nodes over the `redis` crate (redis-rs).

use redis::Client;
use redlock_driver::redis_rs::{node_from_client, node_from_url};
use redlock_driver::{BuildError, IntoNode, Node};

use crate::AsyncStd;

/// A URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
/// `unix:///path?db=0&user=u&pass=p`.
///
/// RESP3 is spoken unless the URL says `protocol=resp2`; it notices a broken connection while nothing is sent.
impl IntoNode<AsyncStd> for &str {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        node_from_url(self)
    }
}

/// A URL, as for `&str`.
impl IntoNode<AsyncStd> for String {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        node_from_url(&self)
    }
}

/// A URL, as for `&str`.
impl IntoNode<AsyncStd> for &String {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        node_from_url(self)
    }
}

/// A client that was configured elsewhere: address, credentials, protocol, certificates and TCP settings are its own.
/// The connection is one of its own too, without a response timeout, because deadlines are Redlock's.
impl IntoNode<AsyncStd> for Client {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        Ok(node_from_client(self))
    }
}
