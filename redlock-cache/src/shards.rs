use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use redlock_core::Instant;

use crate::budget::Budget;
use crate::store::{Key, Newcomer, Slot, Store};
use crate::{Entry, Generation, Inserted, NamedEntry, Refusal, Refused, Statistics, Weigh, WhenFull};

/// The common parts of both caches: stores behind a mutex each, and a name belongs to one of them.
///
/// No value is dropped while a mutex is held, and nothing but a value's `Clone` and `Weigh` is called then.
pub(crate) struct Shards<V> {
    all: Box<[Shard<V>]>,
    hasher: DefaultHashBuilder,
    budget: Arc<Budget>,
    rules: Rules,
}

/// The settings in which the caches differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The memory budget of the cache, in bytes.
    pub(crate) budget: usize,
    /// The behaviour when the budget is used up.
    pub(crate) when_full: WhenFull,
    /// The time for which an entry that has expired is safe from being collected by insertions; `None`: for ever.
    pub(crate) kept: Option<Duration>,
}

/// The number of entries that an insertion collects at most: two, so that what has expired becomes less and never more,
/// and no insertion has to do the work of many.
const COLLECTED_BY_INSERTION: usize = 2;

/// A shard on cache lines of its own, so that threads on different shards do not slow each other down.
#[repr(align(128))]
struct Shard<V>(Mutex<Store<V>>);

/// Returns as many shards as are useful here: eight for each thread that can run at the same time, so that two of them
/// seldom meet; a power of two, 16 to 256.
pub(crate) fn default_count() -> usize {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    threads.saturating_mul(8).next_power_of_two().clamp(16, 256)
}

impl<V: Weigh> Shards<V> {
    /// Creates `count` shards, or the next power of two, with these rules.
    pub(crate) fn new(count: usize, rules: Rules) -> Self {
        let (hasher, budget) = (DefaultHashBuilder::default(), Budget::new(rules.budget));
        let count = count.clamp(1, 1 << 16).next_power_of_two() as u64;
        let shard = |first| Shard(Mutex::new(Store::new(hasher.clone(), budget.clone(), first, count)));
        let shards = Self { all: (0..count).map(shard).collect(), hasher, rules, budget: budget.clone() };
        budget.book(shards.empty_bytes());
        shards
    }

    /// Returns the bytes that the shards cost without entries.
    const fn empty_bytes(&self) -> usize {
        self.all.len().saturating_mul(size_of::<Shard<V>>().saturating_add(Store::<V>::EMPTY_BYTES))
    }

    fn key<'a>(&self, name: &'a [u8]) -> Key<'a> {
        Key { name, hash: self.hasher.hash_one(name) }
    }

    /// Returns the store to which a name belongs. The table inside takes the lowest and the highest bits of the hash,
    /// so this takes others.
    fn store(&self, key: Key<'_>) -> MutexGuard<'_, Store<V>> {
        let mask = self.all.len().wrapping_sub(1) as u64;
        let number = usize::try_from((key.hash >> 32) & mask).unwrap_or_default();
        lock(&self.all[number])
    }

    fn stores(&self) -> impl Iterator<Item = MutexGuard<'_, Store<V>>> {
        self.all.iter().map(lock)
    }

    pub(crate) fn insert(
        &self,
        name: &[u8],
        value: V,
        deadline: Instant,
        now: Instant,
    ) -> Result<Inserted<V>, Refused<V>> {
        let (key, mut displaced) = (self.key(name), Vec::new());
        let mut newcomer = Newcomer { name: name.into(), value, deadline };
        loop {
            let (reason, returned) = match self.try_insert(key, newcomer, now, &mut displaced) {
                Ok(generation) => return Ok(Inserted::new(generation, displaced)),
                Err(refused) => refused,
            };
            newcomer = returned;
            if !matches!(reason, Refusal::Full { .. }) || !self.make_room(now, &mut displaced) {
                self.store(key).statistics.count_refused();
                return Err(Refused::new(reason, newcomer.value, displaced));
            }
        }
    }

    fn try_insert(
        &self,
        key: Key<'_>,
        newcomer: Newcomer<V>,
        now: Instant,
        displaced: &mut Vec<NamedEntry<V>>,
    ) -> Result<Generation, (Refusal, Newcomer<V>)> {
        let mut store = self.store(key);
        if let Some(kept) = self.rules.kept {
            displaced.extend(store.pop_expired(now.saturating_sub(kept), COLLECTED_BY_INSERTION));
        }
        match store.make_way(key, now) {
            Ok(expired) => displaced.extend(expired),
            Err(held) => return Err((held, newcomer)),
        }
        store.insert(key, newcomer).map_err(|newcomer| (self.refusal(newcomer.price()), newcomer))
    }

    fn refusal(&self, needed: usize) -> Refusal {
        let (budget, used) = (self.budget.limit(), self.budget.booked());
        if needed > budget.saturating_sub(self.empty_bytes()) {
            Refusal::TooLarge { needed, budget }
        } else {
            Refusal::Full { needed, used, budget }
        }
    }

    /// Takes back what was booked in advance or, if that is nothing, takes out the entry that expires first if it may
    /// go. Returns whether there is more room now.
    fn make_room(&self, now: Instant, displaced: &mut Vec<NamedEntry<V>>) -> bool {
        let settled = self.stores().filter_map(|mut store| store.settle().then_some(())).count();
        if settled > 0 {
            return true;
        }
        loop {
            let firsts = self.all.iter().filter_map(|shard| Some((lock(shard).first()?, shard)));
            let Some((first, shard)) = firsts.min_by_key(|(first, _)| *first) else { return false };
            if self.rules.when_full == WhenFull::Refuse && first.0 > now {
                return false;
            }
            // Unless another thread was faster.
            if let Some(left) = lock(shard).evict(first, now) {
                displaced.push(left);
                return true;
            }
        }
    }

    pub(crate) fn take(&self, name: &[u8], now: Instant) -> Option<Entry<V>> {
        self.remove_if(name, now, |_| true)
    }

    pub(crate) fn remove(&self, name: &[u8], generation: Generation, now: Instant) -> Option<Entry<V>> {
        self.remove_if(name, now, |found| found == generation)
    }

    fn remove_if(&self, name: &[u8], now: Instant, wanted: impl Fn(Generation) -> bool) -> Option<Entry<V>> {
        let key = self.key(name);
        let mut store = self.store(key);
        let removed = store.remove(key, |slot| wanted(slot.generation));
        store.statistics.count_lookup(removed.as_ref().is_some_and(|removed| !removed.entry.is_expired(now)));
        drop(store);
        removed.map(|removed| removed.entry)
    }

    pub(crate) fn extend(&self, name: &[u8], generation: Generation, deadline: Instant) -> bool {
        let key = self.key(name);
        self.store(key).extend(key, generation, deadline)
    }

    /// Takes out all that has expired by `until`, one shard after the other.
    pub(crate) fn expired(&self, until: Instant) -> impl Iterator<Item = Vec<NamedEntry<V>>> {
        self.stores().map(move |mut store| store.take_expired(until))
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) fn len(&self) -> usize {
        self.stores().map(|store| store.len()).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        let entries: usize = self.stores().map(|store| store.bytes()).sum();
        entries.saturating_add(self.empty_bytes())
    }

    pub(crate) fn statistics(&self) -> Statistics {
        self.stores().map(|store| store.statistics).fold(Statistics::default(), Statistics::plus)
    }
}

impl<V: Weigh + Clone> Shards<V> {
    pub(crate) fn get(&self, name: &[u8], now: Instant) -> Option<Entry<V>> {
        let key = self.key(name);
        let mut store = self.store(key);
        let found = store.get(key).map(Slot::entry);
        store.statistics.count_lookup(found.as_ref().is_some_and(|found| !found.is_expired(now)));
        found
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = NamedEntry<V>> {
        self.stores().flat_map(|store| store.entries())
    }
}

/// Locks a shard. A panic in a value's code finds the store whole, so a poisoned mutex does, too.
fn lock<V>(shard: &Shard<V>) -> MutexGuard<'_, Store<V>> {
    shard.0.lock().unwrap_or_else(PoisonError::into_inner)
}
