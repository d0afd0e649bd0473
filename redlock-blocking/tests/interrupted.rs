//! A process that is stopped and goes on while it connects, as it is by a debugger or the shell.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, id};
use std::thread;
use std::time::Duration;

use redlock_blocking::{NodeTimeout, Redlock};

/// Stops this process and lets it go on.
fn interrupt() {
    let script = format!("kill -STOP {0}; sleep 0.05; kill -CONT {0}", id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

#[test]
fn whoever_is_interrupted_waits_on_for_the_first_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let redlock =
        Redlock::builder().node(url).node_timeout(NodeTimeout::fixed(Duration::from_secs(10))).build().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // By now the client waits for the answers.
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        thread::sleep(Duration::from_millis(50));
        interrupt();
        stream.write_all(b"-ERR for a test\r\n").unwrap();
    });
    let error = redlock.try_lock("job", Duration::from_secs(60)).unwrap_err().to_string();
    server.join().unwrap();
    assert!(error.contains("for a test"), "{error}");
}
