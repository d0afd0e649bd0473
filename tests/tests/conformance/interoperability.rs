//! What other Redlock libraries do: Redisson keeps a hash.

use redlock_conformance::Refusal;
use redlock_driver::ReleaseVerdict;

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};

pub(crate) async fn a_lock_is_a_string_with_a_ttl_at_the_name_of_the_resource<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    let _guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    for server in nodes.servers.iter() {
        assert_eq!(server.command(&["TYPE", "job"]).unwrap(), "string");
        let millis: u128 = server.command(&["PTTL", "job"]).unwrap().parse().unwrap();
        assert!(millis > 0 && millis <= TTL.as_millis(), "{millis} ms");
    }
}

pub(crate) async fn a_key_of_another_type_is_somebody_elses_lock<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    for server in nodes.servers.iter() {
        server.command(&["HSET", "job", "owner", "1"]).unwrap();
    }
    let refused = nodes.client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");

    let guard = nodes.client.lock("other", TTL).await.unwrap();
    nodes.wait_until_everywhere("other");
    for server in nodes.servers.iter() {
        server.command(&["DEL", "other"]).unwrap();
        server.command(&["HSET", "other", "owner", "1"]).unwrap();
    }
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::TakenOver);
    assert!(nodes.servers.iter().all(|server| server.command(&["TYPE", "other"]).unwrap() == "hash"));
}
