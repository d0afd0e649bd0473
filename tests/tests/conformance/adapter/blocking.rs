use std::future::Future;

use redlock_blocking::redis::TlsCertificates;
use redlock_blocking::{BuildError, IntoNode, Node, TlsUrl};
use redlock_conformance::{Client, Scheduler};

use super::{Adapter, Address, BlockingAdapter, Setting, Unbuildable, build, redis_client};

/// `redlock-blocking` over redis-rs.
pub(crate) struct BlockingRedis;

impl BlockingAdapter for BlockingRedis {
    fn node(address: &Address) -> Result<Node, BuildError> {
        match address {
            Address::Url(url) => url.into_node(),
            Address::Client { url, authority: None } => redis_client(url, None).into_node(),
            Address::Client { url, authority: Some(pem) } => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.clone().into()) };
                TlsUrl::new(url, certificates).into_node()
            }
        }
    }
}

impl Adapter for BlockingRedis {
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
