//! A server that takes a connection and says nothing, or nothing of use: the error tells what it has not answered.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use redlock_tokio::Redlock;

/// Returns why a node is not reachable that is named with this scheme, and is silent.
async fn why(scheme: &str) -> String {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    why_not(scheme, &silent, Duration::from_millis(100)).await
}

async fn why_not(scheme: &str, server: &TcpListener, connect_timeout: Duration) -> String {
    let url = format!("{scheme}://{}", server.local_addr().unwrap());
    let builder = Redlock::builder().node(url.as_str()).connect_timeout(connect_timeout);
    let lock = builder.build().unwrap().lock("job", Duration::from_secs(60)).attempts(1);
    lock.await.unwrap_err().to_string()
}

/// Returns why a server cannot be spoken to in the clear that does this with every connection.
async fn why_not_in_the_clear(serve: fn(TcpStream)) -> String {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = server.try_clone().unwrap();
    thread::spawn(move || listening.incoming().for_each(|stream| serve(stream.unwrap())));
    why_not("redis", &server, Duration::from_secs(10)).await
}

#[tokio::test]
async fn one_that_answers_in_tls_or_not_at_all_is_said_to_speak_tls_perhaps() {
    let why = why_not_in_the_clear(drop).await;
    assert!(why.contains("before the first answer (if it speaks TLS, write rediss://)"), "{why}");
    let why = why_not_in_the_clear(|mut stream| {
        stream.write_all(b"\x15\x03\x03\x00\x02\x02\x46").unwrap();
        // Stays until the client has read that.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
    .await;
    assert!(why.contains("like an alert of TLS: write rediss://"), "{why}");
    let why = why_not_in_the_clear(|mut stream| stream.write_all(b"%7\r\n").unwrap()).await;
    assert!(!why.contains("rediss"), "{why}");
}

#[tokio::test]
async fn one_that_speaks_no_tls_perhaps_is_said_to_owe_the_handshake() {
    let why = why("rediss").await;
    let says = "not reachable (no answer to the TLS handshake (if it speaks no TLS, write redis://) within 100 ms)";
    assert!(why.contains(says), "{why}");
}

#[tokio::test]
async fn one_that_hangs_is_said_to_owe_the_first_answers() {
    let why = why("redis").await;
    assert!(why.contains("not reachable (no answer to the first commands within 100 ms)"), "{why}");
}
