//! Servers that speak TLS, with a certificate authority of the test's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use redlock_conformance::{Client, Refusal};
use redlock_core::health::NodeHealth;
use redlock_driver::{Cause, Outcome, ReleaseVerdict};
use redlock_tests::{Port, Server};

use crate::adapter::{Adapter, Address};
use crate::fixture::TTL;

/// Within this time a server whose certificate was replaced is used.
const SOON: Duration = Duration::from_secs(10);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn new_authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for servers in the directory, and its key; returns the paths of both.
fn certify(directory: &Path, authority: &Authority) -> [String; 2] {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".into()]).unwrap().signed_by(&key, authority).unwrap();
    [("server.pem", certificate.pem()), ("server.key", key.serialize_pem())].map(|(name, text)| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    })
}

/// A server that speaks TLS on the port beside its plain one.
fn start(directory: &Path, authority: &Authority) -> (Server, String) {
    let [certificate, key] = certify(directory, authority);
    let port = Port::free();
    let url = format!("rediss://127.0.0.1:{}", port.number());
    let server = Server::builder()
        .port("--tls-port", port)
        .arg("--tls-cert-file", &certificate)
        .arg("--tls-key-file", &key)
        .arg("--tls-ca-cert-file", &certificate)
        .arg("--tls-auth-clients", "no")
        .start();
    (server, url)
}

fn trusting<A: Adapter>(url: &str, authority: &Authority) -> Client {
    A::build(&[Address::Client { url: url.into(), authority: Some(authority.pem()) }], &[]).unwrap()
}

pub(crate) async fn a_client_with_an_authority_of_its_own_locks_over_tls<A: Adapter>() {
    let directory = tempfile::tempdir().unwrap();
    let authority = new_authority();
    let (server, url) = start(directory.path(), &authority);
    let guard = trusting::<A>(&url, &authority).lock("job", TTL).await.unwrap();
    assert!(server.get("job").unwrap().is_some());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

/// The budget is 30 seconds by default; an error that somebody has to act on comes at once.
async fn assert_not_trusted(client: &Client) {
    let error = client.lock("job", TTL).await.unwrap_err();
    assert_eq!(error.kind, Refusal::Unavailable, "{error}");
    let attempts = error.attempts.as_ref().unwrap();
    assert_eq!(attempts.count, 1, "{error}");
    let is_so = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotTrusted);
    assert_eq!(attempts.nodes.count(is_so), 1, "{error}");
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
}

pub(crate) async fn a_server_that_is_not_trusted_is_refused_at_once_and_used_as_soon_as_it_is<A: Adapter>() {
    let directory = tempfile::tempdir().unwrap();
    let (trusted, other) = (new_authority(), new_authority());
    let (mut server, url) = start(directory.path(), &other);
    // A URL trusts the public authorities only.
    assert_not_trusted(&A::client(std::slice::from_ref(&url))).await;
    let client = trusting::<A>(&url, &trusted);
    assert_not_trusted(&client).await;

    certify(directory.path(), &trusted);
    server.restart();
    let is_used = || client.health().nodes.iter().all(NodeHealth::has_vote);
    assert!(A::scheduler().wait_until(SOON, is_used).await, "{}", client.health());
    assert!(client.lock("job", TTL).await.is_ok());
}
