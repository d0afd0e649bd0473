//! The TLS handshake of a stream.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use redlock_core::system::tls::{TlsSettings, TlsStream};

use super::Socket;

/// Returns a stream over `socket` with which the server has proved that it is `host`.
pub(super) async fn open<S: Socket>(settings: &TlsSettings, host: &str, socket: S) -> io::Result<TlsStream<S>> {
    let opened = settings.open(host, socket);
    let mut stream = opened.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    poll_fn(|context| poll_handshake(&mut stream, context)).await?;
    Ok(stream)
}

fn poll_handshake<S: Socket>(stream: &mut TlsStream<S>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        match stream.handshake() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
        if stream.wants_write() {
            ready!(stream.socket_mut().poll_writable(context))?;
        } else {
            ready!(stream.socket_mut().poll_readable(context))?;
        }
    }
}
