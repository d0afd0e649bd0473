//! What is between a client and a server, and does not do what it should.

use std::time::Duration;

use redlock_conformance::Refusal;
use redlock_driver::{ReleaseVerdict, RestartGuard};
use redlock_tests::{Middlebox, Server, wait_until};

use crate::adapter::{Adapter, Address, Setting};
use crate::fixture::TTL;

/// So soon a connection that says nothing is given up here; every case has to wait for it.
const SILENCE: Duration = Duration::from_millis(200);
/// Far below the TTL of a lock.
const SOON: Duration = Duration::from_secs(5);

pub(crate) async fn replies_that_come_a_byte_at_a_time_are_read<A: Adapter>() {
    let server = Server::start();
    let middlebox = Middlebox::before(&server);
    middlebox.dribble();
    let client = A::client(&[middlebox.url()]);
    for _ in 0..3 {
        let mut guard = client.lock("job", TTL).await.unwrap();
        assert_eq!(client.try_lock("job", TTL).await.unwrap_err().kind, Refusal::Contended);
        guard.extend(TTL).await.unwrap();
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    }
}

pub(crate) async fn a_connection_that_takes_all_and_answers_nothing_is_replaced<A: Adapter>() {
    let server = Server::start();
    let middlebox = Middlebox::before(&server);
    let client = A::build(&[Address::Url(middlebox.url())], &[Setting::SilenceTimeout(SILENCE)]).unwrap();
    let kept = client.lock("kept", TTL).await.unwrap();
    client.lock("warm-up", TTL).await.unwrap().release().await;
    middlebox.swallow();
    drop(kept);
    assert_eq!(client.try_lock("job", TTL).await.unwrap_err().kind, Refusal::Unavailable);
    client.lock("job", TTL).await.expect("a new connection is as good as ever").release().await;
    let is_gone = || server.get("kept").unwrap().is_none();
    assert!(wait_until(SOON, is_gone), "the release that was swallowed is sent again");
}

pub(crate) async fn a_server_that_has_moved_is_followed_when_the_old_connection_is_silent<A: Adapter>() {
    let (old, new) = (Server::start(), Server::start());
    let middlebox = Middlebox::before(&old);
    // It knows nothing of what the old one had granted, which does not matter here.
    let settings = [Setting::SilenceTimeout(SILENCE), Setting::RestartGuard(RestartGuard::OFF)];
    let client = A::build(&[Address::Url(middlebox.url())], &settings).unwrap();
    client.lock("warm-up", TTL).await.unwrap().release().await;
    middlebox.move_to(&new);
    let guard = client.lock("job", TTL).await.unwrap();
    assert!(new.get("job").unwrap().is_some() && old.get("job").unwrap().is_none());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn a_server_that_is_a_replica_by_now_is_left_for_the_one_in_its_place<A: Adapter>() {
    let (old, new) = (Server::start(), Server::start());
    let middlebox = Middlebox::before(&old);
    let settings = [Setting::RestartGuard(RestartGuard::OFF)];
    let client = A::build(&[Address::Url(middlebox.url())], &settings).unwrap();
    client.lock("warm-up", TTL).await.unwrap().release().await;
    old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).unwrap();
    let refused = client.try_lock("job", TTL).await.unwrap_err().to_string();
    assert!(refused.contains("a read-only replica, name its master instead"), "{refused}");
    middlebox.lead_to(&new);
    let guard = client.lock("job", TTL).await.unwrap();
    assert!(new.get("job").unwrap().is_some());
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}
