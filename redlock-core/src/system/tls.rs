//! TLS by rustls, once for all adapters: settings from PEM or from a config of rustls, and a stream over any socket that
//! does not block.
//!
//! ```
//! use redlock_core::system::tls::{TlsError, TlsSettings};
//!
//! let settings = TlsSettings::builder().authorities("not a certificate").build();
//! assert!(matches!(settings, Err(TlsError::Authorities(_))));
//! # let settings = TlsSettings::public()?;
//! # Ok::<(), TlsError>(())
//! ```

use std::borrow::ToOwned;
use std::fmt;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore};

mod stream;
mod words;

pub use rustls;

pub use self::stream::TlsStream;

/// How to speak TLS to servers: which authorities to trust, and which certificate to show.
///
/// `Debug` shows nothing of the client's key. A clone shares the settings and the sessions that can be resumed.
#[derive(Clone)]
pub struct TlsSettings {
    config: Arc<ClientConfig>,
}

/// Builds [`TlsSettings`]. Made by [`TlsSettings::builder`].
#[derive(Clone, Default)]
#[must_use]
pub struct TlsBuilder {
    authorities: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

/// The reason why TLS cannot be set up. It shows nothing of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The PEM of the authorities has no certificate in it, or one that cannot be read.
    #[error("the authority's certificate cannot be used: {0}")]
    Authorities(String),
    /// The PEM of the client's certificate has none in it, or one that cannot be read.
    #[error("the client's certificate cannot be used: {0}")]
    Certificate(String),
    /// The PEM of the client's key has none in it, or one that does not belong to the certificate.
    #[error("the client's key cannot be used: {0}")]
    Key(String),
    /// The provider of cryptography knows no version of TLS that is safe.
    #[error("the provider of cryptography cannot be used: {0}")]
    Provider(String),
    /// The host is neither a name nor an IP address, so no certificate can be for it.
    #[error("no certificate can be for the host {host}: {reason}")]
    Host {
        /// The host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TlsSettings {
    /// Returns settings that trust the public authorities, as listed by Mozilla, and show no certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Provider`] when the program has installed a provider of cryptography that cannot be used.
    pub fn public() -> Result<Self, TlsError> {
        Self::builder().build()
    }

    /// Returns a builder. Its settings are those of [`TlsSettings::public`] until something is set.
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }

    /// Returns settings that use a config of rustls as it is.
    #[must_use]
    pub const fn from_config(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    /// Checks that a certificate can be for `host`, so that a host that can never be reached is refused early.
    ///
    /// # Errors
    ///
    /// [`TlsError::Host`] when it is neither a name nor an IP address.
    pub fn check_host(host: &str) -> Result<(), TlsError> {
        server_name(host).map(drop)
    }

    /// Returns a stream to `host` over `socket`. Nothing is sent before [`TlsStream::handshake`].
    ///
    /// The server is told the name (SNI), unless it is an IP address, and must have a certificate for it.
    ///
    /// # Errors
    ///
    /// [`TlsError::Host`] when it is neither a name nor an IP address, and [`TlsError::Provider`] when the config cannot
    /// be used.
    pub fn open<S>(&self, host: &str, socket: S) -> Result<TlsStream<S>, TlsError> {
        let session = ClientConnection::new(self.config.clone(), server_name(host)?);
        let session = session.map_err(|error| TlsError::Provider(error.to_string()))?;
        Ok(TlsStream::new(session, socket))
    }
}

impl TlsBuilder {
    /// Trusts these authorities instead of the public ones: one certificate or more, in PEM.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Shows this certificate to servers: the chain, the client's own certificate first, and its key, both in PEM.
    pub fn client(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some((chain.into(), key.into()));
        self
    }

    /// Builds the settings. The provider of cryptography is the one that the program has installed, or else ring.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a certificate, the key or the provider cannot be used.
    pub fn build(self) -> Result<TlsSettings, TlsError> {
        let trusted = self.authorities.as_deref().map_or_else(|| Ok(public_authorities()), authorities)?;
        let config = trusting(trusted)?;
        let config = match self.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => with_client(config, &chain, &key)?,
        };
        Ok(TlsSettings::from_config(Arc::new(config)))
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder").finish_non_exhaustive()
    }
}

const NONE: &str = "there is none in it";

fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| TlsError::Host { host: host.into(), reason: error.to_string() })
}

fn trusting(authorities: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| TlsError::Provider(error.to_string()))?;
    Ok(builder.with_root_certificates(authorities))
}

fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let unusable = |error: &dyn fmt::Display| TlsError::Authorities(error.to_string());
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if store.is_empty() { Err(unusable(&NONE)) } else { Ok(store) }
}

fn with_client(
    config: ConfigBuilder<ClientConfig, WantsClientCert>,
    chain: &[u8],
    key: &[u8],
) -> Result<ClientConfig, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| TlsError::Certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate(NONE.into()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Key(error.to_string()))?;
    config.with_client_auth_cert(chain, key).map_err(|error| TlsError::Key(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_without_a_certificate_is_refused() {
        let error = TlsSettings::builder().authorities("").build().unwrap_err();
        assert_eq!(error.to_string(), "the authority's certificate cannot be used: there is none in it");
        let error = TlsSettings::builder().client("", "").build().unwrap_err();
        assert_eq!(error.to_string(), "the client's certificate cannot be used: there is none in it");
    }

    #[test]
    fn debug_shows_no_key() {
        let builder = TlsSettings::builder().client("certificate", "secret");
        assert_eq!(format!("{builder:?}"), "TlsBuilder { .. }");
        assert_eq!(format!("{:?}", TlsSettings::public().unwrap()), "TlsSettings { .. }");
    }

    #[test]
    fn names_and_addresses_are_hosts() {
        for host in ["redis.example", "redis_1", "localhost", "10.0.0.1", "::1"] {
            TlsSettings::check_host(host).unwrap();
        }
        let error = TlsSettings::check_host("a b").unwrap_err();
        assert!(error.to_string().starts_with("no certificate can be for the host a b: "), "{error}");
    }
}
