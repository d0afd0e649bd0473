//! Who waits stands in the queue of the resource's home, and is called up by the release: between handles, on real servers.

use std::collections::BTreeSet;
use std::time::Duration;

use redlock_conformance::{Client, Guard, Refusal, Refused};
use redlock_core::{Options, Resources, RetryDelay};
use redlock_driver::ReleaseVerdict;
use redlock_tests::{Server, Servers};

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};

const SOON: Duration = Duration::from_secs(10);

/// Who does not ask by itself while it waits in a queue, and gets the lock only if it is called up. One whose first attempt
/// found a node too slow tries again soon.
pub(crate) fn only_called_up() -> Options {
    Options::new().retry_delay(RetryDelay::new(RetryDelay::DEFAULT.base(), TTL * 360)).wait(TTL)
}

/// What has gone wrong in a scene because the machine was busy.
struct TooLate(String);

impl From<Refused> for TooLate {
    fn from(refused: Refused) -> Self {
        Self(refused.to_string())
    }
}

/// Plays a scene of those who are [only called up](only_called_up). On a busy machine one may come too late: then it has lost
/// its place, or never had one because a node took long to answer, nobody else asks, and the scene is played again, three
/// times in all.
async fn play<F: Future<Output = Result<(), TooLate>>>(scene: impl Fn() -> F) {
    for late in 0_u8.. {
        match scene().await {
            Ok(()) => return,
            Err(TooLate(why)) => assert!(late < 2, "nobody came in time: {why}"),
        }
    }
}

/// Begins to wait for the lock; `result` tells what comes of it.
pub(crate) fn wait_for<A: Adapter>(
    client: &Client,
    options: Options,
) -> impl Future<Output = Result<Guard, Refused>> + use<A> {
    wait_for_all::<A>(client, "job".into(), options)
}

/// Begins to wait for the lock of these names.
fn wait_for_all<A: Adapter>(
    client: &Client,
    names: Resources,
    options: Options,
) -> impl Future<Output = Result<Guard, Refused>> + use<A> {
    let acquire = client.lock_with(names, TTL * 3, options);
    let waiting = A::scheduler().spawn(acquire);
    async { waiting.await.expect("the task goes on") }
}

/// How many stand in the queues of these two names.
fn waiting(servers: &Servers) -> usize {
    let count = |server: &Server, key: &str| server.command(&["ZCARD", key]).unwrap().parse::<usize>().unwrap();
    servers.iter().map(|server| count(server, "redlock:queue:{job}") + count(server, "redlock:queue:{other}")).sum()
}

pub(crate) async fn wait_until_waiting<A: Adapter>(servers: &Servers, count: usize) {
    let has_come = until_waiting::<A>(servers, count).await;
    has_come.unwrap_or_else(|TooLate(why)| panic!("{why}"));
}

/// Waits until so many stand in the queues.
async fn until_waiting<A: Adapter>(servers: &Servers, count: usize) -> Result<(), TooLate> {
    if A::scheduler().wait_until(SOON, || waiting(servers) == count).await {
        return Ok(());
    }
    Err(TooLate(format!("{} wait", waiting(servers))))
}

pub(crate) async fn who_waits_is_called_up_by_the_release_in_the_order_of_the_queue<A: Adapter>() {
    play(four_in_a_row::<A>).await;
}

async fn four_in_a_row<A: Adapter>() -> Result<(), TooLate> {
    let nodes = Fixture::start::<A>(3);
    let mut held = nodes.client.lock("job", TTL * 3).await.unwrap();
    let rivals: Vec<_> = (0..4).map(|_| A::client(&nodes.servers.urls())).collect();
    let mut waiters = Vec::new();
    for (number, rival) in rivals.iter().enumerate() {
        waiters.push(wait_for::<A>(rival, only_called_up()));
        until_waiting::<A>(&nodes.servers, number + 1).await?;
    }
    for waiter in waiters {
        held.release().await;
        held = waiter.await?;
    }
    held.release().await;
    assert_eq!(waiting(&nodes.servers), 0);
    Ok(())
}

pub(crate) async fn who_waits_for_several_names_is_called_up_and_holds_nobody_up<A: Adapter>() {
    play(one_for_two_names::<A>).await;
}

async fn one_for_two_names<A: Adapter>() -> Result<(), TooLate> {
    let nodes = Fixture::start::<A>(3);
    let rivals: Vec<_> = (0..2).map(|_| A::client(&nodes.servers.urls())).collect();
    let (job, other) = (nodes.client.lock("job", TTL * 3).await?, nodes.client.lock("other", TTL * 3).await?);
    let both = wait_for_all::<A>(&rivals[0], Resources::all(["job", "other"]), only_called_up());
    until_waiting::<A>(&nodes.servers, 1).await?;
    let one = wait_for::<A>(&rivals[1], only_called_up());
    until_waiting::<A>(&nodes.servers, 2).await?;
    job.release().await;
    let job = one.await?;
    until_waiting::<A>(&nodes.servers, 1).await?;
    other.release().await;
    job.release().await;
    both.await?.release().await;
    assert_eq!(waiting(&nodes.servers), 0);
    Ok(())
}

pub(crate) async fn who_waits_is_called_up_over_resp2<A: Adapter>() {
    play(two_over_resp2::<A>).await;
}

async fn two_over_resp2<A: Adapter>() -> Result<(), TooLate> {
    let nodes = Fixture::start::<A>(3);
    let held = nodes.client.lock("job", TTL * 3).await.unwrap();
    let urls: Vec<_> = nodes.servers.urls().iter().map(|url| format!("{url}?protocol=resp2")).collect();
    let rivals = [A::client(&urls), A::client(&urls)];
    let first = wait_for::<A>(&rivals[0], only_called_up());
    until_waiting::<A>(&nodes.servers, 1).await?;
    let second = wait_for::<A>(&rivals[1], only_called_up());
    until_waiting::<A>(&nodes.servers, 2).await?;
    held.release().await;
    first.await?.release().await;
    assert!(second.await?.is_valid());
    Ok(())
}

/// The connections that hear something on channels, each with its server.
fn subscribers(servers: &Servers) -> BTreeSet<(u16, String)> {
    let list = |server: &Server| {
        let (list, port) = (server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).unwrap(), server.port());
        let ids = list.split_whitespace().filter(|word| word.starts_with("id=")).map(str::to_owned);
        ids.map(|id| (port, id)).collect::<Vec<_>>()
    };
    servers.iter().flat_map(list).collect()
}

pub(crate) async fn whoever_hears_no_more_subscribes_again<A: Adapter>() {
    play(one_hears_no_more::<A>).await;
}

async fn one_hears_no_more<A: Adapter>() -> Result<(), TooLate> {
    let nodes = Fixture::start::<A>(3);
    let held = nodes.client.lock("job", TTL * 3).await.unwrap();
    let rival = A::client(&nodes.servers.urls());
    let waiter = wait_for::<A>(&rival, Options::new().wait(TTL * 3));
    until_waiting::<A>(&nodes.servers, 1).await?;
    let before = subscribers(&nodes.servers);
    assert_eq!(before.len(), 1);
    for server in nodes.servers.iter() {
        server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
    }
    let hears_again = || subscribers(&nodes.servers).difference(&before).next().is_some();
    assert!(A::scheduler().wait_until(SOON, hears_again).await, "it stays deaf");
    held.release().await;
    assert!(waiter.await.unwrap().is_valid());
    Ok(())
}

pub(crate) async fn who_gives_up_leaves_no_place_and_is_told_of_it<A: Adapter>() {
    play(one_gives_up::<A>).await;
}

async fn one_gives_up<A: Adapter>() -> Result<(), TooLate> {
    let nodes = Fixture::start::<A>(3);
    let held = nodes.client.lock("job", TTL * 3).await.unwrap();
    let rivals: Vec<_> = (0..2).map(|_| A::client(&nodes.servers.urls())).collect();
    let first = wait_for::<A>(&rivals[0], only_called_up());
    until_waiting::<A>(&nodes.servers, 1).await?;
    let refused = wait_for::<A>(&rivals[1], only_called_up().wait(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    let attempts = refused.attempts.as_ref().unwrap();
    assert_eq!(attempts.place(), Some(2), "{refused}");
    assert!(attempts.held_for().is_some_and(|held_for| held_for > TTL && held_for <= TTL * 3), "{refused}");
    wait_until_waiting::<A>(&nodes.servers, 1).await;
    held.release().await;
    assert!(first.await?.is_valid());
    Ok(())
}

/// Starts servers with a user of these rights, and returns its URLs.
pub(crate) fn with_user(rights: &[&str]) -> (Servers, Vec<String>) {
    let servers = Servers::start(3);
    for server in servers.iter() {
        let rules = [&["ACL", "SETUSER", "worker", "on", ">pass", "resetchannels"], rights].concat();
        server.command(&rules).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port())).collect();
    (servers, urls)
}

/// What a user needs to lock.
pub(crate) const LOCKING: [&str; 8] = ["~job", "+set", "+get", "+del", "+pttl", "+pexpire", "+eval", "+evalsha"];

/// What a user needs in addition to wait in queues.
pub(crate) const WAITING: [&str; 11] = [
    "~redlock:*",
    "&redlock:wake:*",
    "+hello",
    "+subscribe",
    "+publish",
    "+time",
    "+zadd",
    "+zrem",
    "+zrange",
    "+zrank",
    "+ping",
];

pub(crate) async fn a_user_with_the_rights_in_the_readme_is_called_up<A: Adapter>() {
    play(one_with_few_rights::<A>).await;
}

async fn one_with_few_rights<A: Adapter>() -> Result<(), TooLate> {
    let (servers, urls) = with_user(&[&LOCKING[..], &WAITING].concat());
    let held = A::client(&urls).lock("job", TTL * 3).await.unwrap();
    let rival = A::client(&urls);
    let waiter = wait_for::<A>(&rival, only_called_up());
    until_waiting::<A>(&servers, 1).await?;
    let report = held.release().await;
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
    assert!(waiter.await?.is_valid());
    Ok(())
}

async fn tries_now_and_then<A: Adapter>(rights: &[&str]) {
    let (_servers, urls) = with_user(rights);
    let (client, rival, third) = (A::client(&urls), A::client(&urls), A::client(&urls));
    let held = client.lock("job", TTL * 3).await.unwrap();
    let waiter = wait_for::<A>(&rival, Options::new().wait(TTL));
    let refused = third.lock_with("job", TTL, Options::new().attempts(2)).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    let report = held.release().await;
    assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
    assert!(waiter.await.unwrap().is_valid());
}

pub(crate) async fn a_user_without_channels_tries_now_and_then<A: Adapter>() {
    let without_channels = WAITING.iter().copied().filter(|right| !right.starts_with('&')).collect::<Vec<_>>();
    tries_now_and_then::<A>(&[&LOCKING[..], &without_channels].concat()).await;
}

pub(crate) async fn a_user_without_sorted_sets_tries_now_and_then<A: Adapter>() {
    let without_sets = WAITING.iter().copied().filter(|right| !right.starts_with("+z")).collect::<Vec<_>>();
    tries_now_and_then::<A>(&[&LOCKING[..], &without_sets].concat()).await;
}

pub(crate) async fn a_user_who_may_only_lock_tries_now_and_then<A: Adapter>() {
    tries_now_and_then::<A>(&LOCKING).await;
}
