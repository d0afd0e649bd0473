//! The adapters and clients that are held against the cases.

mod asynchronous;
mod blocking;
mod custom;

use std::future::Future;
use std::time::Duration;

use redlock_blocking::{BuildError, Node};
use redlock_conformance::{Client, Scheduler};
use redlock_driver::{ConfigError, NodeTimeout, RestartGuard, Rule};
use redlock_tokio::redis::{self, TlsCertificates};

pub(crate) use self::asynchronous::{AsyncAdapter, AsyncStdNative, AsyncStdRedis, TokioFred, TokioNative, TokioRedis};
pub(crate) use self::blocking::BlockingNative;
use self::blocking::run_on_threads;
pub(crate) use self::custom::{BlockingCustom, TokioCustom};

/// An adapter with one of its clients.
pub(crate) trait Adapter: Send + Sync + 'static {
    /// Runs a case where the adapter works.
    fn run(case: impl Future<Output = ()>);

    /// Time and tasks, from inside of [`run`](Self::run).
    fn scheduler() -> Scheduler;

    /// A handle to the servers at these addresses.
    fn build(addresses: &[Address], settings: &[Setting]) -> Result<Client, Unbuildable>;

    /// Why something cannot be done with it, for the table.
    fn cannot(_need: Need) -> Option<&'static str> {
        None
    }

    /// A handle to running servers.
    fn client(urls: &[String]) -> Client {
        let addresses: Vec<_> = urls.iter().cloned().map(Address::Url).collect();
        Self::build(&addresses, &[]).unwrap_or_else(|error| panic!("{error:?}"))
    }
}

/// An adapter over nodes of `redlock-blocking`.
pub(crate) trait BlockingAdapter: Send + Sync + 'static {
    fn node(address: &Address) -> Result<Node, BuildError>;
}

/// How a server is named to an adapter.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Url(String),
    /// A client that was configured elsewhere, with a certificate authority of its own if one is given.
    Client {
        url: String,
        authority: Option<String>,
    },
}

/// A setting of a builder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setting {
    ConnectTimeout(Duration),
    DriftFactor(f64),
    MaxTtl(Duration),
    MaxNameLen(usize),
    NodeTimeout(NodeTimeout),
    SilenceTimeout(Duration),
    RestartGuard(RestartGuard),
    OnEviction(Rule),
}

/// A `BuildError` of either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unbuildable {
    Config(ConfigError),
    Node { node: String, reason: String, text: String },
}

/// What a case needs beyond servers at addresses of the loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Urls,
    Passwords,
    UnixSockets,
    Tls,
    /// Connections that hear when somebody is called up.
    Announcements,
    /// Connections that tell what the server says of itself.
    Facts,
    /// The program `increment` can be told to use it.
    Program,
}

/// The builders of both sides have the same setters, and the errors the same variants.
macro_rules! build {
    ($library:ident, $nodes:expr, $settings:expr) => {{
        use $crate::adapter::{Setting, Unbuildable};

        let unbuildable = |error: $library::BuildError| match error {
            $library::BuildError::Config(error) => Unbuildable::Config(error),
            $library::BuildError::Node { ref node, ref reason, .. } => {
                Unbuildable::Node { node: node.clone(), reason: reason.clone(), text: error.to_string() }
            }
            other => panic!("{other}"),
        };
        let nodes = $nodes.collect::<Result<Vec<_>, _>>().map_err(unbuildable)?;
        let builder = $library::Redlock::builder().nodes(nodes);
        let builder = $settings.iter().fold(builder, |builder, setting| match *setting {
            Setting::ConnectTimeout(timeout) => builder.connect_timeout(timeout),
            Setting::DriftFactor(factor) => builder.drift_factor(factor),
            Setting::MaxTtl(ttl) => builder.max_ttl(ttl),
            Setting::MaxNameLen(bytes) => builder.max_name_len(bytes),
            Setting::NodeTimeout(timeout) => builder.node_timeout(timeout),
            Setting::SilenceTimeout(timeout) => builder.silence_timeout(timeout),
            Setting::RestartGuard(guard) => builder.restart_guard(guard),
            Setting::OnEviction(rule) => builder.on_eviction(rule),
        });
        builder.build().map(redlock_conformance::Client::from).map_err(unbuildable)
    }};
}
use build;

/// A client of the `redis` crate.
pub(crate) fn redis_client(url: &str, authority: Option<&str>) -> redis::Client {
    match authority {
        Some(pem) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.into()) };
            redis::Client::build_with_tls(url, certificates).unwrap()
        }
        None => redis::Client::open(url).unwrap(),
    }
}
