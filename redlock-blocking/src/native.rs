//! Nodes over sockets of our own: what URLs are carried by.

mod connection;
mod dial;
mod lookup;
mod sentinel;
mod socket;
mod stream;
#[cfg_attr(not(feature = "tls"), path = "native/no_tls.rs")]
mod tls;

use std::fmt;

use redlock_core::resp::Settings;
use redlock_core::system::url::{Address, NodeUrl, UrlError};
use redlock_core::system::without_secrets;

use self::connection::NativeTransport;
use self::lookup::Lookup;
pub use self::sentinel::SentinelNode;
use self::tls::TlsSettings;
use crate::{BuildError, IntoNode, Node};

/// A node that is named by a URL, with settings that have no place in it.
///
/// A URL alone is a node as well; this is for certificates of your own, and for a name that the server shows.
///
/// `Debug` shows no password.
#[derive(Clone)]
#[must_use]
pub struct UrlNode {
    url: String,
    tls: Option<TlsSettings>,
    client_name: Option<String>,
}

impl UrlNode {
    /// Creates the node that a URL names: `redis://[user][:password@]host[:port][/db]`, `rediss://…` (feature `tls`), or
    /// `unix:///path?db=0&user=u&pass=p`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), tls: None, client_name: None }
    }

    /// Sets how TLS is spoken; the URL must begin with `rediss://` or `valkeys://`.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Sets the name that the server shows for the connection, in `CLIENT LIST` for instance. It must not contain blanks.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    fn unusable(&self, reason: String) -> BuildError {
        BuildError::unusable_url(&self.url, reason)
    }
}

impl IntoNode for UrlNode {
    fn into_node(self) -> Result<Node, BuildError> {
        let unusable = |UrlError { node, reason, .. }| BuildError::unusable_node(node, reason);
        let url = NodeUrl::parse(&self.url).map_err(unusable)?;
        let settings = url.settings(self.client_name.as_deref()).map_err(unusable)?;
        let tls = tls_for(&url.address, self.tls.as_ref()).map_err(|reason| self.unusable(reason))?;
        Ok(node(url.address, tls, settings))
    }
}

/// Makes the node at an address.
pub(crate) fn node(address: Address, tls: Option<TlsSettings>, settings: Settings) -> Node {
    Node::new(address.to_string(), NativeTransport { address, tls, settings, lookup: Lookup::default() })
}

/// Returns how TLS is spoken to an address, if it is.
pub(crate) fn tls_for(address: &Address, settings: Option<&TlsSettings>) -> Result<Option<TlsSettings>, String> {
    match (address, settings) {
        (Address::Tcp { host, tls: true, .. }, settings) => tls::settings(host, settings).map(Some),
        (_, Some(_)) => Err("TLS settings need a URL that begins with rediss://".into()),
        (_, None) => Ok(None),
    }
}

/// A URL, as for [`UrlNode::new`]. RESP3 is spoken unless it says `protocol=resp2`.
impl IntoNode for &str {
    fn into_node(self) -> Result<Node, BuildError> {
        UrlNode::new(self).into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode for String {
    fn into_node(self) -> Result<Node, BuildError> {
        UrlNode::new(self).into_node()
    }
}

/// A URL, as for `&str`.
impl IntoNode for &String {
    fn into_node(self) -> Result<Node, BuildError> {
        UrlNode::new(self).into_node()
    }
}

impl fmt::Debug for UrlNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlNode").field("url", &without_secrets(&self.url)).finish_non_exhaustive()
    }
}
