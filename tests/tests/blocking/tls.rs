//! Servers that speak TLS, with a certificate authority of the test's own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redlock_blocking::redis::{Client, TlsCertificates};
use redlock_blocking::{AcquireError, NodeTimeout, Redlock, ReleaseVerdict, TlsError, TlsSettings, UrlNode};
use redlock_tests::{Port, Server, wait_until};

use crate::fixture::{SOON, TTL};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.into()]).unwrap();
        // With the authority's own name OpenSSL takes it for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// What a user gives to trust this authority.
    fn trusted(&self) -> TlsSettings {
        TlsSettings::builder().authorities(self.0.pem()).build().unwrap()
    }

    /// The same, with a certificate to show to the server.
    fn trusted_with_client(&self) -> TlsSettings {
        let (certificate, key) = self.sign("client");
        let settings = TlsSettings::builder().authorities(self.0.pem());
        settings.client(certificate.pem(), key.serialize_pem()).build().unwrap()
    }

    /// Starts a server that speaks TLS at the URL, beside the plain port; `auth_clients` is its setting of that name.
    fn start(&self, directory: &Path, auth_clients: &str) -> (Server, String) {
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (certificate, key) = self.sign("127.0.0.1");
        let port = Port::free();
        let url = format!("rediss://127.0.0.1:{}", port.number());
        let server = Server::builder()
            .port("--tls-port", port)
            .arg("--tls-cert-file", &write("server.pem", certificate.pem()))
            .arg("--tls-key-file", &write("server.key", key.serialize_pem()))
            .arg("--tls-ca-cert-file", &write("authority.pem", self.0.pem()))
            .arg("--tls-auth-clients", auth_clients)
            .start();
        (server, url)
    }
}

fn redlock(url: &str, tls: TlsSettings) -> Redlock {
    Redlock::builder().node(UrlNode::new(url).tls(tls)).build().unwrap()
}

fn refusal(redlock: &Redlock) -> String {
    let error = redlock.try_lock("job", TTL).unwrap_err();
    assert!(matches!(error, AcquireError::Unavailable(_)), "{error}");
    error.to_string().to_lowercase()
}

#[test]
fn an_authority_of_ones_own_is_trusted_where_it_is_given_and_nowhere_else() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let (server, url) = authority.start(directory.path(), "no");

    let mut guard = redlock(&url, authority.trusted()).lock("job", TTL).unwrap();
    assert!(server.get("job").unwrap().is_some());
    guard.extend(TTL).unwrap();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);

    let distrusting = [
        redlock(&url, Authority::new().trusted()),
        redlock(&url.replace("127.0.0.1", "localhost"), authority.trusted()),
        Redlock::builder().node(url).build().unwrap(),
    ];
    for redlock in distrusting {
        assert!(refusal(&redlock).contains("certificate"), "{}", refusal(&redlock));
    }
}

#[test]
fn a_client_in_the_clear_is_told_to_speak_tls() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let (_server, url) = authority.start(directory.path(), "no");
    let redlock = Redlock::builder().node(url.replace("rediss", "redis")).build().unwrap();
    assert!(refusal(&redlock).contains("write rediss://"), "{}", refusal(&redlock));
}

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_the_one_that_was_given() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let (_server, url) = authority.start(directory.path(), "yes");

    let guard = redlock(&url, authority.trusted_with_client()).lock("job", TTL).unwrap();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
    assert!(refusal(&redlock(&url, authority.trusted())).contains("certificate"));
}

#[test]
fn late_replies_over_tls_are_taken_in_and_taken_for_nobody_elses() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let authority = Authority::new();
    let nodes: Vec<_> = directories.iter().map(|directory| authority.start(directory.path(), "no")).collect();
    let urls = nodes.iter().map(|(_, url)| UrlNode::new(url).tls(authority.trusted()));
    let patient = NodeTimeout::fixed(SOON);
    let redlock = Redlock::builder().nodes(urls).node_timeout(patient).build().unwrap();
    for number in 0..60 {
        let (stopped, name) = (&nodes[number % 3].0, format!("job-{number}"));
        stopped.pause();
        let guard = redlock.try_lock(&name, TTL).unwrap();
        assert!(matches!(redlock.try_lock(&name, TTL), Err(AcquireError::Contended(_))));
        if number % 2 == 0 {
            stopped.resume();
        }
        drop(guard);
        stopped.resume();
    }
    assert_eq!(redlock.close().unsettled, 0);
    let is_empty = |server: &Server| server.command(&["DBSIZE"]).unwrap() == "0";
    assert!(wait_until(SOON, || nodes.iter().all(|(server, _)| is_empty(server))));
}

#[test]
fn a_server_that_does_not_shake_hands_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rediss://{}", silent.local_addr().unwrap());
    let builder = Redlock::builder().node(url).connect_timeout(Duration::from_millis(50));
    let redlock = builder.node_timeout(NodeTimeout::fixed(SOON)).build().unwrap();
    assert!(refusal(&redlock).contains("no answer within the connect timeout"), "{}", refusal(&redlock));
}

#[test]
fn what_cannot_be_used_is_refused_with_a_way_out() {
    let authority = Authority::new();
    let build = |url: &str, tls| {
        let error = Redlock::builder().node(UrlNode::new(url).tls(tls)).build().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        error
    };
    let nonsense = TlsSettings::builder().authorities("secret").build().unwrap_err();
    assert!(matches!(nonsense, TlsError::Authorities(_)) && !nonsense.to_string().contains("secret"));
    let nonsense = TlsSettings::builder().client("", "secret").build().unwrap_err();
    assert!(matches!(nonsense, TlsError::Certificate(_)) && !nonsense.to_string().contains("secret"));
    assert!(build("redis://:secret@host", authority.trusted()).contains("rediss://"));
    assert!(build("rediss://:secret@host#insecure", authority.trusted()).contains("behind a #"));

    let certificates = TlsCertificates { client_tls: None, root_cert: Some(authority.0.pem().into()) };
    let client = Client::build_with_tls("rediss://:secret@host", certificates).unwrap();
    let error = Redlock::builder().node(client).build().unwrap_err().to_string();
    assert!(error.contains("give them with UrlNode") && !error.contains("secret"), "{error}");
    let error = Redlock::builder().node("rediss://:secret@host#insecure").build().unwrap_err().to_string();
    assert!(error.contains("behind a #") && !error.contains("secret"), "{error}");
}
