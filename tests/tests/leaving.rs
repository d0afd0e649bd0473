//! What a process leaves behind that drops its guard and ends right after.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::process::Command;
use std::time::Duration;

use redlock_tests::{Server, Servers, wait_until};

/// Far below the TTL of the lock.
const SOON: Duration = Duration::from_secs(10);

fn nothing_is_left_by(adapter: &str) {
    let servers = Servers::start(3);
    for _ in 0..10 {
        let left = Command::new(env!("CARGO_BIN_EXE_leave")).arg(adapter).args(servers.urls()).status().unwrap();
        assert!(left.success());
        let is_empty = |server: &Server| server.command(&["DBSIZE"]).unwrap() == "0";
        assert!(wait_until(SOON, || servers.iter().all(is_empty)), "the release was on its way");
    }
}

#[test]
fn nothing_is_left_by_a_process_on_tokio() {
    nothing_is_left_by("tokio");
}

#[test]
fn nothing_is_left_by_a_process_without_a_runtime() {
    nothing_is_left_by("blocking");
}
