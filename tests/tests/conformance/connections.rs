//! Connections are given back.

use std::time::Duration;

use redlock_tests::{Server, wait_until};

use crate::adapter::{Adapter, Address, Setting};
use crate::fixture::{Fixture, TTL};

/// Waits until the server has no connection but the one that asks.
fn assert_no_connection(server: &Server) {
    let clients = || server.command(&["INFO", "clients"]).unwrap_or_default();
    assert!(wait_until(TTL, || clients().contains("connected_clients:1\r\n")), "{}", clients());
}

pub(crate) async fn a_handle_that_is_gone_leaves_no_connection<A: Adapter>() {
    let Fixture { servers, client } = Fixture::start::<A>(1);
    client.lock("job", TTL).await.unwrap().release().await;
    client.close().await;
    drop(client);
    assert_no_connection(&servers[0]);
}

pub(crate) async fn a_try_to_connect_that_took_too_long_leaves_no_connection<A: Adapter>() {
    let server = Server::start();
    server.pause();
    let timeout = Setting::ConnectTimeout(Duration::from_millis(20));
    let client = A::build(&[Address::Url(server.url())], &[timeout]).unwrap();
    // Some tries to connect later.
    assert!(A::scheduler().within(Duration::from_millis(300), client.lock("job", TTL)).await.is_none());
    client.close().await;
    drop(client);
    server.resume();
    assert_no_connection(&server);
}

pub(crate) async fn a_command_that_was_lost_with_its_node_is_not_sent_again<A: Adapter>() {
    // It forgets nothing, so the restart guard lets it vote.
    let mut nodes = Fixture::over::<A>(Server::builder().persistent(true).start_many(1));
    drop(nodes.client.lock("warm-up", TTL).await.unwrap());
    nodes.servers[0].pause();
    assert!(nodes.client.try_lock("lost", TTL).await.is_err());
    nodes.servers[0].restart();
    nodes.client.lock("job", TTL).await.unwrap().release().await;
    let stats = nodes.servers[0].command(&["INFO", "commandstats"]).unwrap();
    assert!(stats.contains("cmdstat_set:calls=1,"), "only for the second lock: {stats}");
}
