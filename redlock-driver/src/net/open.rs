use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use redlock_core::system::addresses::{FULL_QUEUE_PAUSE, no_address};
use redlock_core::system::{plain_words, reworded};

use super::{Address, Network, Stream, TlsSettings, race};

/// A server that does not speak TLS waits for the end of what it takes for a command.
#[cfg(feature = "net-tls")]
const TLS_HANDSHAKE: &str = "the TLS handshake (if it speaks no TLS, write redis://)";

/// Opens a connection to a node, with TLS if the address asks for it.
///
/// There is no time limit: drop the future when it takes too long. Nothing of it is left then, except that a lookup of a
/// name may go on on another thread until the resolver gives up; it does not hold up the next call.
///
/// # Errors
///
/// What happened, and at which address; if a host has several that all failed, every one of them. The kind is that of
/// the first.
pub async fn open<N: Network>(
    network: &N,
    address: &Address,
    tls: Option<&TlsSettings>,
) -> io::Result<Stream<N::Socket>> {
    open_noting(network, address, tls, &mut None).await
}

/// Opens a connection as [`open`] does, and notes what the server is still to answer.
pub(crate) async fn open_noting<N: Network>(
    network: &N,
    address: &Address,
    tls: Option<&TlsSettings>,
    awaited: &mut Option<&'static str>,
) -> io::Result<Stream<N::Socket>> {
    match (address, tls) {
        (Address::Unix(path), _) => connect_unix(network, path).await,
        (Address::Tcp { host, port, tls: false }, _) => {
            let (_, socket) = connect(network, host, *port).await?;
            Ok(Stream::plain(socket))
        }
        (Address::Tcp { host, port, tls: true }, Some(settings)) => {
            connect_tls(network, host, *port, settings, awaited).await
        }
        (Address::Tcp { .. }, None) => Err(unsupported("TLS is not set up")),
        _ => Err(unsupported("there is no way to this kind of address")),
    }
}

fn unsupported(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, reason)
}

async fn connect<N: Network>(network: &N, host: &str, port: u16) -> io::Result<(SocketAddr, N::Socket)> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => lookup(network, host, port).await?,
    };
    race::connect(network, addresses).await
}

async fn lookup<N: Network>(network: &N, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = network.lookup(host, port).await.map_err(|error| no_address(host, &error))?;
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("the name {host} has no address")));
    }
    Ok(addresses)
}

async fn connect_unix<N: Network>(network: &N, path: &Path) -> io::Result<Stream<N::Socket>> {
    loop {
        match network.connect_unix(path).await {
            Ok(socket) => return Ok(Stream::plain(socket)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                network.sleep_until(network.now().saturating_add(FULL_QUEUE_PAUSE)).await;
            }
            Err(error) => {
                let reason = plain_words(&error.to_string());
                return Err(reworded(&error, format!("no connection to {} ({reason})", path.display())));
            }
        }
    }
}

#[cfg(feature = "net-tls")]
async fn connect_tls<N: Network>(
    network: &N,
    host: &str,
    port: u16,
    settings: &TlsSettings,
    awaited: &mut Option<&'static str>,
) -> io::Result<Stream<N::Socket>> {
    let (address, socket) = connect(network, host, port).await?;
    *awaited = Some(TLS_HANDSHAKE);
    match super::tls::open(settings, host, socket).await {
        Ok(stream) => Ok(Stream::tls(stream)),
        Err(error) => {
            let reason = plain_words(&error.to_string());
            Err(reworded(&error, format!("no TLS with {address}: {reason}")))
        }
    }
}

#[cfg(not(feature = "net-tls"))]
#[expect(clippy::unused_async, reason = "there is nothing to wait for without TLS")]
async fn connect_tls<N: Network>(
    _: &N,
    _: &str,
    _: u16,
    settings: &TlsSettings,
    _: &mut Option<&'static str>,
) -> io::Result<Stream<N::Socket>> {
    match *settings {}
}
