//! Redis as a store that refuses the writes of late holders.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use redlock_core::fence::{Fence, REDIS_SET_IF_NOT_STALE};
use redlock_tests::Server;

/// Lets a holder write; returns whether it was let through.
fn write(server: &Server, fence: Fence, value: &str) -> bool {
    let fence = fence.to_string();
    let words = ["EVAL", REDIS_SET_IF_NOT_STALE, "2", "account", "account:fence", &fence, value];
    server.command(&words).unwrap() == "1"
}

#[test]
fn the_script_lets_the_largest_fence_write_and_no_smaller_one() {
    let server = Server::start();
    let value = || server.get("account").unwrap().map(|value| String::from_utf8(value).unwrap());
    // Two that are next to each other where numbers are large, as those of the present are.
    let (late, present) = (Fence::new(Fence::MAX.get() - 1), Fence::MAX);
    assert!(write(&server, late, "1"));
    assert!(write(&server, late, "2"), "a holder may write again");
    assert!(write(&server, present, "3"));
    assert!(!write(&server, late, "4"));
    assert_eq!(value().as_deref(), Some("3"), "a stale write has changed nothing");
    assert!(write(&server, present, "5"));
    assert_eq!(value().as_deref(), Some("5"));
}
