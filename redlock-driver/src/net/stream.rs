use std::fmt;
use std::io::{self, Read, Write};
use std::task::{Context, Poll};

#[cfg(feature = "net-tls")]
use redlock_core::system::tls::TlsStream;

use super::Socket;

/// A connection to a node, with or without TLS. Made by [`open`](super::open()).
pub struct Stream<S>(Kind<S>);

enum Kind<S> {
    Plain(S),
    #[cfg(feature = "net-tls")]
    Tls(Box<TlsStream<S>>),
}

impl<S> Stream<S> {
    pub(super) const fn plain(socket: S) -> Self {
        Self(Kind::Plain(socket))
    }

    #[cfg(feature = "net-tls")]
    pub(super) fn tls(stream: TlsStream<S>) -> Self {
        Self(Kind::Tls(Box::new(stream)))
    }
}

impl<S: Socket> Stream<S> {
    /// Returns the socket underneath, to wait for it.
    fn socket(&mut self) -> &mut S {
        match &mut self.0 {
            Kind::Plain(socket) => socket,
            #[cfg(feature = "net-tls")]
            Kind::Tls(stream) => stream.socket_mut(),
        }
    }

    /// Returns whether a read returns something without asking the socket.
    fn is_readable(&mut self) -> bool {
        match &mut self.0 {
            Kind::Plain(_) => false,
            #[cfg(feature = "net-tls")]
            Kind::Tls(stream) => stream.is_readable(),
        }
    }
}

impl<S: Socket> Socket for Stream<S> {
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_readable() { Poll::Ready(Ok(())) } else { self.socket().poll_readable(context) }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_writable(context)
    }
}

impl<S: Socket> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "net-tls")]
            Kind::Tls(stream) => stream.read(buffer),
        }
    }
}

impl<S: Socket> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "net-tls")]
            Kind::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Plain(socket) => socket.flush(),
            #[cfg(feature = "net-tls")]
            Kind::Tls(stream) => stream.flush(),
        }
    }
}

impl<S> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Plain(_) => "plain",
            #[cfg(feature = "net-tls")]
            Kind::Tls(_) => "tls",
        };
        f.debug_tuple("Stream").field(&kind).finish()
    }
}
