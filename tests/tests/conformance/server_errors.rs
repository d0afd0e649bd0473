//! What servers may say instead of doing what they are asked to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use redlock_conformance::{Client, Refusal};
use redlock_driver::{Cause, Outcome, ReleaseVerdict};
use redlock_tests::{Server, Servers};

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};

/// Tries to lock, and asserts that all nodes fail for this cause.
async fn assert_unavailable(client: &Client, nodes: usize, cause: Cause) -> String {
    let error = client.try_lock("job", TTL).await.unwrap_err();
    assert_eq!(error.kind, Refusal::Unavailable, "{error}");
    let attempts = error.attempts.as_ref().unwrap();
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == cause);
    assert!(attempts.nodes.count(failed) > nodes / 2, "{error}");
    error.to_string()
}

pub(crate) async fn a_missing_or_wrong_password_is_named_and_never_shown<A: Adapter>() {
    let servers = Server::builder().password("open-sesame").start_many(3);
    let with_password = |user: &str, protocol: &str| {
        let urls = servers.iter().map(|server| format!("redis://{user}127.0.0.1:{}{protocol}", server.port()));
        A::client(&urls.collect::<Vec<_>>())
    };
    for protocol in ["", "?protocol=resp2"] {
        for wrong in ["", ":let-me-in@", "nobody:let-me-in@"] {
            let client = with_password(wrong, protocol);
            let text = assert_unavailable(&client, 3, Cause::NotAuthenticated).await;
            assert!(text.contains("check user and password") && !text.contains("let-me-in"), "{text}");
            assert!(!format!("{client:?}").contains("let-me-in"));
        }
        for right in [":open-sesame@", "default:open-sesame@"] {
            assert!(with_password(right, protocol).lock("job", TTL).await.is_ok());
        }
    }
}

pub(crate) async fn scripts_that_the_servers_forgot_are_sent_again<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    for round in 0..3 {
        let mut guard = nodes.client.lock("job", TTL).await.unwrap();
        guard.extend(TTL * 2).await.unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        guard.extend(TTL * 3).await.unwrap();
        for server in nodes.servers.iter() {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
        assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released, "round {round}");
        nodes.assert_gone("job");
    }
}

pub(crate) async fn a_replica_is_no_master<A: Adapter>() {
    let nodes = Fixture::start::<A>(4);
    let master = nodes.servers[3].port().to_string();
    for server in &nodes.servers[..3] {
        server.command(&["REPLICAOF", "127.0.0.1", &master]).unwrap();
    }
    let replicas = A::client(&nodes.servers.urls()[..3]);
    let text = assert_unavailable(&replicas, 3, Cause::ReadOnly).await;
    assert!(text.contains("name its master instead"), "{text}");
}

pub(crate) async fn without_memory_there_is_no_new_lock_but_a_held_one_goes_on<A: Adapter>() {
    let nodes = Fixture::start::<A>(3);
    let mut guard = nodes.client.lock("held", TTL).await.unwrap();
    nodes.wait_until_everywhere("held");
    for server in nodes.servers.iter() {
        server.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    }
    assert_unavailable(&nodes.client, 3, Cause::OutOfMemory).await;
    guard.extend(TTL * 2).await.unwrap();
    assert!(guard.remaining() > TTL);
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn a_user_without_the_right_to_publish_can_release<A: Adapter>() {
    let servers = Servers::start(3);
    for server in servers.iter() {
        let rules = ["ACL", "SETUSER", "worker", "on", ">pass", "~*", "+@all", "-publish"];
        server.command(&rules).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port()));
    let client = A::client(&urls.collect::<Vec<_>>());
    let guard = client.lock("job", TTL).await.unwrap();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
}

pub(crate) async fn a_user_without_the_right_to_the_key_is_told_so<A: Adapter>() {
    let servers = Servers::start(3);
    for server in servers.iter() {
        server.command(&["ACL", "SETUSER", "worker", "on", ">pass", "~lock:*", "+@all"]).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port()));
    let client = A::client(&urls.collect::<Vec<_>>());
    let text = assert_unavailable(&client, 3, Cause::NoPermission).await;
    assert!(text.contains("check the user's ACL"), "{text}");
    assert!(client.try_lock("lock:job", TTL).await.is_ok());
}

/// Starts three servers with a user of these rights, and a client that logs in as this user.
fn restricted<A: Adapter>(rights: &[&str]) -> (Servers, Client) {
    let servers = Servers::start(3);
    for server in servers.iter() {
        let rules = ["ACL", "SETUSER", "worker", "on", ">pass"];
        server.command(&[&rules, rights].concat()).unwrap();
    }
    let urls = servers.iter().map(|server| format!("redis://worker:pass@127.0.0.1:{}", server.port()));
    let client = A::client(&urls.collect::<Vec<_>>());
    (servers, client)
}

pub(crate) async fn a_user_who_could_not_release_gets_no_lock<A: Adapter>() {
    for keys in ["~*", "~lock:*"] {
        for command in ["evalsha", "eval", "del", "get"] {
            let (servers, client) = restricted::<A>(&[keys, "+@all", &format!("-{command}")]);
            let text = assert_unavailable(&client, 3, Cause::NoPermission).await;
            assert!(text.to_lowercase().contains(command), "{command}: {text}");
            assert!(servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0"), "a key is left behind");
        }
    }
}

pub(crate) async fn a_server_without_scripts_has_no_vote<A: Adapter>() {
    let servers = ["EVAL", "EVALSHA"].map(|command| Server::builder().without_command(command).start());
    let url = |server: &Server| format!("redis://127.0.0.1:{}", server.port());

    let client = A::client(&servers.iter().map(url).collect::<Vec<_>>());
    let error = client.lock("job", TTL).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("EVAL") && text.contains("a command that locks need is not known"), "{text}");

    let whole = Servers::start(2);
    let client = A::client(&[url(&servers[0]), url(&whole[0]), url(&whole[1])]);
    let guard = client.lock("job", TTL).await.unwrap();
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    assert!(servers.iter().all(|server| server.get("job").unwrap().is_none()), "it was asked for a lock");
}

/// One fault has the same words in every adapter: the most precise ones, on one line, and without anything of Rust's.
pub(crate) async fn a_fault_has_the_same_words_everywhere<A: Adapter>() {
    let full = Server::builder().arg("--maxclients", "1").start();
    let _only = occupy(&full);
    let plain = Server::start();
    let web = answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let (alert, closed) = (answering(b"\x15\x03\x03\x00\x02\x02\x46"), answering(b""));
    for (url, words) in [
        (String::from("redis://127.0.0.1:1"), "connection refused"),
        (format!("redis://127.0.0.1:{}", full.port()), "(ERR max number of clients reached)"),
        (format!("redis://127.0.0.1:{}/1", full.port()), "(ERR max number of clients reached)"),
        // Over RESP2 redis-rs may find the connection closed before it has sent anything: then it is said in our words.
        (format!("redis://127.0.0.1:{}?protocol=resp2", full.port()), "max number of clients"),
        (format!("redis://:word@127.0.0.1:{}/1?protocol=resp2", full.port()), "max number of clients"),
        (format!("redis://127.0.0.1:{}/99", plain.port()), "there is no database of that number"),
        (format!("redis://127.0.0.1:{web}"), "is this a Redis server?"),
        // So a server that speaks TLS refuses a client that does not, and the other way round.
        (format!("redis://127.0.0.1:{alert}"), "write rediss://"),
        (format!("redis://127.0.0.1:{closed}"), "if it speaks TLS, write rediss://"),
        (format!("rediss://127.0.0.1:{web}"), "the server does not speak TLS: write redis://"),
    ] {
        let text = A::client(std::slice::from_ref(&url)).try_lock("job", TTL).await.unwrap_err().to_string();
        assert!(text.to_lowercase().contains(&words.to_lowercase()), "{url}: {words}: {text}");
        assert!(!text.contains('\n') && !text.contains("Os {") && !text.contains("os error"), "{text}");
    }
}

/// A client that does not speak RESP2 by itself then says how to make it.
pub(crate) async fn a_server_without_hello_is_spoken_to_or_explained<A: Adapter>() {
    let old = Server::builder().without_command("HELLO").start();
    match A::client(&[old.url()]).try_lock("job", TTL).await {
        Ok(guard) => assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released),
        Err(error) => assert!(error.to_string().contains("protocol=resp2"), "{error}"),
    }
}

/// Takes the one place of a server, as soon as the client is gone that waited for its start.
fn occupy(server: &Server) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        let mut answer = [0; 7];
        let is_served = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer)).is_ok();
        if is_served && answer == *b"+PONG\r\n" {
            return stream;
        }
    }
}

/// Starts a server that answers whatever is said with this and goes, for as long as the test runs.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    port
}

/// The budget is 30 seconds by default; an error that somebody has to act on comes at once.
pub(crate) async fn what_waiting_cannot_cure_is_said_at_once<A: Adapter>() {
    let fail = async |client: &Client, cause: Cause| {
        let error = client.lock("job", TTL).await.unwrap_err();
        assert_eq!(error.kind, Refusal::Unavailable, "{error}");
        let attempts = error.attempts.as_ref().unwrap();
        assert_eq!(attempts.count, 1, "{error}");
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == cause);
        assert!(attempts.nodes.count(failed) >= 2, "{error}");
    };
    let client = |servers: &Servers, path: &str| {
        let urls = servers.iter().map(|server| format!("redis://127.0.0.1:{}{path}", server.port()));
        A::client(&urls.collect::<Vec<_>>())
    };
    let passwords = Server::builder().password("open-sesame").start_many(3);
    fail(&client(&passwords, ""), Cause::NotAuthenticated).await;

    let plain = Servers::start(3);
    fail(&client(&plain, "/99"), Cause::NoDatabase).await;

    let members = Server::builder().arg("--cluster-enabled", "yes").start_many(3);
    fail(&client(&members, ""), Cause::Cluster).await;

    let (_servers, client) = restricted::<A>(&["~*", "+@all", "-set"]);
    fail(&client, Cause::NoPermission).await;
}
