use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use hashbrown::DefaultHashBuilder;
use redlock_core::Instant;

use crate::store::{Key, Slot, Store};
use crate::{Entry, Generation, NamedEntry, Statistics, Weigh};

/// What both caches are made of: stores behind a mutex each, and a name belongs to one of them.
///
/// No value is dropped while a mutex is held, and nothing but a value's `Clone` and `Weigh` is called then.
pub(crate) struct Shards<V> {
    shards: Box<[Shard<V>]>,
    hasher: DefaultHashBuilder,
}

/// On cache lines of its own, so that threads on different shards do not slow each other down.
#[repr(align(128))]
struct Shard<V>(Mutex<Store<V>>);

/// So many entries leave a store at a time, for its mutex to be free for others in between.
const BATCH: usize = 256;

/// As many shards as are useful here: four for each thread that can run at the same time, so that two of them seldom
/// meet; a power of two, at most 64.
pub(crate) fn default_count() -> usize {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    threads.saturating_mul(4).next_power_of_two().min(64)
}

impl<V: Weigh> Shards<V> {
    /// `count` shards, or the next power of two.
    pub(crate) fn new(count: usize) -> Self {
        let hasher = DefaultHashBuilder::default();
        let count = count.clamp(1, 1 << 16).next_power_of_two() as u64;
        let shard = |first| Shard(Mutex::new(Store::new(hasher.clone(), first, count)));
        Self { shards: (0..count).map(shard).collect(), hasher }
    }

    /// What the shards cost without entries, in bytes.
    pub(crate) const fn empty_bytes(&self) -> usize {
        self.shards.len().saturating_mul(size_of::<Shard<V>>().saturating_add(Store::<V>::EMPTY_BYTES))
    }

    pub(crate) fn key<'a>(&self, name: &'a [u8]) -> Key<'a> {
        Key { name, hash: self.hasher.hash_one(name) }
    }

    /// The store to which a name belongs. The table inside takes the lowest and the highest bits of the hash, so this
    /// takes others.
    pub(crate) fn store(&self, key: Key<'_>) -> MutexGuard<'_, Store<V>> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        let number = usize::try_from((key.hash >> 32) & mask).unwrap_or_default();
        lock(&self.shards[number])
    }

    fn stores(&self) -> impl Iterator<Item = MutexGuard<'_, Store<V>>> {
        self.shards.iter().map(lock)
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

    /// Takes out all that has expired by `until`, in batches.
    pub(crate) fn expired(&self, until: Instant) -> impl Iterator<Item = Vec<NamedEntry<V>>> {
        self.shards.iter().flat_map(move |shard| {
            let batches = std::iter::repeat_with(move || lock(shard).pop_expired(until, BATCH));
            batches.take_while(|batch| !batch.is_empty())
        })
    }

    /// When the first entry of all expires.
    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.stores().filter_map(|store| store.first_deadline()).min()
    }

    /// Takes out an entry that expires by `until`, to make room.
    pub(crate) fn pop_first(&self, until: Instant, now: Instant) -> Option<NamedEntry<V>> {
        self.stores().find_map(|mut store| {
            let left = store.pop_first(until)?;
            store.statistics.count_displaced(left.entry.is_expired(now));
            Some(left)
        })
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

/// A panic in a value's code finds the store whole, so a poisoned mutex does, too.
fn lock<V>(shard: &Shard<V>) -> MutexGuard<'_, Store<V>> {
    shard.0.lock().unwrap_or_else(PoisonError::into_inner)
}
