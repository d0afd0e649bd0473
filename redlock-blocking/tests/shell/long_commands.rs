//! Commands for which a socket has not enough room at once.

use std::os::unix::net::UnixListener;
use std::thread;

use redlock_blocking::{NodeTimeout, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL};
use crate::server::serve;

#[test]
fn a_command_that_the_socket_takes_in_parts_is_sent_as_a_whole() {
    let path = std::env::temp_dir().join(format!("redlock-long-commands-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || serve(&stream, &stream));
        }
    });

    let name = vec![b'x'; 1_000_000];
    let builder =
        Redlock::builder().node(format!("unix://{}", path.display())).node_timeout(NodeTimeout::fixed(SOON / 2));
    let redlock = builder.max_name_len(name.len()).build().unwrap();
    let guard = redlock.try_lock(name, TTL).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
}
