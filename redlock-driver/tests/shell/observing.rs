//! Observers: they are told what happens, in order, and cost nobody a lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use redlock_driver::observed::{LockEvent, NodeEvent, Observed};
use redlock_driver::{Builder, Observer, Redlock};
use tokio::time::timeout;

use crate::clock::{Clock, settle};
use crate::link::{Connect, Link};
use crate::world::TTL;

/// Long enough for whatever another thread has to do.
const SOON: Duration = Duration::from_secs(10);

/// Writes down what it is told.
#[derive(Default)]
struct Book {
    told: Mutex<Vec<Observed>>,
    is_busy: AtomicBool,
}

impl Observer for Book {
    fn observe(&self, observed: &Observed) {
        assert!(!self.is_busy.swap(true, Ordering::AcqRel), "it is told one event at a time");
        std::thread::yield_now();
        self.told.lock().unwrap().push(observed.clone());
        self.is_busy.store(false, Ordering::Release);
    }
}

impl Book {
    fn lives(&self) -> BTreeMap<String, Vec<LockEvent>> {
        let mut lives: BTreeMap<String, Vec<LockEvent>> = BTreeMap::new();
        for observed in self.told.lock().unwrap().iter() {
            if let Observed::Lock { lock, event, .. } = observed {
                lives.entry(format!("{lock:?}")).or_default().push(event.clone());
            }
        }
        lives
    }
}

struct World {
    clock: Clock,
    links: [Link; 3],
    redlock: Redlock<Clock>,
}

impl World {
    fn new(observe: impl FnOnce(Builder<Clock>) -> Builder<Clock>) -> Self {
        let clock = Clock::default();
        let links = [(); 3].map(|()| Link::new(&clock));
        let nodes = ["one", "two", "three"].iter().zip(&links).map(|(name, link)| link.node(name));
        let redlock = observe(Redlock::builder().nodes(nodes)).build_on(clock.clone()).unwrap();
        Self { clock, links, redlock }
    }

    async fn lock_and_release(&self) {
        let guard = self.clock.run(self.redlock.lock("job", TTL)).await.unwrap();
        self.clock.run(guard.release()).await;
        settle().await;
    }
}

fn assert_whole(life: &[LockEvent]) {
    assert!(
        matches!(
            life,
            [
                LockEvent::Requested { .. },
                LockEvent::Acquired { .. },
                LockEvent::ReleaseBegun { .. },
                LockEvent::Released { .. },
                LockEvent::Settled
            ]
        ),
        "{life:?}"
    );
}

#[tokio::test]
async fn an_observer_is_told_of_connections_and_locks() {
    let book = Arc::new(Book::default());
    let world = World::new(|builder| builder.observer(book.clone()));
    world.lock_and_release().await;
    world.links[0].connect(Connect::Fails);
    world.links[0].report_closed();
    settle().await;
    let lives = book.lives();
    assert_eq!(lives.len(), 1);
    for life in lives.values() {
        assert_whole(life);
    }
    let told = book.told.lock().unwrap();
    let of_first = |observed: &Observed| match observed {
        Observed::Node { name, event: NodeEvent::Connected { .. }, .. } if &**name == "one" => Some("up"),
        Observed::Node { name, event: NodeEvent::Disconnected { .. }, .. } if &**name == "one" => Some("down"),
        _ => None,
    };
    assert_eq!(told.iter().filter_map(of_first).collect::<Vec<_>>(), ["up", "down"]);
}

/// An operator must not look for what has ended the runtime of a program that goes on.
#[tokio::test]
async fn connections_that_are_closed_with_their_handle_are_told_with_that_reason() {
    let book = Arc::new(Book::default());
    let world = World::new(|builder| builder.observer(book.clone()));
    world.lock_and_release().await;
    world.redlock.close().await;
    drop(world.redlock);
    settle().await;
    let told = book.told.lock().unwrap();
    let reason = |observed: &Observed| match observed {
        Observed::Node { name, event: NodeEvent::Disconnected { why }, .. } => Some(format!("{name}: {why}")),
        _ => None,
    };
    let reasons: Vec<_> = told.iter().filter_map(reason).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.ends_with("(the handle was dropped)")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_observer_is_told_one_event_at_a_time_whichever_thread_is_free() {
    let book = Arc::new(Book::default());
    let world = World::new(|builder| builder.observer(book.clone()));
    let worker = |worker: usize| {
        let redlock = world.redlock.clone();
        tokio::spawn(async move {
            for round in 0..25 {
                let guard = redlock.lock(format!("job-{worker}-{round}"), TTL).await.unwrap();
                guard.release().await;
            }
        })
    };
    let workers: Vec<_> = (0..8).map(worker).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    world.redlock.close().await;
    let all_settled = async {
        while book.lives().values().flatten().filter(|event| **event == LockEvent::Settled).count() < 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, all_settled).await.expect("every lock is settled, and the observer is told so");
    for life in book.lives().values() {
        assert_whole(life);
    }
}

/// Asks the handle how it is at every event.
#[derive(Default)]
struct Uses {
    redlock: OnceLock<Redlock<Clock>>,
    calls: AtomicUsize,
}

impl Observer for Uses {
    fn observe(&self, _: &Observed) {
        if let Some(redlock) = self.redlock.get() {
            assert_eq!(redlock.health().nodes.len(), 3);
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn an_observer_may_use_the_handle_because_the_mutex_is_free() {
    let uses = Arc::new(Uses::default());
    let world = World::new(|builder| builder.observer(uses.clone()));
    uses.redlock.set(world.redlock.clone()).unwrap();
    world.lock_and_release().await;
    assert!(uses.calls.load(Ordering::Relaxed) >= 5);
}

/// Is interested as soon as it is told to be.
#[derive(Default)]
struct Later {
    book: Book,
    is_interested: AtomicBool,
}

impl Observer for Later {
    fn observe(&self, observed: &Observed) {
        self.book.observe(observed);
    }

    fn is_interested(&self) -> bool {
        self.is_interested.load(Ordering::Acquire)
    }
}

/// As when a program gets its subscriber of `tracing` after its first lock.
#[tokio::test]
async fn nothing_is_told_before_somebody_is_interested_and_all_from_then_on() {
    let later = Arc::new(Later::default());
    let world = World::new(|builder| builder.observer(later.clone()));
    world.lock_and_release().await;
    assert!(later.book.told.lock().unwrap().is_empty());
    later.is_interested.store(true, Ordering::Release);
    // That somebody is interested is noticed behind a step.
    world.lock_and_release().await;
    world.lock_and_release().await;
    let lives = later.book.lives();
    assert_eq!(lives.len(), 1);
    for life in lives.values() {
        assert_whole(life);
    }
}
