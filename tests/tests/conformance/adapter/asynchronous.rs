use std::future::Future;
use std::sync::Arc;

use redlock_async_std::AsyncStd;
use redlock_conformance::{Client, Scheduler};
use redlock_driver::{BuildError, CurrentRuntime, IntoNode, Node};
use redlock_tokio::fred::clients::Client as FredClient;
use redlock_tokio::fred::types::config::{Config, ConnectionConfig, PerformanceConfig, TlsConnector};
use redlock_tokio::{FredUrl, RedisUrl, TlsSettings, Tokio, UrlNode};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::{Adapter, Address, Need, Setting, Unbuildable, build, redis_client};
use crate::fixture::TTL;

/// An adapter with an async runtime.
pub(crate) trait AsyncAdapter: Send + Sync + 'static {
    type Runtime: CurrentRuntime;

    fn run(case: impl Future<Output = ()>);
    fn node(address: &Address) -> Result<Node<Self::Runtime>, BuildError>;
    fn cannot(_need: Need) -> Option<&'static str> {
        None
    }
}

impl<A: AsyncAdapter> Adapter for A {
    fn run(case: impl Future<Output = ()>) {
        <A as AsyncAdapter>::run(case);
    }

    fn scheduler() -> Scheduler {
        Scheduler::on(&A::Runtime::current().unwrap())
    }

    fn build(addresses: &[Address], settings: &[Setting]) -> Result<Client, Unbuildable> {
        build!(redlock_driver, addresses.iter().map(A::node), settings)
    }

    fn cannot(need: Need) -> Option<&'static str> {
        <A as AsyncAdapter>::cannot(need)
    }
}

/// `redlock-tokio` over its own connections.
pub(crate) struct TokioNative;

impl AsyncAdapter for TokioNative {
    type Runtime = Tokio;

    fn run(case: impl Future<Output = ()>) {
        run_on_tokio(case);
    }

    fn node(address: &Address) -> Result<Node<Tokio>, BuildError> {
        match address {
            Address::Url(url) => url.into_node(),
            Address::Client { url, authority } => native_node(url, authority.as_deref()).into_node(),
        }
    }
}

/// `redlock-async-std` over its own connections.
pub(crate) struct AsyncStdNative;

impl AsyncAdapter for AsyncStdNative {
    type Runtime = AsyncStd;

    fn run(case: impl Future<Output = ()>) {
        async_std::task::block_on(case);
    }

    fn node(address: &Address) -> Result<Node<AsyncStd>, BuildError> {
        match address {
            Address::Url(url) => url.into_node(),
            Address::Client { url, authority } => native_node(url, authority.as_deref()).into_node(),
        }
    }
}

fn native_node(url: &str, authority: Option<&str>) -> UrlNode {
    let node = UrlNode::new(url).client_name("conformance");
    match authority {
        Some(pem) => node.tls(TlsSettings::builder().authorities(pem).build().unwrap()),
        None => node,
    }
}

/// `redlock-tokio` over redis-rs.
pub(crate) struct TokioRedis;

impl AsyncAdapter for TokioRedis {
    type Runtime = Tokio;

    fn run(case: impl Future<Output = ()>) {
        run_on_tokio(case);
    }

    fn node(address: &Address) -> Result<Node<Tokio>, BuildError> {
        match address {
            Address::Url(url) => RedisUrl(url).into_node(),
            Address::Client { url, authority } => redis_client(url, authority.as_deref()).into_node(),
        }
    }
}

/// `redlock-tokio` over fred.
pub(crate) struct TokioFred;

impl AsyncAdapter for TokioFred {
    type Runtime = Tokio;

    fn run(case: impl Future<Output = ()>) {
        run_on_tokio(case);
    }

    fn node(address: &Address) -> Result<Node<Tokio>, BuildError> {
        match address {
            Address::Url(url) => FredUrl(url).into_node(),
            Address::Client { url, authority } => fred_client(url, authority.as_deref()).into_node(),
        }
    }
}

/// `redlock-async-std` over redis-rs.
pub(crate) struct AsyncStdRedis;

impl AsyncAdapter for AsyncStdRedis {
    type Runtime = AsyncStd;

    fn run(case: impl Future<Output = ()>) {
        async_std::task::block_on(case);
    }

    fn node(address: &Address) -> Result<Node<AsyncStd>, BuildError> {
        match address {
            Address::Url(url) => RedisUrl(url).into_node(),
            Address::Client { url, authority } => redis_client(url, authority.as_deref()).into_node(),
        }
    }
}

pub(super) fn run_on_tokio(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(case);
}

fn fred_client(url: &str, authority: Option<&str>) -> FredClient {
    let plain = url.replace("rediss://", "redis://");
    let config = Config { tls: authority.map(|pem| trust_in(pem).into()), ..Config::from_url(&plain).unwrap() };
    let performance = PerformanceConfig { default_command_timeout: TTL, ..PerformanceConfig::default() };
    let connection = ConnectionConfig { max_command_attempts: 1, ..ConnectionConfig::default() };
    FredClient::new(config, Some(performance), Some(connection), None)
}

fn trust_in(authority: &str) -> TlsConnector {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(authorities).with_no_client_auth().into()
}
