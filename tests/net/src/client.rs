//! What a client does with a connection.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use redlock_driver::net::{Address, Network, NodeUrl, Socket, Stream, TlsSettings, open};

pub(crate) async fn connect<N: Network>(network: &N, url: &str) -> io::Result<Stream<N::Socket>> {
    open(network, &address(url), None).await
}

pub(crate) async fn connect_tls<N: Network>(
    network: &N,
    url: &str,
    settings: &TlsSettings,
) -> io::Result<Stream<N::Socket>> {
    open(network, &address(url), Some(settings)).await
}

fn address(url: &str) -> Address {
    NodeUrl::parse(url).unwrap().address
}

/// Reads once, as soon as there is something.
pub(crate) async fn read(socket: &mut impl Socket, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|context| poll_read(socket, buffer, context)).await
}

fn poll_read(socket: &mut impl Socket, buffer: &mut [u8], context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => match socket.poll_readable(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Poll::Pending,
            },
            read => return Poll::Ready(read),
        }
    }
}

pub(crate) async fn write_all(socket: &mut impl Socket, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|context| {
        loop {
            let written = if bytes.is_empty() { socket.flush().map(|()| 0) } else { socket.write(bytes) };
            match written {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => match socket.poll_writable(context) {
                    Poll::Ready(ready) => ready?,
                    Poll::Pending => return Poll::Pending,
                },
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    })
    .await
}

/// Reads as many bytes as `bytes` has, and asserts that they are the same.
pub(crate) async fn expect(socket: &mut impl Socket, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    let mut length = 0;
    while length < bytes.len() {
        match read(socket, &mut received[length..]).await.unwrap() {
            0 => panic!("the connection ended after {length} bytes"),
            read => length += read,
        }
    }
    assert!(received == bytes, "the bytes are others");
}

/// Asserts that there is nothing to read, and that saying so takes no time.
pub(crate) fn expect_nothing(socket: &mut impl Socket) {
    let read = socket.read(&mut [0; 16]);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::WouldBlock);
}
