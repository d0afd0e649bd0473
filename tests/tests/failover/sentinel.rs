//! A master that sentinels name.

use std::time::Duration;

use redlock_tests::{Server, Servers};
use redlock_tokio::{Builder, Redlock, RestartGuard, SentinelNode};

use crate::fixture::{
    Passwords, SOON, Scripted, Sentinel, TTL, assert_warned, info, pair, pair_of, replicate, two_masters,
    wait_for_health, wait_until_connected,
};

/// Short, because the guard waits for it.
const SHORT: Duration = Duration::from_secs(2);

/// Nobody listens there.
const NOBODY: &str = "redis://127.0.0.1:1";

fn builder(sentinels: &[String]) -> Builder {
    Redlock::builder().node(SentinelNode::new(sentinels, "main"))
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_go_on_over_a_failover_and_the_new_master_votes_when_the_old_locks_are_over() {
    let (servers, plain) = (pair(), two_masters());
    let sentinel = Sentinel::start(&servers[0]);
    let redlock = builder(&[NOBODY.into(), sentinel.url()]).nodes(plain.urls()).build().unwrap();
    assert_warned(&wait_until_connected(&redlock));
    let guard = redlock.lock("job", SHORT).await.unwrap();
    guard.release().await;

    sentinel.fail_over();
    let run_id = run_id(&servers[1]);
    // Whatever becomes of the one node, the others are a quorum.
    while redlock.health().nodes[0].facts.run_id() != Some(&run_id) {
        redlock.lock("job", SHORT).await.unwrap().release().await;
    }
    assert!(info(&servers[1]).contains("role:master"));
    let health = redlock.health();
    assert!(health.nodes[0].quarantine.is_some_and(|left| left <= SHORT + SHORT / 50), "{health}");
    assert_warned(&wait_for_health(&redlock, |health| health.voters() == 3));
    let guard = redlock.lock("job", SHORT).await.unwrap();
    assert!(guard.is_valid());
    redlock.close().await;
}

/// Returns how a server names its present run.
fn run_id(server: &Server) -> String {
    let info = info(server);
    info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap().trim().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinel_and_master_have_passwords_of_their_own_and_so_has_the_replica_that_takes_over() {
    let passwords = Passwords { sentinel: "opensesame1", master: "opensesame2" };
    let settings = Server::builder().password(passwords.master).arg("--masterauth", passwords.master);
    let servers = pair_of(settings);
    let sentinel = Sentinel::start_with_passwords(&servers[0], &passwords);
    for [of_sentinel, of_master] in [["wrong1", passwords.master], [passwords.sentinel, "wrong2"]] {
        let node = SentinelNode::new([sentinel.url_with(Some(of_sentinel))], "main").password(of_master);
        let redlock = Redlock::builder().node(node).build().unwrap();
        let refused = redlock.lock("job", TTL).wait(SHORT).await.unwrap_err().to_string();
        assert!(refused.contains("not authenticated") && !refused.contains("opensesame"), "{refused}");
        redlock.close().await;
    }

    let node = SentinelNode::new([sentinel.url()], "main").password(passwords.master);
    let redlock = Redlock::builder().node(node).restart_guard(RestartGuard::OFF).build().unwrap();
    redlock.lock("job", TTL).await.unwrap().release().await;
    sentinel.fail_over();
    let new = run_id(&servers[1]);
    wait_for_health(&redlock, |health| health.nodes[0].facts.run_id() == Some(&new));
    let guard = redlock.lock("other", TTL).wait(SOON).await.unwrap();
    assert!(has(&servers[1], "other"));
    guard.release().await;
    redlock.close().await;
    tokio::task::block_in_place(|| {
        let node = redlock_blocking::SentinelNode::new([sentinel.url()], "main").password(passwords.master);
        let redlock = redlock_blocking::Redlock::builder().node(node).build().unwrap();
        let guard = redlock.acquire("blocking", TTL).wait(SOON).lock().unwrap();
        assert!(has(&servers[1], "blocking"));
        guard.release();
        redlock.close();
    });
}

/// Two servers, of which one replicates the other, and who says which is the master.
fn scripted_pair() -> (Servers, [Scripted; 2]) {
    let servers = pair();
    let sentinels = [(), ()].map(|()| Scripted::naming(&servers[0]));
    (servers, sentinels)
}

fn has(server: &Server, name: &str) -> bool {
    server.get(name).is_ok_and(|value| value.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_because_it_is_a_replica_by_now_is_given_up() {
    let (servers, [one, other]) = scripted_pair();
    let redlock = builder(&[one.url(), other.url()]).restart_guard(RestartGuard::OFF).build().unwrap();
    let guard = redlock.lock("job", TTL).await.unwrap();
    assert!(has(&servers[0], "job"));
    guard.release().await;

    // The connection stays, and the first to be asked has not heard of it.
    servers[1].command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    replicate(&servers[0], &servers[1]);
    other.names(&servers[1]);
    let guard = redlock.lock("other", TTL).wait(SOON).await.unwrap();
    assert!(has(&servers[1], "other"));
    assert_eq!(redlock.health().nodes[0].facts.role(), Some("master"));
    guard.release().await;
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_goes_on_as_one_is_given_up_when_the_sentinel_names_another() {
    let (servers, [sentinel, _]) = scripted_pair();
    let redlock = builder(&[sentinel.url()]).restart_guard(RestartGuard::OFF).build().unwrap();
    let before = wait_until_connected(&redlock).nodes[0].facts.run_id().map(str::to_owned);
    servers[1].command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    sentinel.names(&servers[1]);
    wait_for_health(&redlock, |health| health.nodes[0].facts.run_id() != before.as_deref());
    let guard = redlock.lock("job", TTL).wait(SOON).await.unwrap();
    assert_eq!(servers.iter().map(|server| has(server, "job")).collect::<Vec<_>>(), [false, true]);
    guard.release().await;
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_master_an_error_says_what_each_sentinel_said() {
    let server = Server::start();
    let redlock = builder(&[NOBODY.into(), server.url()]).build().unwrap();
    let refused = redlock.lock("job", TTL).wait(Duration::from_millis(200)).await.unwrap_err().to_string();
    for part in ["main@127.0.0.1:1,127.0.0.1:", "127.0.0.1:1: not reachable", "unknown command"] {
        assert!(refused.contains(part), "{part} is not in: {refused}");
    }
    redlock.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_is_not_switched_off_by_a_disk_that_keeps_everything() {
    let server = Server::builder().persistent(true).start();
    let sentinel = Scripted::naming(&server);
    let redlock = builder(&[sentinel.url()]).build().unwrap();
    let health = wait_until_connected(&redlock);
    assert_eq!((health.nodes[0].facts.is_durable(), health.nodes[0].facts.fails_over()), (Some(false), true));
    redlock.close().await;
}

#[test]
fn on_async_std_it_is_the_same_node() {
    let (servers, [sentinel, _]) = scripted_pair();
    async_std::task::block_on(async {
        let node = SentinelNode::new([sentinel.url()], "main");
        let redlock = redlock_async_std::Redlock::builder().node(node).build().unwrap();
        let guard = redlock.lock("job", TTL).await.unwrap();
        assert!(has(&servers[0], "job"));
        guard.release().await;
        redlock.close().await;
    });
}

#[test]
fn without_async_a_server_that_is_a_replica_by_now_is_given_up_too() {
    use redlock_blocking::{Redlock, SentinelNode};

    let (servers, [one, other]) = scripted_pair();
    let node = SentinelNode::new([NOBODY.into(), one.url(), other.url()], "main");
    let redlock = Redlock::builder().node(node).restart_guard(RestartGuard::OFF).build().unwrap();
    redlock.lock("job", TTL).unwrap().release();
    assert!(redlock.health().nodes[0].facts.fails_over());
    servers[1].command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    replicate(&servers[0], &servers[1]);
    other.names(&servers[1]);
    let guard = redlock.acquire("other", TTL).wait(SOON).lock().unwrap();
    assert!(has(&servers[1], "other"));
    guard.release();
    redlock.close();
}

#[tokio::test]
async fn what_cannot_be_such_a_node_is_refused_without_a_secret() {
    let refusal = |node: SentinelNode| {
        let error = Redlock::builder().node(node).build().unwrap_err().to_string();
        assert!(!error.contains("open-sesame"), "{error}");
        error
    };
    assert!(refusal(SentinelNode::new([""; 0], "main")).contains("name at least one server"));
    assert!(refusal(SentinelNode::new(["redis://host:26379"], "")).contains("the name of the master is empty"));
    let database = SentinelNode::new(["redis://:open-sesame@host/1"], "main");
    assert!(refusal(database).contains("no database to be chosen"));
    assert!(refusal(SentinelNode::new(["unix:///run/redis.sock"], "main")).contains("name a host and a port"));
    let named = SentinelNode::new(["redis://host"], "main").password("open-sesame").client_name("a b");
    assert!(!format!("{named:?}").contains("open-sesame"));
    assert!(refusal(named).contains("the client name"));
}
