//! What holds for every async adapter.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::cache::{BoundedCache, MapCache, NotHeld, Refusal, WhenFull};
use redlock_driver::{AcquireError, KeepAlive, NamedLockError, NamedLocks, ReleaseVerdict, Resource, Runtime};
use redlock_driver::{CurrentRuntime, Redlock};
use redlock_tests::{Server, Servers};

use crate::adapter::Adapter;
use crate::nodes::{KEPT_TTL, SHORT_TTL, TTL, assert_quorum, await_keys, await_no_keys, keys, room_for_two};

struct Fixture<A: Adapter> {
    servers: Servers,
    locks: NamedLocks<A::Runtime>,
}

impl<A: Adapter> Fixture<A> {
    fn start() -> Self {
        let servers = Servers::start(3);
        let locks = NamedLocks::new(A::redlock(servers.urls()), MapCache::new());
        Self { servers, locks }
    }

    /// The same in another process.
    fn rival(&self) -> NamedLocks<A::Runtime> {
        NamedLocks::new(A::redlock(self.servers.urls()), MapCache::new())
    }
}

fn runtime<A: Adapter>() -> A::Runtime {
    A::Runtime::current().unwrap()
}

pub(crate) async fn a_lock_of_one_task_is_released_by_another<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    let (locking, unlocking) = (locks.clone(), locks.clone());
    let (locked, lock) = futures_channel::oneshot::channel();
    runtime::<A>().spawn(async move { locked.send(locking.lock("job", SHORT_TTL * 100).await).unwrap() });
    let validity = lock.await.unwrap().unwrap().validity;
    assert!(validity < SHORT_TTL * 100 && validity > SHORT_TTL * 50, "{validity:?}");
    await_keys(&servers, "job", 3);
    assert!(locks.held("job").is_some());
    let refused = locks.try_lock("job", TTL).await.unwrap_err();
    assert!(matches!(refused, NamedLockError::Acquire(AcquireError::Contended(_))), "{refused}");
    assert!(locks.extend("job", TTL).await.unwrap() > validity);
    let (unlocked, unlock) = futures_channel::oneshot::channel();
    runtime::<A>().spawn(async move { unlocked.send(unlocking.unlock("job").await).unwrap() });
    assert_eq!(unlock.await.unwrap().unwrap().verdict, ReleaseVerdict::Released);
    await_no_keys(&servers);
}

pub(crate) async fn an_expired_holder_that_unlocks_does_not_release_its_successors_lock<A: Adapter>() {
    let fixture = Fixture::<A>::start();
    let (ours, theirs) = (&fixture.locks, fixture.rival());
    ours.lock("job", SHORT_TTL).await.unwrap();
    // The successor is in another process ...
    theirs.lock("job", TTL).await.unwrap();
    assert_quorum(&fixture.servers, "job");
    let report = ours.unlock("job").await.unwrap();
    assert!(matches!(report.verdict, ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver), "{report}");
    assert_quorum(&fixture.servers, "job");
    assert_eq!(theirs.unlock("job").await.unwrap().verdict, ReleaseVerdict::Released);

    // ... and then in this one.
    let late = ours.lock("job", SHORT_TTL).await.unwrap();
    let successor = ours.lock("job", TTL).await.unwrap();
    assert_quorum(&fixture.servers, "job");
    assert_eq!(ours.unlock_generation("job", late.generation).await, Err(NotHeld::new("job")));
    assert_quorum(&fixture.servers, "job");
    let report = ours.unlock_generation("job", successor.generation).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    await_no_keys(&fixture.servers);
}

pub(crate) async fn unlocking_an_unknown_name_is_an_error<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    servers[0].command(&["SET", "job", "somebody else's"]).unwrap();
    assert_eq!(locks.unlock("job").await, Err(NotHeld::new("job")));
    assert_eq!(keys(&servers, "job"), 1);
}

pub(crate) async fn an_unlock_does_not_erase_the_next_holders_entry<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    let inside = AtomicU32::new(0);
    // All of them have to be through before the first TTL is over: they wait for each other, and never for that.
    let tasks = (0..16).map(|_| async {
        for _ in 0..5 {
            locks.lock("job", TTL).await.unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
            runtime::<A>().sleep_until(runtime::<A>().now()).await;
            inside.fetch_sub(1, Ordering::Relaxed);
            assert_eq!(locks.unlock("job").await.unwrap().verdict, ReleaseVerdict::Released);
        }
    });
    join_all(tasks).await;
    await_no_keys(&servers);
}

/// What a lock costs in a bounded cache.
async fn price<R: Runtime>(redlock: &Redlock<R>) -> usize {
    let locks = NamedLocks::new(redlock.clone(), BoundedCache::new());
    let empty = locks.cache().bytes();
    locks.lock("first", TTL).await.unwrap();
    let price = locks.cache().bytes() - empty;
    locks.unlock("first").await.unwrap();
    price
}

pub(crate) async fn a_lost_cache_entry_does_not_orphan_its_lock<A: Adapter>() {
    let servers = Servers::start(3);
    let redlock = A::redlock(servers.urls());
    let price = price(&redlock).await;
    let locks = room_for_two(redlock, price, WhenFull::Evict);
    locks.lock("first", TTL).await.unwrap();
    locks.lock("second", TTL * 2).await.unwrap();
    assert_eq!(locks.lock("third", TTL * 3).await.unwrap().evicted, [Resource::new("first")]);
    await_keys(&servers, "first", 0);
    await_keys(&servers, "second", 3);
    assert_eq!(locks.unlock("first").await, Err(NotHeld::new("first")));
}

pub(crate) async fn a_lock_for_which_there_is_no_room_is_given_back<A: Adapter>() {
    let servers = Servers::start(3);
    let redlock = A::redlock(servers.urls());
    let price = price(&redlock).await;
    let locks = room_for_two(redlock, price, WhenFull::Refuse);
    locks.lock("first", TTL).await.unwrap();
    locks.lock("second", TTL).await.unwrap();
    let error = locks.lock("third", TTL).await.unwrap_err();
    let NamedLockError::NotKept { reason: Refusal::Full { .. }, report, .. } = error else { panic!("{error}") };
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    await_keys(&servers, "third", 0);
    assert!(keys(&servers, "first") >= 2, "a quorum keeps the lock that was there before");
}

pub(crate) async fn unlocking_does_not_wait_for_an_extension_that_nodes_do_not_answer<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    locks.lock("job", TTL).await.unwrap();
    await_keys(&servers, "job", 3);
    servers.iter().for_each(Server::pause);
    let mut extension = Box::pin(locks.extend("job", TTL));
    assert!(extension.as_mut().now_or_never().is_none());
    let mut unlock = Box::pin(locks.unlock("job"));
    assert!(unlock.as_mut().now_or_never().is_none());
    assert_eq!(extension.now_or_never(), Some(Err(NotHeld::new("job").into())));
    servers.iter().for_each(Server::resume);
    unlock.await.unwrap();
    await_no_keys(&servers);
}

pub(crate) async fn what_is_still_held_at_the_end_is_released<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    join_all((0..20).map(|number| locks.lock(format!("job-{number}"), TTL))).await;
    let reports = locks.unlock_all().await;
    assert_eq!(reports.iter().filter(|(_, report)| report.verdict == ReleaseVerdict::Released).count(), 20);
    await_no_keys(&servers);
    join_all((0..20).map(|number| locks.lock(format!("job-{number}"), TTL))).await;
    drop(locks);
    await_no_keys(&servers);
}

pub(crate) async fn a_lock_that_is_kept_alive_outlives_its_ttl_until_it_is_unlocked<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    let kept = locks.clone().keep_alive(KeepAlive::up_to(TTL * 10)).unwrap();
    let locked = kept.lock("job", KEPT_TTL).await.unwrap();
    assert!(locked.validity < KEPT_TTL);
    sleep::<A>(KEPT_TTL * 2).await;
    assert!(locks.held("job").is_some(), "a clone shares what is held");
    assert_quorum(&servers, "job");
    // The cache does not take it for expired after an extension by hand, either.
    locks.extend("job", KEPT_TTL).await.unwrap();
    sleep::<A>(KEPT_TTL * 2).await;
    let refused = locks.try_lock("job", TTL).await.unwrap_err();
    assert!(matches!(refused, NamedLockError::Acquire(AcquireError::Contended(_))), "{refused}");
    assert_eq!(locks.cache().collect(runtime::<A>().now()).len(), 0);
    let report = kept.unlock_generation("job", locked.generation).await.unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::Released);
    await_no_keys(&servers);
}

pub(crate) async fn a_lock_that_nobody_unlocks_is_kept_alive_up_to_its_longest_hold<A: Adapter>() {
    let Fixture { servers, locks } = Fixture::<A>::start();
    let refused = locks.clone().keep_alive(KeepAlive::while_held()).unwrap_err();
    assert!(refused.to_string().contains("KeepAlive::up_to"), "{refused}");
    let kept = locks.keep_alive(KeepAlive::up_to(KEPT_TTL * 2)).unwrap();
    let begun = std::time::Instant::now();
    kept.lock("job", KEPT_TTL).await.unwrap();
    await_no_keys(&servers);
    assert!(begun.elapsed() >= KEPT_TTL * 2, "{:?}", begun.elapsed());
    assert_eq!(kept.held("job"), None);
    kept.lock("job", TTL).await.unwrap();
    assert_eq!(kept.unlock("job").await.unwrap().verdict, ReleaseVerdict::Released);
}

async fn sleep<A: Adapter>(time: Duration) {
    runtime::<A>().sleep_until(runtime::<A>().now().saturating_add(time)).await;
}
