//! The example of a driver of one's own, of `redlock-core`, on real servers.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use redlock_core::system::{now, seed};
use redlock_core::{
    AcquireError, Config, ExtendError, Instant, LockKey, NodeTimeout, Options, ReleaseVerdict, Request, RestartGuard,
};
use redlock_tests::{Middlebox, Server, Servers, wait_until};

use self::driver::Driver;

#[path = "../../redlock-core/examples/custom_driver/driver.rs"]
mod driver;

const TTL: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(5);

/// Creates a driver that is so patient that no busy machine decides, and asks servers that have lost their keys as before.
fn driver(addresses: impl IntoIterator<Item = String>) -> Driver {
    let config = Config::builder(addresses).node_timeout(NodeTimeout::fixed(SOON)).restart_guard(RestartGuard::OFF);
    Driver::new(config.build().unwrap())
}

fn addresses(servers: &[Server]) -> impl Iterator<Item = String> {
    servers.iter().map(|server| server.address().to_string())
}

fn acquire(driver: &mut Driver, options: Options) -> Result<LockKey, AcquireError> {
    let request = Request::new(driver.locks.config(), "job", TTL, options).unwrap();
    let key = driver.locks.acquire(request, seed().unwrap(), now())?;
    let result = driver.wait(|locks, now| locks.hand_over(key, now));
    if result.is_err() {
        give_up(driver, key);
    }
    result.map(|_deadline| key)
}

fn extend(driver: &mut Driver, key: LockKey) -> Result<Instant, ExtendError> {
    let extension = driver.locks.extend(key, TTL, now())?;
    driver.wait(|locks, _| locks.take_extended(key, extension))
}

fn release(driver: &mut Driver, key: LockKey) -> ReleaseVerdict {
    driver.locks.release(key, now());
    let report = driver.wait(|locks, _| locks.take_released(key));
    give_up(driver, key);
    report.verdict
}

/// Nothing goes on while nobody waits, so it waits for the releases.
fn give_up(driver: &mut Driver, key: LockKey) {
    driver.locks.abandon(key, now());
    driver.wait(|locks, _| locks.is_quiet().then_some(()));
}

fn keys(servers: &[Server]) -> usize {
    servers.iter().filter(|server| server.get("job").unwrap().is_some()).count()
}

#[test]
fn it_locks_before_and_after_a_restart_and_without_a_minority() {
    let mut servers = Servers::start(3);
    let (mut driver, mut other) = (driver(addresses(&servers)), driver(addresses(&servers)));
    for _ in 0..2 {
        let key = acquire(&mut driver, Options::new()).unwrap();
        assert!(keys(&servers) >= 2);
        let refusal = acquire(&mut other, Options::new().attempts(1)).unwrap_err();
        assert!(matches!(refusal, AcquireError::Contended(_)), "{refusal}");
        let before = driver.locks.deadline(key).unwrap();
        assert!(extend(&mut driver, key).unwrap() > before);
        assert_eq!(release(&mut driver, key), ReleaseVerdict::Released);
        assert!(wait_until(SOON, || keys(&servers) == 0));
        servers.iter_mut().for_each(Server::restart);
    }
    servers[0].kill();
    let key = acquire(&mut driver, Options::new()).unwrap();
    assert_eq!(keys(&servers[1..]), 2);
    assert_eq!(release(&mut driver, key), ReleaseVerdict::Released);
    assert_eq!(keys(&servers[1..]), 0);
}

#[test]
fn a_node_that_hangs_holds_up_nobody() {
    let servers = Servers::start(3);
    let mut driver = driver(addresses(&servers));
    let key = acquire(&mut driver, Options::new()).unwrap();
    servers[0].pause();
    let before = now();
    extend(&mut driver, key).unwrap();
    assert!(now().saturating_since(before) < SOON);
    servers[0].resume();
    assert_eq!(release(&mut driver, key), ReleaseVerdict::Released);
    assert_eq!(keys(&servers), 0);
}

#[test]
fn replies_may_come_a_byte_at_a_time() {
    let servers = Servers::start(1);
    let middlebox = Middlebox::before(&servers[0]);
    middlebox.dribble();
    let mut driver = driver([middlebox.url().replace("redis://", "")]);
    let key = acquire(&mut driver, Options::new()).unwrap();
    extend(&mut driver, key).unwrap();
    assert_eq!(release(&mut driver, key), ReleaseVerdict::Released);
    assert_eq!(keys(&servers), 0);
}

#[test]
fn whoever_waits_is_called_up() {
    let servers = Servers::start(3);
    let mut holder = driver(addresses(&servers));
    let key = acquire(&mut holder, Options::new()).unwrap();
    let (sender, acquired) = mpsc::channel();
    thread::scope(|scope| {
        let mut waiter = driver(addresses(&servers));
        scope.spawn(move || {
            let key = acquire(&mut waiter, Options::new().wait(TTL)).unwrap();
            sender.send(()).unwrap();
            release(&mut waiter, key);
        });
        let waits = |server: &Server| {
            server.command(&["PUBSUB", "CHANNELS"]).is_ok_and(|names| names.contains("redlock:wake:"))
        };
        assert!(wait_until(SOON, || servers.iter().any(waits)));
        acquired.try_recv().expect_err("it is held");
        assert_eq!(release(&mut holder, key), ReleaseVerdict::Released);
        acquired.recv_timeout(SOON).unwrap();
    });
    assert!(wait_until(SOON, || keys(&servers) == 0));
}
