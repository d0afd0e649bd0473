//! A server that takes a connection and says nothing: the error tells what it has not answered.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;
use std::time::Duration;

use redlock_tokio::Redlock;

/// Returns why a node is not reachable that is named with this scheme, and is silent.
async fn why(scheme: &str) -> String {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", silent.local_addr().unwrap());
    let builder = Redlock::builder().node(url.as_str()).connect_timeout(Duration::from_millis(100));
    let lock = builder.build().unwrap().lock("job", Duration::from_secs(60)).attempts(1);
    lock.await.unwrap_err().to_string()
}

#[tokio::test]
async fn one_that_speaks_no_tls_perhaps_is_said_to_owe_the_handshake() {
    let why = why("rediss").await;
    let says = "not reachable (no answer to the TLS handshake (if it speaks no TLS, write redis://) within 100ms)";
    assert!(why.contains(says), "{why}");
}

#[tokio::test]
async fn one_that_hangs_is_said_to_owe_the_first_answers() {
    let why = why("redis").await;
    assert!(why.contains("not reachable (no answer to the first commands within 100ms)"), "{why}");
}
