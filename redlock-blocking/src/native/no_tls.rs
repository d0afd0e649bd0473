//! Stands in for TLS where it is not compiled in.

use std::io;
use std::time::Instant;

use redlock_core::system::url::Address;

use super::socket::Socket;
use super::stream::Stream;

/// There are none without the feature `tls`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TlsSettings {}

pub(super) fn settings(_host: &str, _settings: Option<&TlsSettings>) -> Result<TlsSettings, String> {
    Err("TLS needs the feature tls of redlock-blocking".into())
}

#[expect(clippy::unnecessary_wraps, reason = "it has the signature that it has with TLS")]
pub(super) fn over(
    socket: Socket,
    _address: &Address,
    _settings: Option<&TlsSettings>,
    _until: Instant,
) -> io::Result<Stream> {
    Ok(Stream::Plain(socket))
}
