//! The ways to a server.

use std::time::Duration;

use redlock_driver::ReleaseVerdict;
use redlock_tests::{Server, Servers, wait_until};

use crate::adapter::{Adapter, Address};
use crate::fixture::TTL;

pub(crate) async fn nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere<A: Adapter>() {
    let socket = Server::builder().unix_socket(true).start();
    let servers = Servers::start(2);
    let path = socket.unix_socket().unwrap();
    let addresses = [
        Address::Url(format!("unix://{}", path.display())),
        Address::Client { url: servers[0].url(), authority: None },
        Address::Url(servers[1].url() + "?protocol=resp2"),
    ];
    let client = A::build(&addresses, &[]).unwrap();
    let guard = client.lock("job", TTL).await.unwrap();
    let everywhere = || servers.iter().chain([&socket]).all(|server| server.get("job").unwrap().is_some());
    assert!(wait_until(Duration::from_secs(5), everywhere));
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}
