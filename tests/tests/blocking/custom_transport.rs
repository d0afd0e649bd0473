//! The example of a transport of one's own, as anybody would write it, held against what is expected of those here.

use redlock_blocking::{Node, NodeTimeout, Redlock};
use redlock_tests::{Server, Servers, wait_until};

use self::tcp::Tcp;
use crate::attribution;
use crate::fixture::{SOON, TTL};

#[path = "../../../redlock-blocking/examples/blocking_transport/tcp.rs"]
mod tcp;

/// Over one connection to each server, and so patient that no busy machine decides.
fn redlock(servers: &Servers) -> Redlock {
    let addresses = servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
    let nodes = addresses.map(|address| Node::new(address.clone(), Tcp { address }));
    Redlock::builder().nodes(nodes).node_timeout(NodeTimeout::fixed(SOON)).build().unwrap()
}

#[test]
fn its_replies_are_taken_for_nobody_elses_while_nodes_stop_and_go_on() {
    let servers = Servers::start(3);
    attribution::assert_holds(&servers, &redlock(&servers));
}

#[test]
fn a_server_that_was_restarted_is_used_again() {
    let mut servers = Servers::start(3);
    let redlock = redlock(&servers);
    drop(redlock.lock("before", TTL).unwrap());
    servers.iter_mut().for_each(Server::restart);
    let guard = redlock.lock("job", TTL).unwrap();
    assert!(servers.iter().filter(|server| server.get("job").unwrap().is_some()).count() >= 2);
    drop(guard);
    assert!(wait_until(SOON, || servers.iter().all(|server| server.get("job").unwrap().is_none())));
}

#[test]
fn a_server_that_is_gone_is_named_with_the_reason() {
    let mut servers = Servers::start(1);
    let redlock = redlock(&servers);
    servers[0].kill();
    let error = || redlock.try_lock("job", TTL).unwrap_err().to_string();
    assert!(wait_until(SOON, || error().contains("refused")), "{}", error());
    assert!(error().contains(&servers[0].port().to_string()), "{}", error());
}
