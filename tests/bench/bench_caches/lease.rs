//! Locks to be kept.

use std::sync::OnceLock;
use std::time::Duration;

use redlock_cache::{Instant, Token};
use redlock_core::{Action, Config, Lock, Options, Request};

use crate::contestant::Lease;

/// The name of the lock with this number: 16 bytes.
pub(crate) fn name(number: usize) -> Vec<u8> {
    format!("invoice:{number:08}").into_bytes()
}

/// Later than any of this.
pub(crate) fn far() -> Instant {
    Instant::from_epoch(Duration::from_secs(3600))
}

/// A lock that is held until then.
pub(crate) fn lease_until(deadline: Instant) -> Lease {
    static TOKEN: OnceLock<Token> = OnceLock::new();
    Lease { token: *TOKEN.get_or_init(token), deadline }
}

/// A token as the core makes them.
fn token() -> Token {
    let config = Config::builder(["node"]).build().expect("one node");
    let request = Request::new(&config, "invoice", Duration::from_secs(10), Options::new()).expect("within the bounds");
    let mut lock = Lock::acquire(&config, request, [7; 32], Instant::EPOCH);
    match lock.poll_command().map(|command| command.action) {
        Some(Action::Acquire { token, .. }) => token,
        other => unreachable!("an acquisition begins with {other:?}"),
    }
}
