//! Connecting to whichever address of a host answers first.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use redlock_core::system::addresses::{HEAD_START, in_turns, no_connection};

use super::Network;

/// Connects to the first of `addresses` that answers, and drops all other attempts.
///
/// The next address is tried when the latest one has had its head start, and at once when any has failed.
pub(super) async fn connect<N: Network>(
    network: &N,
    addresses: Vec<SocketAddr>,
) -> io::Result<(SocketAddr, N::Socket)> {
    let mut untried = in_turns(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        let next = untried.next();
        let is_last = next.is_none();
        attempts.extend(next.map(|address| attempt(network, address)));
        let ended = if is_last { attempts.next().await } else { first_within_head_start(network, &mut attempts).await };
        match ended {
            Some((address, Ok(socket))) => return Ok((address, socket)),
            Some((address, Err(error))) => failures.push((address, error)),
            None if is_last => return Err(no_connection(&failures)),
            None => {}
        }
    }
}

type Attempt<N> = (SocketAddr, io::Result<<N as Network>::Socket>);

fn attempt<N: Network>(network: &N, address: SocketAddr) -> impl Future<Output = Attempt<N>> + Send {
    let connecting = network.connect(address);
    async move { (address, connecting.await) }
}

/// Returns the attempt that ends first, unless all take longer than the head start.
async fn first_within_head_start<N: Network>(
    network: &N,
    attempts: &mut FuturesUnordered<impl Future<Output = Attempt<N>>>,
) -> Option<Attempt<N>> {
    let head_start = network.sleep_until(network.now().saturating_add(HEAD_START));
    match select(attempts.next(), std::pin::pin!(head_start)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => None,
    }
}
