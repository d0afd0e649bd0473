//! A certificate authority of the tests' own, and servers with its certificates.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redlock_driver::net::TlsSettings;
use redlock_driver::net::rustls::crypto::ring;
use redlock_driver::net::rustls::pki_types::pem::PemObject;
use redlock_driver::net::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use redlock_driver::net::rustls::server::WebPkiClientVerifier;
use redlock_driver::net::rustls::{RootCertStore, ServerConfig};

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Debug)]
struct Signed {
    certificate: String,
    key: String,
}

impl Authority {
    /// Makes one that nobody trusts so far.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Returns the settings of a client that trusts this authority.
    #[must_use]
    pub fn trusted(&self) -> TlsSettings {
        TlsSettings::builder().authorities(self.0.pem()).build().unwrap()
    }

    /// Returns the same, for a client that shows a certificate.
    #[must_use]
    pub fn trusted_with_client(&self) -> TlsSettings {
        let client = self.sign(&["client"]);
        let builder = TlsSettings::builder().authorities(self.0.pem());
        builder.client(client.certificate, client.key).build().unwrap()
    }

    /// Returns the config of a server with these names.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.config(names, false)
    }

    /// Returns the same, for a server that asks clients for a certificate of this authority.
    #[must_use]
    pub fn server_that_asks_clients(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.config(names, true)
    }

    fn config(&self, names: &[&str], asks_clients: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let signed = self.sign(names);
        let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
        Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
    }

    fn sign(&self, names: &[&str]) -> Signed {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names.concat());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
