//! What is refused before anything is sent.

use std::time::Duration;

use redlock_conformance::{Client, Refusal};
use redlock_driver::{ConfigError, NodeTimeout, Options, RetryDelay};

use crate::adapter::{Adapter, Address, Setting, Unbuildable};
use crate::fixture::{Fixture, TTL};

fn refused(result: Result<Client, Unbuildable>) -> Unbuildable {
    result.expect_err("this cannot be built")
}

fn urls(urls: &[&str]) -> Vec<Address> {
    urls.iter().map(|&url| Address::Url(url.into())).collect()
}

pub(crate) async fn a_list_of_nodes_that_is_none_is_refused<A: Adapter>() {
    assert_eq!(refused(A::build(&[], &[])), Unbuildable::Config(ConfigError::NoNodes));
    let twice = urls(&["redis://127.0.0.1:1", "redis://127.0.0.1:2", "redis://user:word@127.0.0.1:1/3"]);
    let name = String::from("127.0.0.1:1");
    assert_eq!(refused(A::build(&twice, &[])), Unbuildable::Config(ConfigError::DuplicateNode { name }));
    let capitals = urls(&["redis://localhost:1", "redis://LocalHost:1"]);
    let name = String::from("localhost:1");
    assert_eq!(refused(A::build(&capitals, &[])), Unbuildable::Config(ConfigError::DuplicateNode { name }));
}

pub(crate) async fn a_url_that_is_none_is_named_without_its_password<A: Adapter>() {
    for (url, shown) in [
        ("", "\"\""),
        ("127.0.0.1", "127.0.0.1"),
        ("http://host", "http://host"),
        ("redis://", "redis://"),
        ("redis://:word@host:port", "redis://***"),
        ("redis://:word@host/db", "redis://***@host/db"),
        ("redis://:sec#word@host", "redis://***"),
        ("unix://", "unix://"),
    ] {
        let error = refused(A::build(&urls(&[url]), &[]));
        let Unbuildable::Node { node, reason, text } = &error else { panic!("{error:?}") };
        assert!(!reason.is_empty() && !text.contains(":word") && !text.contains("sec#"), "{text}");
        assert_eq!(node, shown);
    }
}

pub(crate) async fn a_url_means_the_same_everywhere_or_is_refused<A: Adapter>() {
    for url in [
        "redis://127.0.0.1:1/3",
        "redis://127.0.0.1:1?db=3",
        "redis://:word@127.0.0.1:1",
        "redis://user:wo%40rd@127.0.0.1:1/0",
        "valkey://127.0.0.1:1?protocol=resp2",
        "redis://[::1]:1/",
        "unix:///run/redis.sock?db=3&user=user&pass=word",
    ] {
        assert!(A::build(&urls(&[url]), &[]).is_ok(), "{url}");
    }
    for url in [
        "redis://127.0.0.1?timeot=5",
        "redis://127.0.0.1?password=word",
        "redis://127.0.0.1#insecure",
        "rediss://127.0.0.1#insecure",
        "redis://127.0.0.1/0/",
        "redis://127.0.0.1/1?db=2",
        "redis://user@127.0.0.1",
        "redis://user:@127.0.0.1",
        "redis://:wo%zrd@127.0.0.1",
        "redis://127.0.0.1/256",
        "unix:///run/redis.sock?user=user",
    ] {
        assert!(matches!(refused(A::build(&urls(&[url]), &[])), Unbuildable::Node { .. }), "{url}");
    }
}

/// Passwords as they are when somebody forgets to write the marks of a URL with their numbers.
pub(crate) async fn no_part_of_a_password_is_shown<A: Adapter>() {
    let known = ["QZX#9QZ", "QZX@9:Q/Z", "QZX?9QZ", "QZX/9QZ", "QZX%9QZ", "QZX%40QZ", "QZX9Q", "1234#QZX", "QZX=9&QZ"];
    let seed = fastrand::u64(..);
    println!("passwords from seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let drawn = (0..64).map(|_| password(&mut random));
    for password in known.map(String::from).into_iter().chain(drawn) {
        for url in [
            format!("redis://:{password}@host:1"),
            format!("redis://user:{password}@host/x"),
            format!("redis://host?password={password}"),
            format!("unix:///run/redis.sock?pass={password}"),
        ] {
            let shown = match A::build(&urls(&[&url]), &[]) {
                Ok(client) => format!("{client:?}"),
                Err(error) => format!("{error:?}"),
            };
            assert!(!shown.contains("QZ") && !shown.contains("1234"), "{url}: {shown}");
        }
    }
}

/// Letters that stand in no message, between marks that mean something in a URL.
fn password(random: &mut fastrand::Rng) -> String {
    let marks = ["#", "@", ":", "/", "?", "%", "&", "=", "%40", "9"];
    let mut part =
        || ["QZX", random.choice(marks).unwrap_or_default(), random.choice(marks).unwrap_or_default()].concat();
    (0..3).map(|_| part()).collect::<Vec<_>>().concat()
}

pub(crate) async fn settings_out_of_their_bounds_are_refused<A: Adapter>() {
    for setting in [
        Setting::DriftFactor(1.0),
        Setting::MaxTtl(Duration::ZERO),
        Setting::MaxNameLen(0),
        Setting::NodeTimeout(NodeTimeout::fixed(Duration::ZERO)),
    ] {
        let error = refused(A::build(&urls(&["redis://127.0.0.1:1"]), &[setting]));
        assert!(matches!(error, Unbuildable::Config(_)), "{error:?}");
    }
}

pub(crate) async fn a_request_out_of_its_bounds_is_refused_and_nothing_is_sent<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
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
        let refused = nodes.client.lock_with(name, ttl, options).await.unwrap_err();
        assert_eq!(refused.kind, Refusal::Request, "{refused}");
    }
    nodes.client.close().await;
    for server in nodes.servers.iter() {
        assert!(!server.command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_set:"));
    }
}
