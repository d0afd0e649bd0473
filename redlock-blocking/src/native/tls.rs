//! TLS by rustls, over the sockets of this crate.

use std::io::{self, Error, ErrorKind};
use std::time::Instant;

pub(crate) use redlock_core::system::tls::TlsSettings;
use redlock_core::system::tls::{TlsError, TlsStream};
use redlock_core::system::url::Address;
use redlock_core::system::{plain_words, reworded};

use super::socket::Socket;
use super::stream::Stream;

/// Returns how TLS is spoken to a host.
pub(super) fn settings(host: &str, settings: Option<&TlsSettings>) -> Result<TlsSettings, String> {
    let chosen = TlsSettings::check_host(host).and_then(|()| settings.cloned().map_or_else(TlsSettings::public, Ok));
    chosen.map_err(|error: TlsError| error.to_string())
}

/// Returns a stream over the socket, with TLS if there are settings for it.
pub(super) fn over(
    socket: Socket,
    address: &Address,
    settings: Option<&TlsSettings>,
    until: Instant,
) -> io::Result<Stream> {
    let (Address::Tcp { host, .. }, Some(settings)) = (address, settings) else { return Ok(Stream::Plain(socket)) };
    let session = settings.open(host, socket).map_err(Error::other)?;
    let mut stream = Stream::Tls(Box::new(session));
    while let Some(is_for_reading) = shake_hands(&mut stream, address)? {
        stream
            .wait(is_for_reading, until)
            .map_err(|error| no_tls(address, &error, " (if it speaks no TLS, write redis://)"))?;
    }
    Ok(stream)
}

/// Goes on with the handshake; returns whether it waits to read, if it is not complete.
fn shake_hands(stream: &mut Stream, address: &Address) -> io::Result<Option<bool>> {
    let Stream::Tls(session) = stream else { return Ok(None) };
    let session: &mut TlsStream<Socket> = session;
    match session.handshake() {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Some(!session.wants_write())),
        Err(error) => Err(no_tls(address, &error, "")),
    }
}

fn no_tls(address: &Address, error: &Error, hint: &str) -> Error {
    let reason = plain_words(&error.to_string());
    reworded(error, format!("no TLS with {address}: {reason}{hint}"))
}
