//! What servers may say instead of doing what they are asked to.

use redlock_blocking::{BuildError, ConfigError, Redlock, ReleaseVerdict};
use redlock_tests::Server;

use crate::fixture::{Fixture, TTL};

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
fn nodes_that_are_none_are_refused_without_showing_a_password() {
    let refused = |url: &str| Redlock::builder().node(url).build().expect_err("this cannot be built");
    for url in ["", "127.0.0.1", "http://host", "redis://:let-me-in@host:port", "rediss://:let-me-in@host#insecure"] {
        let error = refused(url);
        assert!(matches!(error, BuildError::Node { .. }) && !error.to_string().contains("let-me-in"), "{error}");
    }
    let twice = ["redis://127.0.0.1:1", "redis://127.0.0.1:2", "redis://user:word@127.0.0.1:1/3"];
    let error = Redlock::builder().nodes(twice).build().expect_err("this cannot be built");
    assert_eq!(error, BuildError::Config(ConfigError::DuplicateNode { name: "127.0.0.1:1".into() }));
}
