//! The caches that are held against each other, behind one face.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant as SystemInstant};

use moka::Expiry;
use quick_cache::Weighter;
use redlock_cache::{BoundedCache, Cache, Instant, MapCache, Token, WhenFull};

/// What is kept about a lock where the cache does not keep the deadline itself.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) token: Token,
    pub(crate) deadline: Instant,
}

/// A cache of held locks, in the three steps of a lock's life.
pub(crate) trait Contestant: Send + Sync {
    /// Keeps a lock.
    fn put(&self, name: &[u8], lease: Lease, now: Instant);

    /// Whether there is one of this name.
    fn get(&self, name: &[u8], now: Instant) -> bool;

    /// Forgets it. Whether there was one.
    fn remove(&self, name: &[u8], now: Instant) -> bool;

    /// Takes out what has expired, where that can be asked for. How many there were.
    fn collect(&self, _now: Instant) -> Option<usize> {
        None
    }
}

/// A contestant's name, and how one is made that has room for a million locks.
pub(crate) type Entrant = (&'static str, fn() -> Box<dyn Contestant>);

/// The budget where nothing is to be evicted.
const AMPLE: usize = 1 << 30;

/// The yardstick for memory.
pub(crate) const PLAIN: &str = "Mutex<HashMap>";

/// All of them.
pub(crate) const ENTRANTS: [Entrant; 5] = [
    ("redlock-cache, map", || Box::new(Ours(MapCache::new()))),
    ("redlock-cache, bounded", || Box::new(Ours(bounded(AMPLE, WhenFull::Refuse)))),
    (PLAIN, || Box::<Plain>::default()),
    ("moka", || Box::new(moka())),
    ("quick_cache", || Box::new(quick())),
];

/// A bounded cache with this budget.
pub(crate) fn bounded(budget: usize, when_full: WhenFull) -> BoundedCache<Token> {
    BoundedCache::builder().budget(budget).when_full(when_full).build().expect("a budget that is large enough")
}

struct Ours<C>(C);

impl<C: Cache<Token>> Contestant for Ours<C> {
    fn put(&self, name: &[u8], Lease { token, deadline }: Lease, now: Instant) {
        assert!(self.0.insert(name, token, deadline, now).is_ok(), "there is room, and the name is free");
    }

    fn get(&self, name: &[u8], now: Instant) -> bool {
        self.0.get(name, now).is_some_and(|entry| !entry.is_expired(now))
    }

    fn remove(&self, name: &[u8], now: Instant) -> bool {
        self.0.take(name, now).is_some()
    }

    fn collect(&self, now: Instant) -> Option<usize> {
        Some(self.0.collect(now).len())
    }
}

/// One map behind one mutex, with the hasher of the standard library.
#[derive(Default)]
struct Plain(Mutex<HashMap<Box<[u8]>, Lease>>);

impl Plain {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Box<[u8]>, Lease>) -> T) -> T {
        work(&mut self.0.lock().expect("nobody panics"))
    }
}

impl Contestant for Plain {
    fn put(&self, name: &[u8], lease: Lease, _now: Instant) {
        let name = name.into();
        self.with(|map| map.insert(name, lease));
    }

    fn get(&self, name: &[u8], now: Instant) -> bool {
        self.with(|map| map.get(name).is_some_and(|lease| lease.deadline > now))
    }

    fn remove(&self, name: &[u8], _now: Instant) -> bool {
        self.with(|map| map.remove(name)).is_some()
    }

    fn collect(&self, now: Instant) -> Option<usize> {
        Some(self.with(|map| map.extract_if(|_, lease| lease.deadline <= now).count()))
    }
}

type Moka = moka::sync::Cache<Box<[u8]>, Lease>;

/// With a weigher and an expiry of each entry's own. The length of a name and 64 bytes stand for the costs.
fn moka() -> Moka {
    let weight = |length: usize| u32::try_from(length.saturating_add(64)).unwrap_or(u32::MAX);
    Moka::builder()
        .max_capacity(AMPLE as u64)
        .weigher(move |name, _| weight(name.len()))
        .expire_after(UntilDeadline)
        .build()
}

struct UntilDeadline;

impl Expiry<Box<[u8]>, Lease> for UntilDeadline {
    /// All locks of a run are put in at its start, as far as this clock is concerned.
    fn expire_after_create(&self, _: &Box<[u8]>, lease: &Lease, _: SystemInstant) -> Option<Duration> {
        Some(lease.deadline.since_epoch())
    }
}

impl Contestant for Moka {
    fn put(&self, name: &[u8], lease: Lease, _now: Instant) {
        self.insert(name.into(), lease);
    }

    fn get(&self, name: &[u8], _now: Instant) -> bool {
        Self::get(self, name).is_some()
    }

    fn remove(&self, name: &[u8], _now: Instant) -> bool {
        Self::remove(self, name).is_some()
    }
}

type Quick = quick_cache::sync::Cache<Box<[u8]>, Lease, ByName>;

#[derive(Clone)]
struct ByName;

impl Weighter<Box<[u8]>, Lease> for ByName {
    fn weight(&self, name: &Box<[u8]>, _: &Lease) -> u64 {
        name.len().saturating_add(64) as u64
    }
}

/// With a weigher. It has no expiry: the deadline is looked at when a name is asked for.
fn quick() -> Quick {
    Quick::with_weighter(1_000_000, AMPLE as u64, ByName)
}

impl Contestant for Quick {
    fn put(&self, name: &[u8], lease: Lease, _now: Instant) {
        self.insert(name.into(), lease);
    }

    fn get(&self, name: &[u8], now: Instant) -> bool {
        Self::get(self, name).is_some_and(|lease| lease.deadline > now)
    }

    fn remove(&self, name: &[u8], _now: Instant) -> bool {
        Self::remove(self, name).is_some()
    }
}
