//! The adapters and clients that are held against the cases.

use std::future::Future;
use std::sync::Arc;

use redis::TlsCertificates;
use redlock_async_std::AsyncStd;
use redlock_driver::{CurrentRuntime, IntoNode, Node};
use redlock_tokio::fred::clients::Client as FredClient;
use redlock_tokio::fred::types::config::{Config, ConnectionConfig, PerformanceConfig, TlsConnector};
use redlock_tokio::{FredUrl, Tokio, redis};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::fixture::TTL;

/// A handle on the adapter's runtime.
pub(crate) type Redlock<A> = redlock_driver::Redlock<<A as Adapter>::Runtime>;
/// A builder of such a handle.
pub(crate) type Builder<A> = redlock_driver::Builder<<A as Adapter>::Runtime>;

/// An adapter with one of its clients.
pub(crate) trait Adapter: 'static {
    type Runtime: CurrentRuntime;

    /// Runs a test on the runtime.
    fn run(test: impl Future<Output = ()>);

    /// A URL that this client carries.
    fn url(url: &str) -> impl IntoNode<Self::Runtime> + use<Self>;

    /// A client that was configured elsewhere, with a certificate authority of its own if one is given.
    fn client(url: &str, authority: Option<&str>) -> impl IntoNode<Self::Runtime> + use<Self>;

    /// The runtime of the test that calls this.
    fn runtime() -> Self::Runtime {
        Self::Runtime::current().unwrap()
    }

    /// A handle to the servers with these URLs.
    fn redlock(urls: impl IntoIterator<Item = String>) -> Redlock<Self>
    where
        Self: Sized,
    {
        Self::builder(urls).build().expect("the URLs of running servers")
    }

    /// What makes a handle to the servers with these URLs.
    fn builder(urls: impl IntoIterator<Item = String>) -> Builder<Self>
    where
        Self: Sized,
    {
        let nodes = urls.into_iter().map(|url| Self::url(&url).into_node().expect("a URL"));
        Redlock::<Self>::builder().nodes(nodes.collect::<Vec<Node<_>>>())
    }
}

/// `redlock-tokio` over redis-rs.
pub(crate) struct TokioRedis;

impl Adapter for TokioRedis {
    type Runtime = Tokio;

    fn run(test: impl Future<Output = ()>) {
        run_on_tokio(test);
    }

    fn url(url: &str) -> impl IntoNode<Tokio> + use<> {
        url.to_owned()
    }

    fn client(url: &str, authority: Option<&str>) -> impl IntoNode<Tokio> + use<> {
        redis_client(url, authority)
    }
}

/// `redlock-tokio` over fred.
pub(crate) struct TokioFred;

impl Adapter for TokioFred {
    type Runtime = Tokio;

    fn run(test: impl Future<Output = ()>) {
        run_on_tokio(test);
    }

    fn url(url: &str) -> impl IntoNode<Tokio> + use<> {
        FredUrl(url.to_owned())
    }

    fn client(url: &str, authority: Option<&str>) -> impl IntoNode<Tokio> + use<> {
        let plain = url.replace("rediss://", "redis://");
        let config = Config { tls: authority.map(|pem| trust_in(pem).into()), ..Config::from_url(&plain).unwrap() };
        let performance = PerformanceConfig { default_command_timeout: TTL, ..PerformanceConfig::default() };
        let connection = ConnectionConfig { max_command_attempts: 1, ..ConnectionConfig::default() };
        FredClient::new(config, Some(performance), Some(connection), None)
    }
}

/// `redlock-async-std` over redis-rs.
pub(crate) struct AsyncStdRedis;

impl Adapter for AsyncStdRedis {
    type Runtime = AsyncStd;

    fn run(test: impl Future<Output = ()>) {
        async_std::task::block_on(test);
    }

    fn url(url: &str) -> impl IntoNode<AsyncStd> + use<> {
        url.to_owned()
    }

    fn client(url: &str, authority: Option<&str>) -> impl IntoNode<AsyncStd> + use<> {
        redis_client(url, authority)
    }
}

fn run_on_tokio(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}

fn redis_client(url: &str, authority: Option<&str>) -> redis::Client {
    match authority {
        Some(pem) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.into()) };
            redis::Client::build_with_tls(url, certificates).unwrap()
        }
        None => redis::Client::open(url).unwrap(),
    }
}

fn trust_in(authority: &str) -> TlsConnector {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(authorities).with_no_client_auth().into()
}
