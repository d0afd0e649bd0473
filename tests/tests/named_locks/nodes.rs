//! Three servers, and what is on them.

use std::time::Duration;

use redlock_driver::Runtime;
use redlock_driver::cache::{BoundedCache, Cache, WhenFull};
use redlock_driver::{HeldLock, NamedLocks, Redlock};
use redlock_tests::{Servers, wait_until};

/// The TTL where its length does not matter: longer than any test lasts.
pub(crate) const TTL: Duration = Duration::from_secs(60);
/// A TTL that is waited for.
pub(crate) const SHORT_TTL: Duration = Duration::from_millis(300);
/// The TTL of a lock that is kept alive: long enough to be extended in time on a busy machine.
pub(crate) const KEPT_TTL: Duration = Duration::from_secs(1);
/// For how long a call waits for a lock: also on a machine that is busy with others.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);
/// The longest wait between two attempts, so that many can have a lock one after the other in a short time.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(5);

/// How many servers have the key.
pub(crate) fn keys(servers: &Servers, name: &str) -> usize {
    servers.iter().filter_map(|server| server.get(name).ok()).flatten().count()
}

/// Waits until so many servers have the key.
pub(crate) fn await_keys(servers: &Servers, name: &str, count: usize) {
    assert!(wait_until(PATIENCE, || keys(servers, name) == count), "{} keys", keys(servers, name));
}

/// Asserts that two of three servers have the key: the third may have refused it while it had the one before.
pub(crate) fn assert_quorum(servers: &Servers, name: &str) {
    assert!(keys(servers, name) >= 2, "{} keys", keys(servers, name));
}

/// Waits until no server has any key; well before their TTL is over.
pub(crate) fn await_no_keys(servers: &Servers) {
    let is_empty = || servers.iter().all(|server| server.command(&["DBSIZE"]).is_ok_and(|size| size == "0"));
    assert!(wait_until(PATIENCE, is_empty), "keys are left");
}

/// Locks in a cache in which two of them have room, and three have not.
pub(crate) fn room_for_two<R: Runtime>(redlock: Redlock<R>, price: usize, when_full: WhenFull) -> NamedLocks<R> {
    let builder = BoundedCache::<HeldLock<R>>::builder().shards(1);
    let empty = builder.clone().build().unwrap().bytes();
    let builder = builder.budget(empty + price * 5 / 2).when_full(when_full);
    NamedLocks::new(redlock, builder.build().unwrap())
}
