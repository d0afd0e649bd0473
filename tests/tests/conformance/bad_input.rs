//! What is refused before anything is sent.

use std::time::Duration;

use redlock_driver::{
    AcquireError, BuildError, ConfigError, ExtendError, NodeTimeout, Options, RequestError, RetryDelay,
};

use crate::adapter::{Adapter, Builder, Redlock};
use crate::fixture::{Fixture, TTL};

fn refused<A: Adapter>(builder: Builder<A>) -> BuildError {
    builder.build().expect_err("this cannot be built")
}

pub(crate) async fn a_list_of_nodes_that_is_none_is_refused<A: Adapter>() {
    assert_eq!(refused::<A>(A::builder([])), BuildError::Config(ConfigError::NoNodes));
    let twice = ["redis://127.0.0.1:1", "redis://127.0.0.1:2", "redis://user@127.0.0.1:1/3"].map(String::from);
    let name = String::from("127.0.0.1:1");
    assert_eq!(refused::<A>(A::builder(twice)), BuildError::Config(ConfigError::DuplicateNode { name }));
}

pub(crate) async fn a_url_that_is_none_is_named_without_its_password<A: Adapter>() {
    for url in
        ["", "127.0.0.1", "http://host", "redis://", "redis://:pass@host:port", "redis://:pass@host/db", "unix://"]
    {
        let error = refused::<A>(Redlock::<A>::builder().node(A::url(url)));
        let BuildError::Node { node, reason } = &error else { panic!("{error}") };
        assert!(!reason.is_empty() && !error.to_string().contains("pass"), "{error}");
        assert_eq!(*node, url.replace(":pass@", "***@"));
    }
}

pub(crate) async fn settings_out_of_their_bounds_are_refused<A: Adapter>() {
    let builder = || A::builder([String::from("redis://127.0.0.1:1")]);
    for error in [
        refused::<A>(builder().drift_factor(1.0)),
        refused::<A>(builder().max_ttl(Duration::ZERO)),
        refused::<A>(builder().max_name_len(0)),
        refused::<A>(builder().node_timeout(NodeTimeout::fixed(Duration::ZERO))),
    ] {
        assert!(matches!(error, BuildError::Config(_)), "{error}");
    }
}

pub(crate) async fn a_request_out_of_its_bounds_is_refused_and_nothing_is_sent<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let day = Duration::from_secs(86_400);
    let long = "x".repeat(513);
    let options = Options::new();
    let backwards = RetryDelay::new(Duration::from_secs(1), Duration::from_millis(1));
    for (name, ttl, options) in [
        ("", TTL, options),
        (&long, TTL, options),
        ("job", Duration::ZERO, options),
        ("job", Duration::from_micros(999), options),
        ("job", Duration::from_millis(2), options),
        ("job", day + Duration::from_nanos(1), options),
        ("job", Duration::MAX, options),
        ("job", TTL, options.attempts(0)),
        ("job", TTL, options.min_validity(TTL)),
        ("job", TTL, options.retry_delay(backwards)),
    ] {
        let error = nodes.redlock.lock(name, ttl).options(options).await.unwrap_err();
        assert!(matches!(error, AcquireError::Request(_)), "{error}");
    }
    nodes.redlock.close().await;
    for server in nodes.servers.iter() {
        assert!(!server.command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_set:"));
    }
}

pub(crate) async fn an_extension_with_a_bad_ttl_changes_nothing<A: Adapter>() {
    let nodes = Fixture::<A>::start(1);
    let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
    let deadline = guard.deadline();
    let error = guard.extend(Duration::ZERO).await.unwrap_err();
    assert_eq!(error, ExtendError::Request(RequestError::TtlTooShort { ttl: Duration::ZERO }));
    assert_eq!(guard.deadline(), deadline);
    assert!(guard.extend(TTL).await.is_ok());
}
