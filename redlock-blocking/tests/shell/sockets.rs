//! Servers behind sockets of our own.

use std::sync::mpsc::channel;
use std::thread;

use redlock_blocking::{NodeTimeout, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL};
use crate::server::{chat, serve, start};

#[test]
fn a_server_that_never_stops_talking_harms_no_other_node() {
    let good = || start(|stream| serve(&stream, &stream));
    let (said, is_said) = channel();
    let urls = [start(move |stream| chat(stream, &said)), good(), good()];
    let redlock = Redlock::builder().nodes(urls).node_timeout(NodeTimeout::fixed(SOON / 10)).build().unwrap();
    is_said.recv_timeout(SOON).unwrap();
    let (done, is_done) = channel();
    // Where nobody else has a turn, it would not come back.
    thread::spawn(move || {
        let release = |()| redlock.lock("job", TTL).unwrap().release().verdict;
        done.send([(); 3].map(release)).unwrap();
    });
    assert_eq!(is_done.recv_timeout(SOON).unwrap(), [ReleaseVerdict::Released; 3]);
}
