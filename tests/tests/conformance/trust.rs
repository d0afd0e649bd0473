//! Servers that have forgotten what they had granted, and servers that are not to be used.

use std::time::Duration;

use redlock_conformance::{Client, Guard, Refusal, Refused};
use redlock_core::health::{Health, NodeHealth, Warning};
use redlock_core::{Options, RestartGuard, Rule};
use redlock_tests::{Server, Servers};

use crate::adapter::{Adapter, Address, Setting};
use crate::fixture::{Fixture, TTL};
use crate::waiting::{LOCKING, with_user};

const SOON: Duration = Duration::from_secs(10);

/// Short enough to wait until it is over.
const SHORT: Duration = Duration::from_secs(2);

/// Waits until the report is so.
async fn wait_for_health<A: Adapter>(client: &Client, is_so: impl Fn(&Health) -> bool) -> Health {
    let is_there = || is_so(&client.health());
    assert!(A::scheduler().wait_until(SOON, is_there).await, "{}", client.health());
    client.health()
}

fn all_are_connected(health: &Health) -> bool {
    health.nodes.iter().all(|node| node.has_vote() || node.quarantine.is_some() || node.unsuitable.is_some())
}

fn build<A: Adapter>(urls: &[String], setting: Setting) -> Client {
    let addresses: Vec<_> = urls.iter().cloned().map(Address::Url).collect();
    A::build(&addresses, &[setting]).unwrap()
}

/// What a line of `INFO` says.
fn said(server: &Server, line: &str) -> String {
    let info = server.command(&["INFO"]).unwrap();
    let found = info.lines().find_map(|said| said.strip_prefix(line)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no {line} in {info}")).trim().to_owned()
}

pub(crate) async fn a_health_report_says_what_the_servers_are<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    let answered = |node: &NodeHealth| node.has_vote() && node.round_trip.is_some();
    let health = wait_for_health::<A>(&nodes.client, |health| health.nodes.iter().all(answered)).await;
    for (node, server) in health.nodes.iter().zip(nodes.servers.iter()) {
        assert_eq!(node.facts.run_id(), Some(&*said(server, "run_id")));
        assert_eq!(node.facts.role(), Some("master"));
        assert_eq!(node.facts.mode(), Some("standalone"));
        assert!(node.facts.version().is_some_and(|version| said_version(server) == version), "{:?}", node.facts);
        assert_eq!((node.facts.may_evict(), node.facts.is_durable()), (Some(false), Some(false)), "{:?}", node.facts);
        assert_eq!(node.warnings, [], "{health}");
    }
    assert!(health.is_good() && health.to_string().contains("3 of 3 nodes vote, 2 must agree"), "{health}");
    assert_eq!((health.locks.held, health.locks.acquired), (1, 1));
    guard.release().await;
    assert_eq!(nodes.client.health().locks.held, 0);
}

pub(crate) async fn a_server_that_has_much_to_say_of_itself_is_used<A: Adapter>() {
    let server = Server::builder().arg("--databases", "4000").start();
    let fill = "for number = 0, 3999 do redis.call('SELECT', number) redis.call('SET', 'key', 'value') end";
    server.command(&["EVAL", fill, "0"]).unwrap();
    assert!(server.command(&["INFO"]).unwrap().len() > 64 * 1024);
    let client = A::client(&[server.url()]);
    client.lock("job", TTL).await.unwrap().release().await;
    let health = client.health();
    assert_eq!(health.nodes[0].facts.run_id(), Some(&*said(&server, "run_id")));
    assert_eq!(health.nodes[0].warnings, [], "{health}");
}

pub(crate) async fn a_server_is_durable_only_if_it_writes_to_its_disk_at_any_time<A: Adapter>() {
    for (pauses, is_durable) in [("no", true), ("yes", false)] {
        let server = Server::builder().persistent(true).arg("--no-appendfsync-on-rewrite", pauses).start();
        let client = A::client(&[server.url()]);
        client.lock("job", TTL).await.unwrap().release().await;
        let health = client.health();
        assert_eq!(health.nodes[0].facts.is_durable(), Some(is_durable), "{pauses}: {health}");
    }
}

/// Whoever was granted something until then is not on the disk.
pub(crate) async fn a_server_is_durable_only_when_its_first_rewrite_has_ended<A: Adapter>() {
    let server = Server::start();
    server.command(&["EVAL", "for key = 1, 20 do redis.call('SET', key, 'value') end", "0"]).unwrap();
    // Each key takes 0.3 s.
    for [name, value] in [["rdb-key-save-delay", "300000"], ["appendonly", "yes"]] {
        server.command(&["CONFIG", "SET", name, value]).unwrap();
    }
    assert_eq!((&*said(&server, "aof_enabled"), &*said(&server, "aof_base_size")), ("1", "0"));
    let is_durable = || async {
        let client = A::client(&[server.url()]);
        client.lock("job", TTL).await.unwrap().release().await;
        client.health().nodes[0].facts.is_durable()
    };
    assert_eq!(is_durable().await, Some(false));
    let has_ended = || said(&server, "aof_rewrite_in_progress") == "0";
    assert!(A::scheduler().wait_until(2 * SOON, has_ended).await);
    assert_eq!(is_durable().await, Some(true));
}

/// Its process goes on, and nothing was asked of it meanwhile.
pub(crate) async fn a_server_that_was_a_replica_while_nobody_looked_has_no_vote_for_a_while<A: Adapter>() {
    let (server, other) = (Server::start(), Server::start());
    let client = A::client(&[server.url()]);
    client.lock("job", SHORT).await.unwrap().release().await;
    server.command(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]).unwrap();
    let is_replica = || server.command(&["INFO"]).unwrap().contains("master_link_status:up");
    assert!(A::scheduler().wait_until(SOON, is_replica).await);
    server.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
    let refused = loop {
        match client.lock_with("job", SHORT, Options::new().attempts(1)).await {
            Err(refused) if refused.to_string().contains("restarted") => break refused,
            Err(_) => {}
            Ok(_) => panic!("it has a vote"),
        }
    };
    assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
    assert!(client.lock("job", SHORT).await.unwrap().is_valid());
}

fn said_version(server: &Server) -> String {
    let info = server.command(&["INFO"]).unwrap();
    said(server, if info.contains("valkey_version") { "valkey_version" } else { "redis_version" })
}

pub(crate) async fn whoever_may_not_ask_locks_all_the_same_and_is_told_that_nothing_was_checked<A: Adapter>() {
    let (_servers, urls) = with_user(&LOCKING);
    let client = A::client(&urls);
    assert!(client.lock("job", TTL).await.unwrap().is_valid());
    let health = wait_for_health::<A>(&client, all_are_connected).await;
    assert!(health.nodes.iter().all(|node| node.warnings == [Warning::Unchecked]), "{health}");
    assert!(health.to_string().contains("permit INFO to the user (+info)"), "{health}");
}

/// One client holds a lock on two nodes of three, and one of them forgets it in a restart. Another client, which has seen
/// that, wants the lock.
async fn forgotten<A: Adapter>(guard: RestartGuard) -> (Guard, Client, Result<Guard, Refused>, Servers) {
    let mut servers = Servers::start(3);
    let [holder, rival] = [(), ()].map(|()| build::<A>(&servers.urls(), Setting::RestartGuard(guard)));
    for client in [&holder, &rival] {
        wait_for_health::<A>(client, |health| health.nodes.iter().all(NodeHealth::has_vote)).await;
    }
    servers[2].command(&["SET", "job", "another"]).unwrap();
    servers[2].command(&["CONFIG", "RESETSTAT"]).unwrap();
    let held = holder.lock("job", SHORT).await.unwrap();
    let asked = || servers[2].command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_set:");
    assert!(A::scheduler().wait_until(SOON, asked).await, "the third server has not refused it");
    servers[2].command(&["DEL", "job"]).unwrap();
    servers[1].kill();
    servers[1].restart();
    meet_again::<A>(&rival, &servers[1]).await;
    let taken = rival.lock_with("job", SHORT, Options::new().attempts(1)).await;
    (held, rival, taken, servers)
}

/// Uses the nodes until the client is connected to the server that was started again: one that does nothing need not notice.
async fn meet_again<A: Adapter>(client: &Client, server: &Server) {
    let run_id = said(server, "run_id");
    let is_new = |node: &NodeHealth| node.facts.run_id().is_none_or(|known| known == run_id);
    let has_met = |health: &Health| all_are_connected(health) && health.nodes.iter().any(is_new);
    while let Ok(guard) = client.lock("other", SHORT).await {
        guard.release().await;
        if has_met(&client.health()) {
            return;
        }
    }
    panic!("two others are there: {}", client.health());
}

pub(crate) async fn without_the_guard_a_restart_lets_a_second_holder_in<A: Adapter>() {
    let (held, _rival, taken, _servers) = forgotten::<A>(RestartGuard::OFF).await;
    assert!(taken.unwrap().is_valid() && held.is_valid(), "both hold it: this is what the guard is for");
}

pub(crate) async fn with_the_guard_it_does_not<A: Adapter>() {
    let (held, rival, taken, _servers) = forgotten::<A>(RestartGuard::SEEN).await;
    let refused = taken.unwrap_err();
    assert!(held.is_valid(), "it was asked for in time");
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert!(refused.to_string().contains("restarted, and what it had granted may be lost"), "{refused}");
    let health = rival.health();
    assert!(health.nodes[1].quarantine.is_some_and(|left| left <= SHORT + SHORT / 50), "{health}");
    let later = rival.lock("job", SHORT).await.unwrap();
    assert!(later.is_valid() && !held.is_valid());
}

pub(crate) async fn one_server_that_is_named_twice_has_one_vote<A: Adapter>() {
    let mut servers = Servers::start(2);
    let port = servers[0].port();
    let urls = [format!("redis://localhost:{port}"), format!("redis://127.0.0.1:{port}"), servers[1].url()];
    let client = A::client(&urls);
    let health = wait_for_health::<A>(&client, all_are_connected).await;
    assert_eq!((health.voters(), health.has_quorum()), (2, true), "{health}");
    let localhost = &health.nodes[0].name;
    assert!(health.to_string().contains(&format!("it is the same server as {localhost}")), "{health}");
    assert!(client.try_lock("job", TTL).await.unwrap().is_valid());
    servers[1].kill();
    let refused = client.try_lock("other", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
    assert!(refused.to_string().contains("name each server once"), "{refused}");
}

pub(crate) async fn a_server_that_evicts_is_warned_of_or_refused<A: Adapter>() {
    let servers = Servers::start(3);
    for server in servers.iter().take(2) {
        for [name, value] in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
            server.command(&["CONFIG", "SET", name, value]).unwrap();
        }
    }
    let lenient = A::client(&servers.urls());
    let strict = build::<A>(&servers.urls(), Setting::OnEviction(Rule::Refuse));
    let health = wait_for_health::<A>(&lenient, all_are_connected).await;
    assert_eq!(health.nodes.iter().map(|node| node.warnings.len()).collect::<Vec<_>>(), [1, 1, 0], "{health}");
    assert!(health.to_string().contains("maxmemory-policy allkeys-lru): set noeviction"), "{health}");
    assert!(lenient.try_lock("job", TTL).await.unwrap().is_valid());
    wait_for_health::<A>(&strict, all_are_connected).await;
    let refused = strict.try_lock("other", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Unavailable, "{refused}");
    assert!(refused.to_string().contains("set noeviction"), "{refused}");
}
