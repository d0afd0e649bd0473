//! The same without async.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use redlock_blocking::cache::{BoundedCache, MapCache, NotHeld, Refusal, WhenFull};
use redlock_blocking::{
    AcquireError, HeldLock, KeepAlive, NamedLockError, NamedLocks, Options, Redlock, ReleaseVerdict, Resource,
    RetryDelay,
};
use redlock_tests::Servers;

use crate::nodes::{KEPT_TTL, PATIENCE, RETRY_DELAY, SHORT_TTL, TTL, assert_quorum, await_keys, await_no_keys};

fn redlock(servers: &Servers) -> Redlock {
    let options = Options::new().wait(PATIENCE).retry_delay(RetryDelay::new(RETRY_DELAY, RETRY_DELAY));
    Redlock::builder().nodes(servers.urls()).options(options).build().unwrap()
}

fn start() -> (Servers, NamedLocks) {
    let servers = Servers::start(3);
    let locks = NamedLocks::new(redlock(&servers), MapCache::new());
    (servers, locks)
}

fn room_for_two(servers: &Servers, when_full: WhenFull) -> NamedLocks {
    let builder = BoundedCache::<HeldLock>::builder().shards(1);
    let ample = NamedLocks::new(redlock(servers), builder.clone().build().unwrap());
    let empty = ample.cache().bytes();
    ample.lock("first", TTL).unwrap();
    let price = ample.cache().bytes() - empty;
    ample.unlock("first").unwrap();
    let builder = builder.budget(empty + price * 5 / 2).when_full(when_full);
    NamedLocks::new(redlock(servers), builder.build().unwrap())
}

#[test]
fn a_lock_of_one_thread_is_released_by_another() {
    let (servers, locks) = start();
    let locking = locks.clone();
    let validity = thread::spawn(move || locking.lock("job", SHORT_TTL * 100).unwrap().validity).join().unwrap();
    assert!(validity < SHORT_TTL * 100 && validity > SHORT_TTL * 50, "{validity:?}");
    await_keys(&servers, "job", 3);
    let refused = locks.try_lock("job", TTL).unwrap_err();
    assert!(matches!(refused, NamedLockError::Acquire(AcquireError::Contended(_))), "{refused}");
    assert!(locks.extend("job", TTL).unwrap() > validity);
    assert!(locks.held("job").unwrap() > validity);
    assert_eq!(locks.unlock("job").unwrap().verdict, ReleaseVerdict::Released);
    assert_eq!(locks.held("job"), None);
    await_no_keys(&servers);
}

#[test]
fn an_expired_holder_that_unlocks_does_not_release_its_successors_lock() {
    let (servers, ours) = start();
    let theirs = NamedLocks::new(redlock(&servers), MapCache::new());
    ours.lock("job", SHORT_TTL).unwrap();
    // The successor is in another process ...
    theirs.lock("job", TTL).unwrap();
    assert_quorum(&servers, "job");
    // Whether the nodes were told before the successor came or after it, the lock was over.
    let verdict = ours.unlock("job").unwrap().verdict;
    assert!(matches!(verdict, ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver), "{verdict}");
    assert_quorum(&servers, "job");
    assert_eq!(theirs.unlock("job").unwrap().verdict, ReleaseVerdict::Released);

    // ... and then in this one.
    let late = ours.lock("job", SHORT_TTL).unwrap();
    let successor = ours.lock("job", TTL).unwrap();
    assert_quorum(&servers, "job");
    assert_eq!(ours.unlock_generation("job", late.generation), Err(NotHeld::new("job")));
    assert_eq!(ours.extend_generation("job", late.generation, TTL), Err(NotHeld::new("job").into()));
    assert_quorum(&servers, "job");
    let report = ours.unlock_generation("job", successor.generation).unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    await_no_keys(&servers);
}

#[test]
fn unlocking_an_unknown_name_is_an_error() {
    let (_servers, locks) = start();
    assert_eq!(locks.unlock("job"), Err(NotHeld::new("job")));
    locks.lock("job", TTL).unwrap();
    locks.unlock("job").unwrap();
    assert_eq!(locks.unlock("job"), Err(NotHeld::new("job")));
}

#[test]
fn unlocking_an_expired_lock_is_a_normal_report() {
    let (servers, locks) = start();
    locks.lock("job", SHORT_TTL).unwrap();
    await_keys(&servers, "job", 0);
    assert_eq!(locks.held("job"), None);
    assert_eq!(locks.unlock("job").unwrap().verdict, ReleaseVerdict::AlreadyExpired);
}

#[test]
fn an_unlock_does_not_erase_the_next_holders_entry() {
    let (servers, locks) = start();
    let inside = AtomicU32::new(0);
    // All of them have to be through before the first TTL is over: they wait for each other, and never for that.
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    locks.lock("job", TTL).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::Relaxed);
                    assert_eq!(locks.unlock("job").unwrap().verdict, ReleaseVerdict::Released);
                }
            });
        }
    });
    await_no_keys(&servers);
}

#[test]
fn of_several_who_unlock_one_does_while_others_extend() {
    let (servers, locks) = start();
    for _ in 0..20 {
        locks.lock("job", TTL).unwrap();
        let unlocked = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                // It comes before the release, or is told that there is none.
                scope.spawn(|| assert!(locks.extend("job", TTL).is_ok() || locks.held("job").is_none()));
                scope.spawn(|| unlocked.fetch_add(locks.unlock("job").is_ok().into(), Ordering::Relaxed));
            }
        });
        assert_eq!(unlocked.into_inner(), 1);
        await_no_keys(&servers);
    }
}

#[test]
fn a_lost_cache_entry_does_not_orphan_its_lock() {
    let servers = Servers::start(3);
    let locks = room_for_two(&servers, WhenFull::Evict);
    locks.lock("first", TTL).unwrap();
    locks.lock("second", TTL * 2).unwrap();
    assert_eq!(locks.lock("third", TTL * 3).unwrap().evicted, [Resource::new("first")]);
    await_keys(&servers, "first", 0);
    await_keys(&servers, "second", 3);
    assert_eq!(locks.unlock("first"), Err(NotHeld::new("first")));
}

#[test]
fn a_lock_for_which_there_is_no_room_is_given_back() {
    let servers = Servers::start(3);
    let locks = room_for_two(&servers, WhenFull::Refuse);
    locks.lock("first", TTL).unwrap();
    locks.lock("second", TTL).unwrap();
    let error = locks.lock("third", TTL).unwrap_err();
    let NamedLockError::NotKept { reason: Refusal::Full { .. }, report, .. } = error else { panic!("{error}") };
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    await_keys(&servers, "third", 0);
}

#[test]
fn what_is_still_held_at_the_end_is_released() {
    let (servers, locks) = start();
    for number in 0..20 {
        locks.lock(format!("job-{number}"), TTL).unwrap();
    }
    assert_eq!(locks.unlock_all().len(), 20);
    await_no_keys(&servers);
    locks.lock("job", TTL).unwrap();
    drop(locks);
    await_no_keys(&servers);
}

#[test]
fn a_lock_that_is_kept_alive_outlives_its_ttl_until_it_is_unlocked() {
    let (servers, locks) = start();
    let kept = locks.clone().keep_alive(KeepAlive::up_to(TTL * 10)).unwrap();
    let locked = kept.lock("job", KEPT_TTL).unwrap();
    assert!(locked.validity < KEPT_TTL);
    thread::sleep(KEPT_TTL * 2);
    assert!(locks.held("job").is_some(), "a clone shares what is held");
    assert_quorum(&servers, "job");
    // The cache does not take it for expired after an extension by hand, either.
    locks.extend("job", KEPT_TTL).unwrap();
    thread::sleep(KEPT_TTL * 2);
    let refused = locks.try_lock("job", TTL).unwrap_err();
    assert!(matches!(refused, NamedLockError::Acquire(AcquireError::Contended(_))), "{refused}");
    assert_eq!(locks.cache().collect(redlock_blocking::now()).len(), 0);
    assert_eq!(kept.unlock_generation("job", locked.generation).unwrap().verdict, ReleaseVerdict::Released);
    await_no_keys(&servers);
}

#[test]
fn a_lock_that_nobody_unlocks_is_kept_alive_up_to_its_longest_hold() {
    let (servers, locks) = start();
    let refused = locks.clone().keep_alive(KeepAlive::while_held()).unwrap_err();
    assert!(refused.to_string().contains("KeepAlive::up_to"), "{refused}");
    let kept = locks.keep_alive(KeepAlive::up_to(KEPT_TTL * 2)).unwrap();
    let begun = Instant::now();
    kept.lock("job", KEPT_TTL).unwrap();
    await_no_keys(&servers);
    assert!(begun.elapsed() >= KEPT_TTL * 2, "{:?}", begun.elapsed());
    assert_eq!(kept.held("job"), None);
    kept.lock("job", TTL).unwrap();
    assert_eq!(kept.unlock("job").unwrap().verdict, ReleaseVerdict::Released);
}
