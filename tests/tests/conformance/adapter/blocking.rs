use std::future::Future;

use redlock_blocking::{BuildError, IntoNode, Node, TlsSettings, UrlNode};
use redlock_conformance::{Client, Scheduler};

use super::{Adapter, Address, BlockingAdapter, Setting, Unbuildable, build, redis_client};

/// `redlock-blocking` over its own connections.
pub(crate) struct BlockingNative;

impl BlockingAdapter for BlockingNative {
    fn node(address: &Address) -> Result<Node, BuildError> {
        match address {
            Address::Url(url) => url.into_node(),
            Address::Client { url, authority: None } => redis_client(url, None).into_node(),
            Address::Client { url, authority: Some(pem) } => {
                let tls = TlsSettings::builder().authorities(pem.as_str()).build().unwrap();
                UrlNode::new(url).tls(tls).into_node()
            }
        }
    }
}

impl Adapter for BlockingNative {
    fn run(case: impl Future<Output = ()>) {
        run_on_threads(case);
    }

    fn scheduler() -> Scheduler {
        Scheduler::of_threads()
    }

    fn build(addresses: &[Address], settings: &[Setting]) -> Result<Client, Unbuildable> {
        build!(redlock_blocking, addresses.iter().map(Self::node), settings)
    }
}

/// Nothing is async there but the cases.
pub(crate) fn run_on_threads(case: impl Future<Output = ()>) {
    smol::block_on(case);
}
