//! What redis-rs does by itself, seen without the driver.

use std::time::Duration;

use redlock_core::slots::slot_of;
use redlock_core::{Config, Instant, Lock, Options, Request};
use redlock_tests::wait_until;
use redlock_tokio::transport::{Command, Connection, Reply, Transport};
use redlock_tokio::{Cause, ReleaseVerdict};

use crate::fixture::{Cluster, SOON, TTL};
use crate::kind::Kind;

fn set(name: &str) -> Command {
    let config = Config::builder(["only"]).build().unwrap();
    let request = Request::new(&config, name, Duration::from_secs(10), Options::new()).unwrap();
    Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap()
}

/// Returns names that the first of three masters serves.
fn names() -> impl Iterator<Item = String> {
    (0..).map(|number: u32| format!("job:{number}")).filter(|name| slot_of(name.as_bytes()) < 5_461)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_over_a_connection_that_redis_rs_has_opened_by_itself_does_not_count() {
    let (cluster, names) = (Cluster::start(3), names().take(2).collect::<Vec<_>>());
    let mut transport = Kind::redis_node(&cluster.urls(), "resp3").into_transport().unwrap();
    let mut connection = transport.connect().await.unwrap();
    assert_eq!(connection.send(vec![set(&names[0])]).await.unwrap(), [Reply::Done]);

    let master = &cluster.masters[0];
    let clients = |text: &str| master.command(&["CLIENT", "LIST"]).unwrap().matches(text).count();
    assert_eq!(clients("name=redlock:"), 1);
    master.command(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
    assert!(wait_until(SOON, || clients("cmd=ping") == 1), "it does not connect again");
    assert_eq!(clients("name=redlock:"), 0);

    let replies = connection.send(vec![set(&names[1])]).await.unwrap();
    assert!(master.get(&names[1]).unwrap().is_some(), "it is carried out");
    let [Reply::Unavailable(why)] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!((why.cause(), why.proves_untouched()), (Cause::Disconnected, false), "{why}");
}

#[test]
fn on_async_std_it_is_the_same_node() {
    let (cluster, names) = (Cluster::start(3), names().take(1).collect::<Vec<_>>());
    async_std::task::block_on(async {
        let node = Kind::redis_node(&cluster.urls(), "resp3");
        let redlock = redlock_async_std::Redlock::builder().node(node).build().unwrap();
        let guard = redlock.lock(&names[0], TTL).wait(SOON).await.unwrap();
        assert_eq!(cluster.holder_of(&names[0]), Some(0));
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
        redlock.close().await;
    });
}
