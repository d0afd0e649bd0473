//! Sentinels with their master, and clusters, that speak TLS, with a certificate authority of the test's own.

use std::fs;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redlock_core::slots::slot_of;
use redlock_core::system::tls::TlsSettings;
use redlock_tests::{Port, Server};
use redlock_tokio::{Redlock, SentinelNode};
use tempfile::TempDir;

use crate::fixture::{Cluster, SOON, Sentinel, TTL};
use crate::kind::Kind;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, directory: tempfile::tempdir().unwrap() }
    }

    fn trusted(&self) -> TlsSettings {
        TlsSettings::builder().authorities(self.issuer.pem()).build().unwrap()
    }

    /// Returns the settings of a server that has a certificate of this authority.
    fn settings(&self) -> [(&'static str, String); 4] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".into()]).unwrap();
        // With the authority's own name OpenSSL takes it for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "server");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = self.directory.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        [
            ("tls-cert-file", write("server.pem", certificate.pem())),
            ("tls-key-file", write("server.key", key.serialize_pem())),
            ("tls-ca-cert-file", write("authority.pem", self.issuer.pem())),
            ("tls-auth-clients", "no".into()),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinel_and_master_speak_tls_to_those_who_trust_their_authority() {
    let (authority, of_master, port) = (Authority::new(), Port::free(), Port::free());
    let (settings, master_port) = (authority.settings(), of_master.number());
    let builder = Server::builder().port("--tls-port", of_master);
    let master =
        settings.iter().fold(builder, |builder, (name, value)| builder.arg(&format!("--{name}"), value)).start();
    let _sentinel = Sentinel::start_with_tls(master_port, port.number(), &settings);
    let url = format!("rediss://127.0.0.1:{}", port.number());
    let node = || SentinelNode::new([url.as_str()], "main");

    let redlock = Redlock::builder().node(node().tls(authority.trusted())).build().unwrap();
    let guard = redlock.lock("job", TTL).wait(SOON).await.unwrap();
    assert!(master.get("job").unwrap().is_some());
    guard.release().await;
    redlock.close().await;
    let distrusting = Redlock::builder().node(node()).build().unwrap();
    let error = distrusting.lock("job", TTL).wait(Duration::from_millis(200)).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("certificate"), "{error}");
    distrusting.close().await;

    tokio::task::block_in_place(|| {
        let node = redlock_blocking::SentinelNode::new([url.as_str()], "main").tls(authority.trusted());
        let redlock = redlock_blocking::Redlock::builder().node(node).build().unwrap();
        let guard = redlock.acquire("job", TTL).wait(SOON).lock().unwrap();
        assert!(master.get("job").unwrap().is_some());
        guard.release();
        redlock.close();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_speaks_tls_to_those_who_trust_its_authority_also_behind_a_slot_that_has_moved() {
    let (authority, another) = (Authority::new(), Authority::new());
    let cluster = Cluster::start_with_tls(3, &authority.settings());
    let urls = cluster.tls_urls();
    for kind in Kind::ALL {
        let redlock = Redlock::builder().node(kind.node_with_tls(&urls[..1], &authority.issuer.pem())).build().unwrap();
        let name = format!("job:{kind:?}");
        for to in [0, 1, 2] {
            cluster.move_slot(slot_of(name.as_bytes()), to);
            let guard = redlock.lock(&name, TTL).wait(SOON).await.unwrap();
            assert_eq!(cluster.holder_of(&name), Some(to), "{kind:?}");
            guard.release().await;
        }
        redlock.close().await;
        let distrusting = Redlock::builder().node(kind.node_with_tls(&urls, &another.issuer.pem())).build().unwrap();
        let error = distrusting.lock("job", TTL).wait(Duration::from_millis(200)).await.unwrap_err().to_string();
        assert!(error.to_lowercase().contains("certificate"), "{kind:?}: {error}");
        distrusting.close().await;
    }
}
