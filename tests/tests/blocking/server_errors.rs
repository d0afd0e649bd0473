//! What servers may say instead of doing what they are asked to.

use std::time::Duration;

use redlock_blocking::{AcquireError, BuildError, Cause, ConfigError, Outcome, Redlock, ReleaseVerdict};
use redlock_tests::Server;

use crate::fixture::{Fixture, TTL};

/// Tries to lock, and asserts that a quorum fails for this cause.
fn assert_unavailable(redlock: &Redlock, cause: Cause) -> String {
    let error = redlock.try_lock("job", TTL).unwrap_err();
    let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == cause);
    assert!(attempts.nodes.count(failed) >= redlock.config().quorum(), "{error}");
    error.to_string()
}

#[test]
fn a_missing_or_wrong_password_is_named_and_never_shown() {
    let servers = Server::builder().password("open-sesame").start_many(3);
    let with_password = |user: &str, rest: &str| {
        let urls = servers.iter().map(|server| format!("redis://{user}127.0.0.1:{}{rest}", server.port()));
        Redlock::builder().nodes(urls).build().unwrap()
    };
    for protocol in ["", "?protocol=resp2"] {
        for wrong in ["", ":let-me-in@", "nobody:let-me-in@"] {
            let redlock = with_password(wrong, protocol);
            let text = assert_unavailable(&redlock, Cause::NotAuthenticated);
            assert!(text.contains("check user and password") && !text.contains("let-me-in"), "{text}");
            assert!(!format!("{redlock:?}").contains("let-me-in"));
        }
        for right in [":open-sesame@", "default:open-sesame@"] {
            assert!(with_password(right, protocol).lock("job", TTL).is_ok());
        }
    }
}

#[test]
fn the_database_of_the_url_is_used() {
    let server = Server::start();
    let redlock = Redlock::builder().node(server.url() + "/3").build().unwrap();
    let _guard = redlock.lock("job", TTL).unwrap();
    assert!(server.command(&["INFO", "keyspace"]).unwrap().contains("db3:keys=1"));
}

#[test]
fn scripts_that_the_servers_forgot_are_sent_again() {
    let nodes = Fixture::start(3);
    for round in 0..3 {
        let mut guard = nodes.redlock.lock("job", TTL).unwrap();
        guard.extend(TTL * 2).unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        guard.extend(TTL * 3).unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        if round == 0 {
            // Somebody has to hear that the script is missing after the guard is gone.
            drop(guard);
        } else {
            assert_eq!(guard.release().verdict, ReleaseVerdict::Released, "round {round}");
        }
        nodes.assert_gone("job");
    }
}

#[test]
fn a_key_of_another_type_is_somebody_elses_lock() {
    let nodes = Fixture::start(3);
    for server in nodes.servers.iter() {
        server.command(&["HSET", "job", "owner", "1"]).unwrap();
    }
    let error = nodes.redlock.try_lock("job", TTL).unwrap_err();
    assert!(matches!(error, AcquireError::Contended(_)), "{error}");
}

#[test]
fn nodes_that_are_none_are_refused_without_showing_a_password() {
    let refused = |url: &str| Redlock::builder().node(url).build().expect_err("this cannot be built");
    for url in ["", "127.0.0.1", "http://host", "redis://:pass@host:port", "rediss://:pass@host#insecure"] {
        let error = refused(url);
        assert!(matches!(error, BuildError::Node { .. }) && !error.to_string().contains("pass"), "{error}");
    }
    let twice = ["redis://127.0.0.1:1", "redis://127.0.0.1:2", "redis://user@127.0.0.1:1/3"];
    let error = Redlock::builder().nodes(twice).build().expect_err("this cannot be built");
    assert_eq!(error, BuildError::Config(ConfigError::DuplicateNode { name: "127.0.0.1:1".into() }));
}

#[test]
fn a_request_out_of_its_bounds_is_refused_and_nothing_is_sent() {
    let nodes = Fixture::start(1);
    for (name, ttl) in [("", TTL), ("job", TTL * 100_000), ("job", Duration::ZERO)] {
        let error = nodes.redlock.lock(name, ttl).unwrap_err();
        assert!(matches!(error, AcquireError::Request(_)), "{error}");
    }
    nodes.redlock.close();
    assert!(!nodes.servers[0].command(&["INFO", "commandstats"]).unwrap().contains("cmdstat_set:"));
}
