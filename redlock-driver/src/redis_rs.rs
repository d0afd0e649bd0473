//! Nodes over the `redis` crate (redis-rs): what is the same on every async runtime.
//!
//! To lock things in a service, take the adapter of your runtime (`redlock-tokio`, `redlock-async-std`). Come here to
//! put a [`Runtime`] of your own on redis-rs, with the feature `redis-tokio-comp` or `redis-smol-comp`:
//!
//! ```
//! use redlock_driver::redis_rs::RedisUrl;
//! use redlock_driver::{IntoNode, Runtime};
//!
//! # use std::future::{Future, pending};
//! # #[derive(Clone)]
//! # struct Mine;
//! # impl Runtime for Mine {
//! #     fn sleep_until(&self, _: redlock_driver::Instant) -> impl Future<Output = ()> + Send + 'static { pending() }
//! #     fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}
//! # }
//! # let into_node = <RedisUrl<&str> as IntoNode<Mine>>::into_node;
//! assert!(into_node(RedisUrl("redis://:secret@10.0.0.1")).is_ok());
//! let error = into_node(RedisUrl("redis://:secret@10.0.0.1/x")).unwrap_err();
//! assert!(error.to_string().starts_with("the node redis://***@10.0.0.1/x is not usable"));
//! ```
//!
//! The way follows the rules of [`Transport`](crate::transport::Transport): commands keep their order, nothing is sent
//! twice, no deadline but Redlock's applies, and RESP3 tells of a broken connection before it is needed. A handle has
//! one connection of its own per node.

use std::fmt;

mod answer;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod fenced_store;
mod hearing;
#[cfg(feature = "redis-tls")]
mod tls;
mod transport;
mod url;

pub use redis;
pub use redlock_core::shell::FencedStoreError;

#[cfg(feature = "redis-cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis-cluster")))]
pub use self::cluster::{RedisClusterNode, RedisClusterTransport, RedisMasterConnection};
pub use self::fenced_store::{get_if_not_stale, set_if_not_stale};
pub use self::transport::{RedisConnection, RedisTransport};
use crate::{BuildError, IntoNode, Node, Runtime};
use redlock_core::system::url::{NodeUrl, UrlError};

/// A URL whose node is reached over redis-rs, where plain URLs are carried by connections of our own. It takes the same
/// [URLs](NodeUrl), and speaks RESP3 unless the URL says `protocol=resp2`.
///
/// `Debug` shows nothing, because a URL may contain a password.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it wraps a URL, and nothing else")]
pub struct RedisUrl<U>(pub U);

impl<R: Runtime, U: AsRef<str>> IntoNode<R> for RedisUrl<U> {
    fn into_node(self) -> Result<Node<R>, BuildError> {
        let url = self.0.as_ref();
        let read =
            NodeUrl::parse(url).map_err(|UrlError { node, reason, .. }| BuildError::unusable_node(node, reason))?;
        let transport = url::open(&read).map_err(|error| BuildError::unusable_url(url, error))?;
        Ok(node_over(transport))
    }
}

impl<U> fmt::Debug for RedisUrl<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisUrl").finish_non_exhaustive()
    }
}

/// A node from a client that was configured elsewhere: address, credentials, protocol, certificates and TCP settings
/// are its own. The connection is one of Redlock's own, without a response timeout, because deadlines are Redlock's.
#[must_use]
pub fn node_from_client<R: Runtime>(client: redis::Client) -> Node<R> {
    node_over(RedisTransport::new(client))
}

fn node_over<R: Runtime>(transport: RedisTransport) -> Node<R> {
    Node::new(transport.address(), transport).over_sockets()
}
