//! How a lock stands, where it takes a real server to show it.

use std::time::{Duration, Instant};

use redlock_conformance::Client;
use redlock_core::{Cause, Holder, KeyStatus, LockState, LockStatus, Options, Owner, ReleaseVerdict};
use redlock_tests::Servers;

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};
use crate::waiting::{LOCKING, WAITING, wait_for, wait_until_waiting, with_user};

const SOON: Duration = Duration::from_secs(10);

/// What a user needs in addition to see how many wait.
const LOOKING: [&str; 1] = ["+zcard"];

/// Asks until all nodes have answered as they can be expected to.
async fn status(client: &Client, is_expected: impl Fn(&KeyStatus) -> bool) -> LockStatus {
    let begin = Instant::now();
    loop {
        let status = client.status("job").await.unwrap();
        if status.nodes().all(|(_, _, node)| is_expected(&node.key)) {
            return status;
        }
        assert!(begin.elapsed() < SOON, "{}", status.by_node());
    }
}

async fn answered(client: &Client) -> LockStatus {
    status(client, |key| !matches!(key, KeyStatus::Unavailable(_))).await
}

fn held_by(status: &LockStatus) -> Option<Holder> {
    match status.state() {
        LockState::Held { by, .. } => Some(by),
        _ => None,
    }
}

pub(crate) async fn a_key_of_another_type_is_told_from_a_lock<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    nodes.servers[0].command(&["HSET", "job", "owner", "1"]).unwrap();
    nodes.servers[1].command(&["HSET", "job", "owner", "1"]).unwrap();
    nodes.servers[1].command(&["PEXPIRE", "job", "60000"]).unwrap();
    let status = answered(&nodes.client).await;
    assert_eq!(status.state(), LockState::OtherType, "{status:?}");
    let keys: Vec<_> = status.nodes().map(|(_, _, node)| node.key.clone()).collect();
    assert!(matches!(keys[0], KeyStatus::OtherType { remaining: None, .. }), "{status:?}");
    assert!(matches!(keys[1], KeyStatus::OtherType { remaining: Some(_), .. }), "{status:?}");
    assert_eq!(keys[2], KeyStatus::Free);

    // A key without an end, and one that is about to end.
    nodes.servers[0].command(&["SET", "job", "theirs"]).unwrap();
    nodes.servers[1].command(&["SET", "job", "another's", "PX", "60000"]).unwrap();
    let status = answered(&nodes.client).await;
    assert_eq!(status.state(), LockState::Split, "{status:?}");
    nodes.servers[1].command(&["SET", "job", "theirs"]).unwrap();
    let status = answered(&nodes.client).await;
    assert_eq!(status.to_string(), "held by another on 2 of 3 nodes without an end");
    assert_eq!(nodes.keys("job"), 2, "nothing was changed");
}

pub(crate) async fn scripts_that_the_servers_forgot_are_sent_again<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    assert!(answered(&nodes.client).await.is_free());
    nodes.servers.iter().for_each(|server| drop(server.command(&["SCRIPT", "FLUSH"]).unwrap()));
    assert!(answered(&nodes.client).await.is_free());
}

/// How many keys there are on all servers.
fn all_keys(servers: &Servers) -> usize {
    servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap().parse::<usize>().unwrap()).sum()
}

pub(crate) async fn those_who_wait_are_counted<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    let held = nodes.client.lock("job", TTL * 3).await.unwrap();
    nodes.wait_until_everywhere("job");
    assert_eq!(answered(&nodes.client).await.waiting(), Some(0));
    let rivals: Vec<_> = (0..2).map(|_| A::client(&nodes.servers.urls())).collect();
    let mut waiters = Vec::new();
    for (number, rival) in rivals.iter().enumerate() {
        waiters.push(wait_for::<A>(rival, Options::new().wait(TTL * 3)));
        wait_until_waiting::<A>(&nodes.servers, number + 1).await;
    }
    let before = all_keys(&nodes.servers);
    for (client, holder) in [(&nodes.client, Holder::ThisHandle), (&rivals[0], Holder::Another)] {
        let status = answered(client).await;
        assert_eq!((held_by(&status), status.waiting()), (Some(holder), Some(2)), "{status}");
        let homes = status.nodes().filter(|(_, _, node)| node.waiting == Some(2)).count();
        assert_eq!(homes, 1, "{}", status.by_node());
    }
    assert_eq!(all_keys(&nodes.servers), before, "nothing was changed");
    held.release().await;
    for waiter in waiters {
        waiter.await.unwrap().release().await;
    }
    assert_eq!(answered(&nodes.client).await.waiting(), Some(0));
}

pub(crate) async fn a_user_with_the_rights_in_the_readme_sees_all<A: Adapter>() {
    let (servers, urls) = with_user(&[&LOCKING[..], &WAITING, &LOOKING].concat());
    let client = A::client(&urls);
    let _guard = client.lock("job", TTL).await.unwrap();
    let status = answered(&client).await;
    assert_eq!((held_by(&status), status.waiting()), (Some(Holder::ThisHandle), Some(0)), "{}", status.by_node());
    drop(servers);
}

pub(crate) async fn a_user_who_may_only_lock_sees_the_lock_and_not_the_queue<A: Adapter>() {
    let (servers, urls) = with_user(&LOCKING);
    let (client, rival) = (A::client(&urls), A::client(&urls));
    let _guard = client.lock("job", TTL).await.unwrap();
    for (client, holder) in [(client, Holder::ThisHandle), (rival, Holder::Another)] {
        let status = answered(&client).await;
        assert_eq!((held_by(&status), status.waiting()), (Some(holder), None), "{}", status.by_node());
    }
    drop(servers);
}

/// What a user needs in addition to show a label, and to see one.
const LABELLING: [&str; 1] = ["~redlock:owner:*"];

pub(crate) async fn a_label_needs_the_right_to_its_keys_and_the_lock_does_not<A: Adapter>() {
    let owner = Owner::new("host-7/billing").unwrap();
    for (rights, expected) in [(&LABELLING[..], Some(&owner)), (&[], None)] {
        let (servers, urls) = with_user(&[&LOCKING[..], rights].concat());
        let client = A::client(&urls);
        let guard = client.lock_as(owner.clone(), "job", TTL, Options::new()).await.unwrap();
        // Commands reach a node in order, so each has been asked for the lock before.
        let status = status(&client, |key| matches!(key, KeyStatus::Held { .. })).await;
        assert_eq!((held_by(&status), status.owner()), (Some(Holder::ThisHandle), expected), "{}", status.by_node());
        let report = guard.release().await;
        assert_eq!(report.verdict, ReleaseVerdict::Released, "{report}");
        drop(servers);
    }
}

pub(crate) async fn a_label_that_another_program_wrote_is_shown_escaped<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    for server in nodes.servers.iter() {
        server.command(&["SET", "job", "theirs", "PX", "60000"]).unwrap();
        // In front of it are 16 digits of the SHA1 of the value.
        let label = b"d16d74303205ee18\x1b[2J\xff".as_slice();
        server.command(&[b"SET".as_slice(), b"redlock:owner:{job}", label]).unwrap();
    }
    let status = answered(&nodes.client).await;
    assert!(status.to_string().starts_with(r"held by \u{1b}[2J\xff on 3 of 3 nodes"), "{status}");
    nodes.servers.iter().for_each(|server| drop(server.command(&["SET", "job", "another's"]).unwrap()));
    let status = answered(&nodes.client).await;
    assert_eq!((held_by(&status), status.owner()), (Some(Holder::Another), None), "it is not the label of this value");
}

pub(crate) async fn a_user_without_the_right_to_the_key_is_told_so<A: Adapter>() {
    let (servers, urls) = with_user(&["~lock:*", "+@all"]);
    let denied = |key: &KeyStatus| matches!(key, KeyStatus::Unavailable(why) if why.cause() == Cause::NoPermission);
    assert_eq!(status(&A::client(&urls), denied).await.state(), LockState::Unknown);
    drop(servers);
}
