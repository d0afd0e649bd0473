//! Names of hosts that lead to several addresses, or to another one after a while, before real servers.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::HashMap;
use std::future::{Future, ready};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use redlock_driver::native::UrlNode;
use redlock_driver::net::{HEAD_START, Network};
use redlock_driver::{CurrentRuntime, NoRuntime, ReleaseVerdict, Runtime};
use redlock_tests::{Port, Server, Servers};
use redlock_tokio::{Node, Redlock, RestartGuard, Tokio};

const TTL: Duration = Duration::from_secs(10);

/// What the names of hosts stand for, in the place of a name server.
static HOSTS: LazyLock<Mutex<HashMap<String, Vec<SocketAddr>>>> = LazyLock::new(Mutex::default);

fn set_host(name: &str, addresses: Vec<SocketAddr>) {
    HOSTS.lock().unwrap().insert(name.into(), addresses);
}

/// Tokio with another resolver.
#[derive(Clone)]
struct Resolver(Tokio);

impl Runtime for Resolver {
    fn sleep_until(&self, deadline: redlock_driver::Instant) -> impl Future<Output = ()> + Send + 'static {
        self.0.sleep_until(deadline)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }
}

impl CurrentRuntime for Resolver {
    fn current() -> Result<Self, NoRuntime> {
        Tokio::current().map(Self)
    }
}

impl Network for Resolver {
    type Socket = <Tokio as Network>::Socket;

    fn lookup(&self, host: &str, _: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        ready(HOSTS.lock().unwrap().get(host).cloned().ok_or_else(|| io::Error::other("no such host")))
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Socket>> + Send + 'static {
        self.0.connect(address)
    }
}

/// A handle whose nodes are the hosts with these names.
fn handle(hosts: &[&str]) -> Redlock {
    Redlock::builder().nodes(hosts.iter().map(|host| node(host))).build().unwrap()
}

fn node(host: &str) -> Node {
    let transport = UrlNode::new(format!("redis://{host}")).into_transport::<Resolver>().unwrap();
    Node::new(host, transport)
}

/// An address that nobody answers at: the queue of those who want to connect is full.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<socket2::Socket>,
}

impl Silent {
    fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let queue = (0..8).map(|_| {
            let caller = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            caller.set_nonblocking(true).unwrap();
            let _ = caller.connect(&address.into());
            caller
        });
        let queue = queue.collect();
        Self { address, _listener: listener, _queue: queue }
    }
}

#[tokio::test]
async fn an_address_that_is_silent_takes_no_more_than_its_head_start() {
    let (server, silent) = (Server::start(), Silent::new());
    set_host("half-dead", vec![silent.address, server.address()]);
    let begun = Instant::now();
    let guard = handle(&["half-dead"]).lock("job", TTL).await.unwrap();
    assert!(begun.elapsed() >= HEAD_START, "the silent one was tried first");
    assert!(server.get("job").unwrap().is_some());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_passed_over() {
    let server = Server::start();
    let dead = Port::free();
    set_host("dead-first", vec![(Ipv4Addr::LOCALHOST, dead.number()).into(), server.address()]);
    let guard = handle(&["dead-first"]).lock("job", TTL).await.unwrap();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

#[tokio::test]
async fn a_server_that_restarts_at_another_address_is_found_and_healed() {
    let mut servers = Servers::start(3);
    let hosts = ["moving-0", "moving-1", "moving-2"];
    for (host, server) in hosts.iter().zip(servers.iter()) {
        set_host(host, vec![server.address()]);
    }
    let redlock = handle(&hosts);
    let mut guard = redlock.lock("job", TTL).await.unwrap();
    servers[0].kill();
    let moved = Server::start();
    set_host(hosts[0], vec![moved.address()]);
    let has_key = async {
        while moved.get("job").unwrap().is_none() {
            guard.extend(TTL).await.unwrap();
        }
    };
    tokio::time::timeout(TTL, has_key).await.expect("the extension gives it the key");
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    assert!(moved.get("job").unwrap().is_none() || servers[1].get("job").unwrap().is_none());
}

/// As the name of a managed service does at a failover. The old master keeps its connections.
#[tokio::test]
async fn a_name_that_moves_to_the_new_master_is_followed() {
    let servers = Servers::start(2);
    set_host("primary", vec![servers[0].address()]);
    let redlock = Redlock::builder().node(node("primary")).restart_guard(RestartGuard::OFF).build().unwrap();
    redlock.lock("job", TTL).await.unwrap().release().await;

    servers[0].command(&["REPLICAOF", "127.0.0.1", &servers[1].port().to_string()]).unwrap();
    for _ in 0..20 {
        let refused = redlock.try_lock("job", TTL).await.unwrap_err().to_string();
        assert!(refused.contains("a read-only replica, name its master instead"), "{refused}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(redlock.health().to_string().contains("name its master instead"), "{}", redlock.health());
    set_host("primary", vec![servers[1].address()]);
    let guard = redlock.lock("job", TTL).await.unwrap();
    assert!(servers[1].get("job").unwrap().is_some());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}
