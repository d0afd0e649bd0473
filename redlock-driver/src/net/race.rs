//! Connecting to whichever address of a host answers first.

use std::fmt::Write;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use redlock_core::system::plain_words;

use super::Network;

/// How long an address is tried alone before the next one is tried beside it. RFC 8305 recommends this long.
pub const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of `addresses` that answers, and drops all other attempts.
///
/// The next address is tried when the latest one has had its head start, and at once when any has failed.
pub(super) async fn connect<N: Network>(
    network: &N,
    addresses: Vec<SocketAddr>,
) -> io::Result<(SocketAddr, N::Socket)> {
    let mut untried = interleave(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Failures::default();
    loop {
        let next = untried.next();
        let is_last = next.is_none();
        attempts.extend(next.map(|address| attempt(network, address)));
        let ended = if is_last { attempts.next().await } else { first_within_head_start(network, &mut attempts).await };
        match ended {
            Some((address, Ok(socket))) => return Ok((address, socket)),
            Some((address, Err(error))) => failures.0.push((address, error)),
            None if is_last => return Err(failures.into_error()),
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

/// Orders addresses so that the two families take turns, beginning with that of the first; each address stands there once.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == is_ipv6);
    let mut others = other.into_iter();
    let mut ordered: Vec<SocketAddr> = Vec::new();
    for address in preferred {
        ordered.push(address);
        ordered.extend(others.next());
    }
    ordered.extend(others);
    without_duplicates(ordered)
}

fn without_duplicates(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut unique = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    unique
}

/// What was said at each address, in the order in which it was said.
#[derive(Default)]
struct Failures(Vec<(SocketAddr, io::Error)>);

impl Failures {
    fn into_error(self) -> io::Error {
        let kind = self.0.first().map_or(io::ErrorKind::AddrNotAvailable, |(_, error)| error.kind());
        let mut text = String::from("no connection to ");
        for (place, (address, error)) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", nor to " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{address} ({})", plain_words(&error.to_string()));
        }
        io::Error::new(kind, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(addresses: &[&str]) -> String {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        interleave(addresses).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_families_take_turns() {
        assert_eq!(ordered(&[]), "");
        assert_eq!(ordered(&["1.1.1.1:1", "2.2.2.2:1"]), "1.1.1.1:1 2.2.2.2:1");
        assert_eq!(ordered(&["[::1]:1", "[::2]:1", "1.1.1.1:1"]), "[::1]:1 1.1.1.1:1 [::2]:1");
        assert_eq!(ordered(&["1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"]), "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1");
    }

    #[test]
    fn an_address_is_tried_once() {
        assert_eq!(ordered(&["1.1.1.1:1", "1.1.1.1:1", "[::1]:1"]), "1.1.1.1:1 [::1]:1");
    }
}
