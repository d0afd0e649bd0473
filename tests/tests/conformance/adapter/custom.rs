use std::future::Future;

use redlock_conformance::{Client, Scheduler};
use redlock_tokio::{BuildError, Node, Tokio};

use super::asynchronous::run_on_tokio;
use super::{Adapter, Address, AsyncAdapter, BlockingAdapter, Need, Setting, Unbuildable, build, run_on_threads};

/// The transport of the example `blocking_transport` of `redlock-blocking`.
#[path = "../../../../redlock-blocking/examples/blocking_transport/tcp.rs"]
mod blocking_tcp;
/// The transport of the example `custom_transport` of `redlock-tokio`.
#[path = "../../../../redlock-tokio/examples/custom_transport/tcp.rs"]
mod tcp;

/// `redlock-tokio` over a transport of one's own.
pub(crate) struct TokioCustom;

impl TokioCustom {
    pub(crate) fn transport(url: &str) -> tcp::Tcp {
        tcp::Tcp { address: address(url) }
    }
}

impl AsyncAdapter for TokioCustom {
    type Runtime = Tokio;

    fn run(case: impl Future<Output = ()>) {
        run_on_tokio(case);
    }

    fn node(address: &Address) -> Result<Node, BuildError> {
        let (Address::Url(url) | Address::Client { url, .. }) = address;
        let transport = Self::transport(url);
        Ok(Node::new(transport.address.clone(), transport))
    }

    fn cannot(need: Need) -> Option<&'static str> {
        Some(cannot(need))
    }
}

/// `redlock-blocking` over a transport of one's own.
pub(crate) struct BlockingCustom;

impl BlockingAdapter for BlockingCustom {
    fn node(address: &Address) -> Result<redlock_blocking::Node, BuildError> {
        let (Address::Url(url) | Address::Client { url, .. }) = address;
        let transport = blocking_tcp::Tcp { address: self::address(url) };
        Ok(redlock_blocking::Node::new(transport.address.clone(), transport))
    }
}

impl Adapter for BlockingCustom {
    fn run(case: impl Future<Output = ()>) {
        run_on_threads(case);
    }

    fn scheduler() -> Scheduler {
        Scheduler::of_threads()
    }

    fn build(addresses: &[Address], settings: &[Setting]) -> Result<Client, Unbuildable> {
        build!(redlock_blocking, addresses.iter().map(Self::node), settings)
    }

    fn cannot(need: Need) -> Option<&'static str> {
        Some(cannot(need))
    }
}

fn address(url: &str) -> String {
    url.replace("redis://", "")
}

const fn cannot(need: Need) -> &'static str {
    match need {
        Need::Announcements => "the example does not hear announcements",
        Need::Facts => "the example does not ask what the server says of itself",
        Need::Program => "the program of this case knows only adapters that are published",
        _ => "the example speaks plain TCP without a password, to an address",
    }
}
