//! The example of a transport of one's own for tokio, on real servers. That of the blocking crate is in `blocking`.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::time::Duration;

use redlock_tests::{Server, Servers, wait_until};
use redlock_tokio::{Node, Redlock, ReleaseVerdict};

use self::tcp::Tcp;

#[path = "../../redlock-tokio/examples/custom_transport/tcp.rs"]
mod tcp;

const TTL: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_secs(5);

fn redlock(servers: &Servers) -> Redlock {
    let addresses = servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
    let nodes = addresses.map(|address| Node::new(address.clone(), Tcp { address }));
    Redlock::builder().nodes(nodes).build().unwrap()
}

fn keys(servers: &[Server]) -> usize {
    servers.iter().filter(|server| server.get("job").unwrap().is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_locks_before_and_after_a_restart_and_without_a_minority() {
    let mut servers = Servers::start(3);
    let redlock = redlock(&servers);
    for _ in 0..2 {
        let mut guard = redlock.lock("job", TTL).await.unwrap();
        assert!(keys(&servers) >= 2);
        assert!(redlock.try_lock("job", TTL).await.is_err());
        guard.extend(TTL).await.unwrap();
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        assert!(wait_until(SOON, || keys(&servers) == 0));
        servers.iter_mut().for_each(Server::restart);
    }
    servers[0].kill();
    let guard = redlock.lock("job", TTL).await.unwrap();
    assert_eq!(keys(&servers[1..]), 2);
    drop(guard);
    assert!(wait_until(SOON, || keys(&servers[1..]) == 0));
    redlock.close().await;
}
