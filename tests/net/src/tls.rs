//! TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;

use redlock_driver::net::rustls::{ServerConfig, ServerConnection, StreamOwned};
use redlock_driver::net::{Network, TlsSettings};

use crate::authority::Authority;
use crate::client::{connect_tls, expect, expect_nothing, read, write_all};
use crate::server::{Server, echo};

type ServerStream = StreamOwned<ServerConnection, TcpStream>;

/// Starts a server that speaks TLS with its first connection.
fn start<T: Send + 'static>(
    config: Arc<ServerConfig>,
    serve: impl FnOnce(ServerStream) -> T + Send + 'static,
) -> Server<T> {
    Server::start(move |stream| serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)))
}

fn url(port: u16) -> String {
    format!("rediss://127.0.0.1:{port}")
}

/// Returns the error of a client that cannot come to terms with a server.
async fn refusal<T>(network: &impl Network, server: &Server<T>, settings: &TlsSettings) -> String {
    let error = connect_tls(network, &url(server.port), settings).await.unwrap_err().to_string();
    let reason = error.strip_prefix(&format!("no TLS with 127.0.0.1:{}: ", server.port));
    reason.unwrap_or_else(|| panic!("{error}")).into()
}

/// A server is spoken to by its name and by its address, if its authority is trusted.
pub async fn a_server_with_a_trusted_authority_is_spoken_to(network: impl Network) {
    let authority = Authority::new("ours");
    let config = authority.server(&["localhost", "127.0.0.1"]);
    for host in ["localhost", "127.0.0.1"] {
        let server = start(config.clone(), echo);
        let url = format!("rediss://{host}:{}", server.port);
        let mut stream = connect_tls(&network, &url, &authority.trusted()).await.unwrap();
        write_all(&mut stream, b"PING\r\n").await.unwrap();
        expect(&mut stream, b"PING\r\n").await;
        drop(stream);
        server.join();
    }
}

/// A server whose authority is not trusted is refused.
pub async fn a_server_with_another_authority_is_refused(network: impl Network) {
    let trusted = Authority::new("ours").trusted();
    let server = start(Authority::new("theirs").server(&["127.0.0.1"]), echo);
    let reason = refusal(&network, &server, &trusted).await;
    assert!(reason.starts_with("the server's certificate is not signed by a trusted authority: trust "), "{reason}");

    let server = start(Authority::new("ours").server(&["127.0.0.1"]), echo);
    let reason = refusal(&network, &server, &trusted).await;
    assert_eq!(reason, "the signature of the server's certificate is wrong");
}

/// A server whose certificate is for another name is refused.
pub async fn a_server_with_another_name_is_refused(network: impl Network) {
    let authority = Authority::new("ours");
    let server = start(authority.server(&["redis.example"]), echo);
    let reason = refusal(&network, &server, &authority.trusted()).await;
    assert!(reason.starts_with("the server's certificate is for another name: "), "{reason}");
    assert!(reason.contains("redis.example"), "{reason}");
}

/// A server that closes the connection in the handshake is an error which says so.
pub async fn a_server_that_closes_in_the_handshake_is_an_error(network: impl Network) {
    let server = Server::start(|mut stream| {
        // What was not read would break the connection instead.
        let mut header = [0; 5];
        stream.read_exact(&mut header).unwrap();
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        stream.read_exact(&mut vec![0; length]).unwrap();
    });
    let reason = refusal(&network, &server, &TlsSettings::public().unwrap()).await;
    assert_eq!(reason, "the server closed the connection");
}

/// A server that speaks something else is an error which says so.
pub async fn a_server_without_tls_is_an_error(network: impl Network) {
    let server = Server::start(|mut stream| {
        stream.write_all(b"-ERR unknown command\r\n").unwrap();
        // Stays until the client has read that.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let reason = refusal(&network, &server, &TlsSettings::public().unwrap()).await;
    assert_eq!(reason, "the server does not speak TLS: write redis://");
}

/// A client with a certificate shows it.
pub async fn a_client_shows_its_certificate(network: impl Network) {
    let authority = Authority::new("ours");
    let server = start(authority.server_that_asks_clients(&["127.0.0.1"]), echo);
    let settings = authority.trusted_with_client();
    let mut stream = connect_tls(&network, &url(server.port), &settings).await.unwrap();
    write_all(&mut stream, b"PING\r\n").await.unwrap();
    expect(&mut stream, b"PING\r\n").await;
}

/// A client without a certificate is told that the server asks for one: after its own side of the handshake.
pub async fn a_client_without_a_certificate_is_told_so(network: impl Network) {
    let authority = Authority::new("ours");
    let server = start(authority.server_that_asks_clients(&["127.0.0.1"]), |mut stream| {
        let _ = stream.read(&mut [0; 16]);
        // Stays until the client has read why.
        let _ = stream.sock.read_to_end(&mut Vec::new());
    });
    let mut stream = connect_tls(&network, &url(server.port), &authority.trusted()).await.unwrap();
    let error = read(&mut stream, &mut [0; 16]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.to_string(), "the server asks for a certificate of the client");
}

/// Bytes that are sent one by one arrive in order.
pub async fn single_bytes_arrive_in_order_over_tls(network: impl Network) {
    let authority = Authority::new("ours");
    let server = start(authority.server(&["127.0.0.1"]), echo);
    let mut stream = connect_tls(&network, &url(server.port), &authority.trusted()).await.unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    for byte in &bytes {
        write_all(&mut stream, &[*byte]).await.unwrap();
    }
    expect(&mut stream, &bytes).await;
}

/// A read of nothing does not wait, and whoever waits for something is woken by it, time and again.
pub async fn a_read_over_tls_does_not_wait(network: impl Network) {
    let authority = Authority::new("ours");
    let (sender, receiver) = channel();
    let server = start(authority.server(&["127.0.0.1"]), move |mut stream| {
        while receiver.recv().is_ok() {
            stream.write_all(b"x").unwrap();
        }
    });
    // The server's half of the handshake is done in its first write.
    sender.send(()).unwrap();
    let mut stream = connect_tls(&network, &url(server.port), &authority.trusted()).await.unwrap();
    expect(&mut stream, b"x").await;
    for _ in 0..100 {
        expect_nothing(&mut stream);
        sender.send(()).unwrap();
        expect(&mut stream, b"x").await;
    }
    drop(sender);
    server.join();
}

/// Whoever reads a little at a time is not left waiting for what has been decrypted already.
pub async fn a_small_buffer_misses_nothing(network: impl Network) {
    let authority = Authority::new("ours");
    let server = start(authority.server(&["127.0.0.1"]), echo);
    let mut stream = connect_tls(&network, &url(server.port), &authority.trusted()).await.unwrap();
    write_all(&mut stream, b"PING\r\n").await.unwrap();
    for byte in b"PING\r\n" {
        expect(&mut stream, &[*byte]).await;
    }
}
