use std::future::Future;

use redlock_tokio::{BuildError, Node, Tokio};

use super::asynchronous::run_on_tokio;
use super::{Address, AsyncAdapter, Need};

/// The transport of the example `custom_transport`.
#[path = "../../../../redlock-tokio/examples/custom_transport/tcp.rs"]
mod tcp;

/// `redlock-tokio` over a transport of one's own.
pub(crate) struct TokioCustom;

impl TokioCustom {
    pub(crate) fn transport(url: &str) -> tcp::Tcp {
        tcp::Tcp { address: url.replace("redis://", "") }
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
        match need {
            Need::Program => Some("the program of this case knows only adapters that are published"),
            _ => Some("the example speaks plain TCP without a password, to an address"),
        }
    }
}
