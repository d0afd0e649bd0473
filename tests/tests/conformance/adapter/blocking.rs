use std::future::Future;

use redlock_blocking::{BuildError, IntoNode, Node};
use redlock_conformance::{Client, Scheduler};

use super::{Adapter, Address, Need, Setting, Unbuildable, build, redis_client};

/// `redlock-blocking` over redis-rs.
pub(crate) struct BlockingRedis;

impl BlockingRedis {
    pub(crate) fn node(address: &Address) -> Result<Node, BuildError> {
        match address {
            Address::Url(url) => url.into_node(),
            Address::Client { url, authority } => redis_client(url, authority.as_deref()).into_node(),
        }
    }
}

impl Adapter for BlockingRedis {
    fn run(case: impl Future<Output = ()>) {
        // Nothing in it is async but the cases.
        smol::block_on(case);
    }

    fn scheduler() -> Scheduler {
        Scheduler::of_threads()
    }

    fn build(addresses: &[Address], settings: &[Setting]) -> Result<Client, Unbuildable> {
        build!(redlock_blocking, addresses.iter().map(Self::node), settings)
    }

    fn cannot(need: Need) -> Option<&'static str> {
        match need {
            Need::Tls => Some("redlock-blocking has no TLS yet"),
            _ => None,
        }
    }
}
