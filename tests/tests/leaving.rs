//! What a process leaves behind that drops its guard and ends right after.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::process::Command;
use std::time::Duration;

use redlock_tests::{Servers, wait_until};

const TTL: Duration = Duration::from_secs(60);
/// Far below the TTL.
const SOON: Duration = Duration::from_secs(10);

fn nothing_is_left_by(adapter: &str) {
    let servers = Servers::start(3);
    for _ in 0..20 {
        let left = Command::new(env!("CARGO_BIN_EXE_leave")).arg(adapter).args(servers.urls()).status().unwrap();
        assert!(left.success());
        assert!(wait_until(SOON, || is_empty(&servers)), "the release was on its way");
    }
}

fn is_empty(servers: &Servers) -> bool {
    servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0")
}

#[test]
fn nothing_is_left_by_a_process_on_tokio() {
    nothing_is_left_by("tokio");
}

#[test]
fn nothing_is_left_by_a_process_on_tokio_with_one_thread() {
    nothing_is_left_by("tokio_current_thread");
}

#[test]
fn nothing_is_left_by_a_process_without_a_runtime() {
    nothing_is_left_by("blocking");
}

/// More than a connection has batches under way.
const LOCKS: usize = 64;

#[test]
fn nothing_else_has_to_run_for_the_releases_of_many_to_be_sent() {
    let servers = Servers::start(3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let redlock = redlock_tokio::Redlock::builder().nodes(servers.urls()).build().unwrap();
        for _ in 0..20 {
            let mut guards = Vec::new();
            for lock in 0..LOCKS {
                guards.push(redlock.lock(format!("leave:{lock}"), TTL).await.unwrap());
            }
            drop(guards);
            // The only thread that could send is this one.
            assert!(wait_until(SOON, || is_empty(&servers)), "the releases were on their way");
        }
    });
}
