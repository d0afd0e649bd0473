//! Connections are given back.

use std::time::Duration;

use redlock_tests::{Server, wait_until};

use crate::adapter::Adapter;
use crate::fixture::TTL;
use crate::time::timeout;

/// Waits until the server has no connection but the one that asks.
fn assert_no_connection(server: &Server) {
    let clients = || server.command(&["INFO", "clients"]).unwrap_or_default();
    assert!(wait_until(TTL, || clients().contains("connected_clients:1\r\n")), "{}", clients());
}

pub(crate) async fn a_handle_that_is_gone_leaves_no_connection<A: Adapter>() {
    let server = Server::start();
    let redlock = A::redlock([server.url()]);
    redlock.lock("job", TTL).await.unwrap().release().await;
    redlock.close().await;
    drop(redlock);
    assert_no_connection(&server);
}

pub(crate) async fn a_try_to_connect_that_took_too_long_leaves_no_connection<A: Adapter>() {
    let server = Server::start();
    server.pause();
    let redlock = A::builder([server.url()]).connect_timeout(Duration::from_millis(20)).build().unwrap();
    // Some tries to connect later.
    assert!(timeout::<A, _>(Duration::from_millis(300), redlock.lock("job", TTL)).await.is_none());
    redlock.close().await;
    drop(redlock);
    server.resume();
    assert_no_connection(&server);
}
