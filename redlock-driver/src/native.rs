//! Nodes over connections of our own, on any runtime with sockets: what the URLs of the adapters are carried by.

mod cluster;
mod inquiry;
mod seed;
mod sentinel;
mod session;
mod transport;

use std::fmt;

use redlock_core::system::url::{Address, NodeUrl, UrlError};
use redlock_core::{Cause, Unavailable};

pub use self::cluster::{ClusterNode, ClusterTransport};
pub use self::sentinel::{ASK_EVERY, SentinelConnection, SentinelNode, SentinelTransport};
pub use self::session::NativeConnection;
pub use self::transport::NativeTransport;
use crate::net::{Network, TlsSettings};
use crate::{BuildError, CurrentRuntime, IntoNode, Node};

/// A node that is named by a URL, with settings that have no place in it.
///
/// A URL alone is a node as well; this is for certificates of your own, and for a name that the server shows.
///
/// ```
/// # #[cfg(feature = "net-tls")]
/// # fn example(authority: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use redlock_driver::native::UrlNode;
/// use redlock_driver::net::TlsSettings;
///
/// let tls = TlsSettings::builder().authorities(authority).build()?;
/// let node = UrlNode::new("rediss://10.0.0.1:6380").tls(tls).client_name("invoices");
/// # let _ = node;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct UrlNode {
    url: String,
    tls: Option<TlsSettings>,
    client_name: Option<String>,
}

impl UrlNode {
    /// Creates the node that a [URL](NodeUrl) names.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), tls: None, client_name: None }
    }

    /// Sets how TLS is spoken; the URL must begin with `rediss://` or `valkeys://`.
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Sets the name that the server shows for the connection, in `CLIENT LIST` for instance. It must not contain blanks.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    fn unusable(&self, reason: &str) -> BuildError {
        BuildError::unusable_node(redlock_core::system::without_secrets(&self.url), reason)
    }

    /// Returns how TLS is spoken to the address, if it is.
    fn tls_for(&self, address: &Address) -> Result<Option<TlsSettings>, BuildError> {
        match (address, &self.tls) {
            (Address::Tcp { host, tls: true, .. }, settings) => {
                tls(host, settings.as_ref()).map(Some).map_err(|reason| self.unusable(&reason))
            }
            (_, Some(_)) => Err(self.unusable("TLS settings need a URL that begins with rediss://")),
            (_, None) => Ok(None),
        }
    }
}

impl UrlNode {
    /// Returns the way to the node, for a transport of your own that is built on top of it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when the URL, the certificates or the client name cannot be used.
    pub fn into_transport<N>(self) -> Result<NativeTransport<N>, BuildError> {
        let url = parse(&self.url)?;
        let settings = url.settings(self.client_name.as_deref()).map_err(unusable)?;
        let tls = self.tls_for(&url.address)?;
        Ok(NativeTransport::new(url.address, tls, settings))
    }
}

impl<N: Network + CurrentRuntime> IntoNode<N> for UrlNode {
    fn into_node(self) -> Result<Node<N>, BuildError> {
        let transport = self.into_transport::<N>()?;
        Ok(Node::new(transport.name(), transport).over_sockets())
    }
}

/// `Debug` shows no password.
impl fmt::Debug for UrlNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlNode")
            .field("url", &redlock_core::system::without_secrets(&self.url))
            .finish_non_exhaustive()
    }
}

fn parse(url: &str) -> Result<NodeUrl, BuildError> {
    NodeUrl::parse(url).map_err(unusable)
}

fn unusable(UrlError { node, reason, .. }: UrlError) -> BuildError {
    BuildError::unusable_node(node, reason)
}

/// Returns how TLS is spoken to a host that another server has named.
fn tls_of_host(host: &str, settings: &TlsSettings) -> Result<TlsSettings, Unavailable> {
    tls(host, Some(settings)).map_err(|reason| Unavailable::with_detail(Cause::NotSent, &reason))
}

#[cfg(feature = "net-tls")]
fn tls(host: &str, settings: Option<&TlsSettings>) -> Result<TlsSettings, String> {
    TlsSettings::check_host(host).map_err(|error| error.to_string())?;
    settings.cloned().map_or_else(TlsSettings::public, Ok).map_err(|error| error.to_string())
}

#[cfg(not(feature = "net-tls"))]
fn tls(_host: &str, _settings: Option<&TlsSettings>) -> Result<TlsSettings, String> {
    Err("TLS needs the feature tls of redlock-tokio or redlock-async-std, or net-tls of redlock-driver".into())
}
