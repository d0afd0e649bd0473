//! Nodes over the `redis` crate (redis-rs).

use redis::Client;
use redlock_driver::redis_rs::node_from_client;
use redlock_driver::{BuildError, IntoNode, Node};

use crate::AsyncStd;

/// A client that was configured elsewhere: address, credentials, protocol, certificates and TCP settings are its own.
/// The connection is one of its own too, without a response timeout, because deadlines are Redlock's.
impl IntoNode<AsyncStd> for Client {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        Ok(node_from_client(self))
    }
}
