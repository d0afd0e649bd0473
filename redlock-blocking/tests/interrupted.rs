//! A process that is stopped and goes on while it connects, as it is by a debugger or the shell.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, id};
use std::time::Duration;
use std::{fs, thread};

use redlock_blocking::{NodeTimeout, Redlock};

/// Stops this process, and lets it go on when all of its threads stand still.
fn interrupt() {
    let goes_on = format!("grep -h ^State: /proc/{}/task/*/status | grep -qv stopped", id());
    let script = format!("kill -STOP {0}; for i in $(seq 500); do {goes_on} || break; done; kill -CONT {0}", id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

/// Waits until a thread waits for something.
fn await_sleep(thread: &Path) {
    let status = Path::new("/proc").join(thread).join("status");
    while !fs::read_to_string(&status).unwrap().contains("State:\tS") {
        thread::yield_now();
    }
}

#[test]
fn whoever_is_interrupted_waits_on_for_the_first_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let redlock =
        Redlock::builder().node(url).node_timeout(NodeTimeout::fixed(Duration::from_secs(10))).build().unwrap();
    let client = fs::read_link("/proc/thread-self").unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        // All that is left for the client is to wait for the answers.
        await_sleep(&client);
        interrupt();
        stream.write_all(b"-ERR for a test\r\n").unwrap();
    });
    let error = redlock.try_lock("job", Duration::from_secs(60)).unwrap_err().to_string();
    server.join().unwrap();
    assert!(error.contains("for a test"), "{error}");
}
