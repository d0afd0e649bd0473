//! Servers that speak TLS, with a certificate authority of the test's own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use redlock_driver::ReleaseVerdict;
use redlock_tests::Server;

use crate::adapter::{Adapter, Address};
use crate::fixture::TTL;

/// A server that speaks TLS on the port beside its plain one.
fn start(directory: &Path, authority: &CertifiedIssuer<'_, KeyPair>) -> (Server, u16) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".into()]).unwrap().signed_by(&key, authority).unwrap();
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::builder()
        .arg("--tls-port", &port.to_string())
        .arg("--tls-cert-file", &write("server.pem", certificate.pem()))
        .arg("--tls-key-file", &write("server.key", key.serialize_pem()))
        .arg("--tls-ca-cert-file", &write("authority.pem", authority.pem()))
        .arg("--tls-auth-clients", "no")
        .start();
    (server, port)
}

pub(crate) async fn a_client_with_an_authority_of_its_own_locks_over_tls<A: Adapter>() {
    let directory = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (server, port) = start(directory.path(), &authority);
    let url = format!("rediss://127.0.0.1:{port}");

    let trusting = Address::Client { url: url.clone(), authority: Some(authority.pem()) };
    let client = A::build(&[trusting], &[]).unwrap();
    let guard = client.lock("job", TTL).await.unwrap();
    assert!(server.get("job").unwrap().is_some());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);

    // A URL trusts the public authorities only.
    let distrusting = A::client(&[url]);
    let error = distrusting.try_lock("job", TTL).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("certificate"), "{error}");
}
