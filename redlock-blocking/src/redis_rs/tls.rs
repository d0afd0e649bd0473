//! TLS by rustls.

use std::fmt;
use std::io::{self, Error, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore};

use super::limited::Limited;
use super::socket::Socket;
use super::{node, url};
use crate::{BuildError, IntoNode, Node};

/// A `rediss://` URL with certificates: of the authority that signs the server's, of the client, or both.
///
/// They are given as to `redis::Client::build_with_tls`. A client that was built that way is refused as a node, because
/// its certificates cannot be read back from it: give its URL and its certificates here instead.
///
/// ```
/// use redlock_blocking::{Redlock, TlsUrl, redis::TlsCertificates};
///
/// let authority = "-----BEGIN CERTIFICATE-----
/// MIIBWzCCAQ2gAwIBAgIUQkUNL8cNPn7I6T0Xb8M6cGO9xWUwBQYDK2VwMCMxITAf
/// -----END CERTIFICATE-----";
/// let certificates = TlsCertificates { client_tls: None, root_cert: Some(authority.into()) };
/// let urls = ["rediss://10.0.0.1:6380", "rediss://10.0.0.2:6380", "rediss://10.0.0.3:6380"];
///
/// let nodes = urls.map(|url| TlsUrl::new(url, certificates.clone()));
/// let error = Redlock::builder().nodes(nodes).build().unwrap_err();
/// assert!(error.to_string().contains("the authority's certificate")); // it is cut off, in this example
/// ```
#[derive(Clone)]
pub struct TlsUrl {
    url: String,
    certificates: TlsCertificates,
}

impl TlsUrl {
    /// A server whose certificate `root_cert` has signed (without it: one of the public authorities), and which is shown
    /// the certificate `client_tls` if there is one. Both are in PEM.
    #[must_use]
    pub fn new(url: impl Into<String>, certificates: TlsCertificates) -> Self {
        Self { url: url.into(), certificates }
    }
}

impl fmt::Debug for TlsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsUrl").field("url", &redlock_core::system::without_secrets(&self.url)).finish_non_exhaustive()
    }
}

impl IntoNode for TlsUrl {
    fn into_node(self) -> Result<Node, BuildError> {
        let refuse = |reason| url::unusable(&self.url, reason);
        let info = url::read(&self.url)?;
        let redis::ConnectionAddr::TcpTls { host, .. } = info.addr() else {
            return Err(refuse("certificates need a URL that begins with rediss://".into()));
        };
        let tls = Tls::with_certificates(host, &self.certificates).map_err(refuse)?;
        Ok(node(info, Some(tls)))
    }
}

/// How to speak TLS to one server.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl Tls {
    /// With a server whose certificate a public authority has signed.
    pub(super) fn public(host: &str) -> Result<Self, String> {
        let config = trusting(public_authorities())?.with_no_client_auth();
        Self::new(host, config)
    }

    fn with_certificates(host: &str, certificates: &TlsCertificates) -> Result<Self, String> {
        let authorities = certificates.root_cert.as_deref().map_or_else(|| Ok(public_authorities()), authorities)?;
        let config = trusting(authorities)?;
        Self::new(
            host,
            match &certificates.client_tls {
                None => config.with_no_client_auth(),
                Some(client) => with_client(config, client)?,
            },
        )
    }

    fn new(host: &str, config: ClientConfig) -> Result<Self, String> {
        let server = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        Ok(Self { config: Arc::new(config), server })
    }

    /// Comes to terms with the server, within `timeout`.
    pub(super) fn open(&self, socket: &mut Socket, timeout: Duration) -> io::Result<Session> {
        let mut session = ClientConnection::new(self.config.clone(), self.server.clone()).map_err(Error::other)?;
        let mut limited = Limited::new(socket, timeout);
        while session.is_handshaking() {
            session.complete_io(&mut limited).map_err(|error| match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    Error::new(ErrorKind::TimedOut, "no TLS handshake within the connect timeout")
                }
                _ => error,
            })?;
        }
        Ok(Session(session))
    }
}

/// What both sides have agreed upon, with all that was read or written in part.
pub(super) struct Session(ClientConnection);

impl Session {
    pub(super) fn write_all(&mut self, bytes: &[u8], socket: &mut Socket) -> io::Result<()> {
        self.0.writer().write_all(bytes)?;
        while self.0.wants_write() {
            match self.0.write_tls(socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => drop(written?),
            }
        }
        Ok(())
    }

    pub(super) fn read(&mut self, buffer: &mut [u8], socket: &mut Limited<'_>) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.0.complete_io(socket)?,
                read => return read,
            };
        }
    }
}

/// The provider of cryptography is the one that the program has installed, or else ring.
fn trusting(authorities: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| error.to_string())?.with_root_certificates(authorities))
}

fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let unusable = |error: &dyn fmt::Display| format!("the authority's certificate cannot be used: {error}");
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if store.is_empty() { Err(unusable(&"there is none in it")) } else { Ok(store) }
}

fn with_client(
    config: ConfigBuilder<ClientConfig, WantsClientCert>,
    client: &ClientTlsConfig,
) -> Result<ClientConfig, String> {
    let chain = CertificateDer::pem_slice_iter(&client.client_cert).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("the client's certificate cannot be used: {error}"))?;
    let unusable = |error: &dyn fmt::Display| format!("the client's key cannot be used: {error}");
    let key = PrivateKeyDer::from_pem_slice(&client.client_key).map_err(|error| unusable(&error))?;
    config.with_client_auth_cert(chain, key).map_err(|error| unusable(&error))
}
