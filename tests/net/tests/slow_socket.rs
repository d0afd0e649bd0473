//! A TLS stream over a socket that takes and gives single bytes, and blocks before each.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use redlock_driver::net::TlsStream;
use redlock_driver::net::rustls::ServerConnection;
use redlock_net_tests::authority::Authority;

/// The client's end: what it has sent, and what it is to receive.
#[derive(Default)]
struct Slow {
    sent: VecDeque<u8>,
    received: VecDeque<u8>,
    is_ready: bool,
    /// Whether the server has closed the connection.
    is_closed: bool,
}

impl Slow {
    /// Blocks every other time.
    fn block(&mut self) -> io::Result<()> {
        self.is_ready = !self.is_ready;
        if self.is_ready { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.block()?;
        match self.received.pop_front() {
            None if self.is_closed => Ok(0),
            None => Err(ErrorKind::WouldBlock.into()),
            Some(byte) => {
                *buffer.first_mut().unwrap() = byte;
                Ok(1)
            }
        }
    }
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block()?;
        self.sent.push_back(*bytes.first().unwrap());
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client and a server that have come to terms.
fn connected() -> (TlsStream<Slow>, ServerConnection) {
    let authority = Authority::new("ours");
    let mut client = authority.trusted().open("10.0.0.1", Slow::default()).unwrap();
    let mut server = ServerConnection::new(authority.server(&["10.0.0.1"])).unwrap();
    while let Err(error) = client.handshake() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        exchange(&mut client, &mut server);
    }
    // The server's half ends with what the client has sent last.
    exchange(&mut client, &mut server);
    (client, server)
}

/// Carries whatever one side has sent to the other.
fn exchange(client: &mut TlsStream<Slow>, server: &mut ServerConnection) {
    let socket = client.socket_mut();
    while !socket.sent.is_empty() {
        server.read_tls(&mut socket.sent).unwrap();
        server.process_new_packets().unwrap();
    }
    while server.wants_write() {
        server.write_tls(&mut socket.received).unwrap();
    }
}

fn is_blocked<T>(result: &io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn what_a_write_has_accepted_is_sent_by_flushes() {
    let (mut client, mut server) = connected();
    let bytes = vec![7; 100_000];
    let mut rest = bytes.as_slice();
    let mut received = Vec::new();
    while !rest.is_empty() || client.wants_write() {
        let written = if rest.is_empty() { client.flush().map(|()| 0) } else { client.write(rest) };
        match written {
            Ok(length) => rest = &rest[length..],
            error => assert!(is_blocked(&error), "{error:?}"),
        }
        exchange(&mut client, &mut server);
        let _ = server.reader().read_to_end(&mut received);
    }
    assert!(received == bytes, "the bytes are others");
}

#[test]
fn a_read_returns_what_has_come_in_pieces() {
    let (mut client, mut server) = connected();
    server.writer().write_all(&[7; 10_000]).unwrap();
    exchange(&mut client, &mut server);
    let mut received = Vec::new();
    while received.len() < 10_000 {
        let mut buffer = [0; 3];
        match client.read(&mut buffer) {
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            error => assert!(is_blocked(&error), "{error:?}"),
        }
    }
    assert_eq!(received, [7; 10_000]);
    assert!(!client.is_readable());
}

#[test]
fn what_has_been_decrypted_can_be_read_without_the_socket() {
    let (mut client, mut server) = connected();
    server.writer().write_all(b"two").unwrap();
    exchange(&mut client, &mut server);
    let mut byte = [0];
    while is_blocked(&client.read(&mut byte)) {}
    assert!(client.is_readable());
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 2);
    assert!(!client.is_readable());
}

#[test]
fn a_read_is_not_held_up_by_what_cannot_be_sent() {
    let (mut client, mut server) = connected();
    assert_eq!(client.write(b"request").unwrap(), 7);
    assert!(client.wants_write());
    server.writer().write_all(b"x").unwrap();
    while server.wants_write() {
        server.write_tls(&mut client.socket_mut().received).unwrap();
    }
    let mut byte = [0];
    while is_blocked(&client.read(&mut byte)) {}
    assert_eq!(&byte, b"x");
    assert!(client.wants_write());
}

#[test]
fn the_end_is_read_whether_it_was_announced_or_not() {
    for is_announced in [true, false] {
        let (mut client, mut server) = connected();
        if is_announced {
            server.send_close_notify();
            exchange(&mut client, &mut server);
        } else {
            client.socket_mut().is_closed = true;
        }
        let mut read = client.read(&mut [0; 16]);
        while is_blocked(&read) {
            read = client.read(&mut [0; 16]);
        }
        assert_eq!(read.unwrap(), 0);
    }
}
