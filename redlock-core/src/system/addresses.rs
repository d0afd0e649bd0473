//! The addresses of one host: in which order they are tried, and what is said when none answers.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::plain_words;

/// How long an address is tried alone before the next one is tried beside it. RFC 8305 recommends this long.
pub const HEAD_START: Duration = Duration::from_millis(250);

/// How long to wait before a Unix socket is tried again whose server has too many others waiting for it: the operating
/// system does not say when there is room.
pub const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// Orders addresses so that the two families take turns, beginning with that of the first; each address stands there once.
#[must_use]
pub fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == is_ipv6);
    let mut others = other.into_iter();
    let mut ordered = Vec::new();
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

/// Returns the error about a host none of whose addresses can be connected to, with what was said at each, in that order.
/// Its kind is that of the first.
#[must_use]
pub fn no_connection(failures: &[(SocketAddr, io::Error)]) -> io::Error {
    let kind = failures.first().map_or(io::ErrorKind::AddrNotAvailable, |(_, error)| error.kind());
    let mut text = String::from("no connection to ");
    for (place, (address, error)) in failures.iter().enumerate() {
        let separator = if place == 0 { "" } else { ", nor to " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{address} ({})", plain_words(&error.to_string()));
    }
    io::Error::new(kind, text)
}

/// Returns the error of a resolver in words that name the host.
#[must_use]
pub fn no_address(host: &str, error: &io::Error) -> io::Error {
    let said = error.to_string();
    let reason = plain_words(said.rsplit_once(LOOKUP_FAILED).map_or(said.as_str(), |(_, reason)| reason));
    io::Error::new(error.kind(), std::format!("the name {host} cannot be looked up: {reason}"))
}

/// What the standard library puts in front of what the resolver says.
const LOOKUP_FAILED: &str = "failed to lookup address information: ";

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(addresses: &[&str]) -> String {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        in_turns(addresses).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
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
