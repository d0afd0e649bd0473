//! Nodes from URLs.

use redlock_driver::native::UrlNode;
use redlock_driver::{BuildError, IntoNode, Node};

use crate::AsyncStd;

/// A URL: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
/// `unix:///path?db=0&user=u&pass=p`.
///
/// RESP3 is spoken unless the URL says `protocol=resp2`. [`UrlNode`] takes certificates of your own.
impl IntoNode<AsyncStd> for &str {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        UrlNode::new(self).into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode<AsyncStd> for String {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        UrlNode::new(self).into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode<AsyncStd> for &String {
    fn into_node(self) -> Result<Node<AsyncStd>, BuildError> {
        UrlNode::new(self).into_node()
    }
}
