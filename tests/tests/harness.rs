//! The harness itself: what it starts, stops and leaves behind.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use redlock_tests::{Server, Servers, wait_until};
use rustix::process::{Pid, test_kill_process};

/// Short, for a server that is known not to answer.
const SHORT: Duration = Duration::from_millis(30);

fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process number");
    test_kill_process(pid).is_ok()
}

#[test]
fn a_server_answers_as_soon_as_it_is_started() {
    let server = Server::start();
    assert!(server.is_running());
    assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
    assert_eq!(server.command(&["DBSIZE"]).unwrap(), "0");
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
}

#[test]
fn replies_of_all_kinds_are_read() {
    let server = Server::start();
    assert_eq!(server.command(&["SET", "a", "1", "PX", "60000"]).unwrap(), "OK");
    assert_eq!(server.command(&["GET", "a"]).unwrap(), "1");
    assert_eq!(server.command(&["GET", "b"]).unwrap(), "(nil)");
    assert_eq!(server.command(&["PTTL", "b"]).unwrap(), "-2");
    assert_eq!(server.command(&["MGET", "a", "b"]).unwrap(), "1\n(nil)");
    assert_eq!(server.command(&["SCRIPT", "LOAD", "return 1"]).unwrap().len(), 40);
    assert!(server.command(&["INFO"]).unwrap().contains("redis_version:"));
    let refused = server.command(&["NO-SUCH-COMMAND"]).unwrap_err();
    assert!(refused.to_string().starts_with("ERR unknown command"), "{refused}");
}

#[test]
fn keys_and_values_are_bytes_of_any_kind() {
    let server = Server::start();
    let (key, value) = (b"k\r\n\0".as_slice(), b"\xff\x00 \r\n".as_slice());
    server.command(&[b"SET".as_slice(), key, value]).unwrap();
    assert_eq!(server.get(key).unwrap().as_deref(), Some(value));
    assert_eq!(server.get("other").unwrap(), None);
}

#[test]
fn a_restart_loses_the_keys() {
    let mut server = Server::start();
    let (port, pid) = (server.port(), server.pid());
    server.command(&["SET", "a", "1"]).unwrap();
    server.kill();
    assert!(!server.is_running() && !process_exists(pid));
    assert_eq!(server.command(&["PING"]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.restart();
    assert_eq!(server.command(&["EXISTS", "a"]).unwrap(), "0");
    assert_eq!(server.port(), port);
}

#[test]
fn a_restart_of_a_persistent_server_keeps_the_keys() {
    let mut server = Server::builder().persistent(true).start();
    server.command(&["SET", "a", "1"]).unwrap();
    server.restart();
    assert_eq!(server.command(&["GET", "a"]).unwrap(), "1");
}

#[test]
fn a_restart_waits_for_its_port() {
    let mut server = Server::start();
    server.kill();
    let other = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let release = thread::spawn(move || {
        thread::sleep(SHORT);
        drop(other);
    });
    server.restart();
    assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
    release.join().unwrap();
}

#[test]
fn a_paused_server_does_not_answer_until_it_is_resumed() {
    let server = Server::start();
    for _ in 0..2 {
        server.pause();
        assert!(server.is_running());
        let silence = server.command_within(SHORT, &["SET", "a", "1"]).unwrap_err();
        assert_eq!(silence.kind(), ErrorKind::TimedOut);
        server.resume();
        assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
    }
    assert_eq!(server.command(&["GET", "a"]).unwrap(), "1", "a command of the pause is served after it");
}

#[test]
fn a_crash_is_noticed() {
    let server = Server::start();
    let _ = server.command(&["SHUTDOWN", "NOSAVE"]);
    assert!(wait_until(Duration::from_secs(5), || !server.is_running()));
}

#[test]
fn a_password_is_asked_for_and_given() {
    let mut server = Server::builder().password("secret").start();
    assert_eq!(server.url(), format!("redis://:secret@127.0.0.1:{}", server.port()));
    server.restart();
    assert_eq!(server.command(&["CONFIG", "GET", "requirepass"]).unwrap(), "requirepass\nsecret");
}

#[test]
fn a_unix_socket_is_served() {
    let server = Server::builder().unix_socket(true).start();
    let mut stream = UnixStream::connect(server.unix_socket().unwrap()).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}

#[test]
fn further_arguments_reach_the_server() {
    let server = Server::builder().arg("--maxmemory", "2mb").start();
    assert_eq!(server.command(&["CONFIG", "GET", "maxmemory"]).unwrap(), "maxmemory\n2097152");
}

#[test]
#[should_panic(expected = "no-such-setting")]
fn a_server_that_does_not_start_shows_its_log() {
    let _server = Server::builder().arg("--no-such-setting", "1").start();
}

#[test]
#[should_panic(expected = "there is no server at /no/such/server: check REDLOCK_SERVER")]
fn a_server_that_is_not_there_is_named() {
    let missing = Server::builder().binary("/no/such/server");
    assert_eq!(missing.version(), None);
    let _server = missing.start();
}

#[test]
fn nothing_is_left_of_a_dropped_server() {
    for paused in [false, true] {
        let server = Server::builder().unix_socket(true).start();
        let (pid, socket) = (server.pid(), server.unix_socket().unwrap());
        assert!(process_exists(pid) && socket.exists());
        if paused {
            server.pause();
        }
        drop(server);
        assert!(!process_exists(pid) && !socket.parent().unwrap().exists());
    }
}

#[test]
fn several_servers_are_independent() {
    let servers = Servers::start(3);
    servers[0].command(&["SET", "a", "1"]).unwrap();
    let sizes: Vec<_> = servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap()).collect();
    assert_eq!(sizes, ["1", "0", "0"]);
    let own: Vec<_> = servers.iter().map(Server::url).collect();
    assert_eq!(servers.urls(), own);
}

#[test]
fn waiting_is_bounded() {
    let started = Instant::now();
    assert!(!wait_until(SHORT, || false));
    assert!(started.elapsed() >= SHORT);
    let mut polls = 0..3;
    assert!(wait_until(SHORT, || polls.next().is_none()));
}
