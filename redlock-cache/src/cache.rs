use redlock_core::Instant;

use crate::{Entry, Generation, Inserted, NamedEntry, Refused, Statistics};

/// Keeps the trait to this crate, so that it can grow.
pub trait Sealed {}

/// Held locks by name.
///
/// Time is a parameter: `now` and deadlines are instants of one clock, the caller's. An entry whose deadline has passed
/// is expired; it stays until it is taken, collected or displaced, so that its holder still learns what became of it.
///
/// **Nothing leaves silently.** What leaves is handed out by value, outside of all mutexes of the cache: by
/// [`take`](Self::take) and [`remove`](Self::remove) to who asked for it, by [`insert`](Self::insert) in
/// [`Inserted::displaced`], by [`collect`](Self::collect) in its list. Only a cache that collects by itself drops what
/// it collects, which is expired by then.
pub trait Cache<V>: Sealed + Send + Sync {
    /// Takes in a lock that was acquired. An entry of that name that has expired makes way for it.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the value, when there is an entry of that name that has not expired, or no room.
    fn insert(&self, name: &[u8], value: V, deadline: Instant, now: Instant) -> Result<Inserted<V>, Refused<V>>;

    /// Returns a copy of the entry of that name, expired or not.
    fn get(&self, name: &[u8], now: Instant) -> Option<Entry<V>>;

    /// Takes out the entry of that name, expired or not. Of several callers at the same time one gets it.
    fn take(&self, name: &[u8], now: Instant) -> Option<Entry<V>>;

    /// Takes out the entry of that name if it is of this generation.
    fn remove(&self, name: &[u8], generation: Generation, now: Instant) -> Option<Entry<V>>;

    /// Moves the deadline of the entry of that name if it is of this generation. Returns whether it was.
    fn extend(&self, name: &[u8], generation: Generation, deadline: Instant) -> bool;

    /// Takes out all entries that have expired by `now`.
    fn collect(&self, now: Instant) -> Vec<NamedEntry<V>>;

    /// Returns copies of all entries, in no order. An entry that comes or goes meanwhile may be among them or not.
    fn iter(&self) -> Box<dyn Iterator<Item = NamedEntry<V>> + '_>;

    /// Returns the number of entries, expired ones included.
    fn len(&self) -> usize;

    /// Returns whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes that the cache and its entries cost.
    fn bytes(&self) -> usize;

    /// Returns what has happened so far.
    fn statistics(&self) -> Statistics;
}

/// Makes a cache of a type whose entries are in its `shards`, by whatever rules these have.
macro_rules! kept_in_shards {
    ($cache:ident) => {
        impl<V: $crate::Weigh> $crate::cache::Sealed for $cache<V> {}

        impl<V: $crate::Weigh + Clone + Send> $crate::Cache<V> for $cache<V> {
            fn insert(
                &self,
                name: &[u8],
                value: V,
                deadline: $crate::Instant,
                now: $crate::Instant,
            ) -> Result<$crate::Inserted<V>, $crate::Refused<V>> {
                self.shards.insert(name, value, deadline, now)
            }

            fn get(&self, name: &[u8], now: $crate::Instant) -> Option<$crate::Entry<V>> {
                self.shards.get(name, now)
            }

            fn take(&self, name: &[u8], now: $crate::Instant) -> Option<$crate::Entry<V>> {
                self.shards.take(name, now)
            }

            fn remove(
                &self,
                name: &[u8],
                generation: $crate::Generation,
                now: $crate::Instant,
            ) -> Option<$crate::Entry<V>> {
                self.shards.remove(name, generation, now)
            }

            fn extend(&self, name: &[u8], generation: $crate::Generation, deadline: $crate::Instant) -> bool {
                self.shards.extend(name, generation, deadline)
            }

            fn collect(&self, now: $crate::Instant) -> Vec<$crate::NamedEntry<V>> {
                self.shards.expired(now).flatten().collect()
            }

            fn iter(&self) -> Box<dyn Iterator<Item = $crate::NamedEntry<V>> + '_> {
                Box::new(self.shards.iter())
            }

            fn len(&self) -> usize {
                self.shards.len()
            }

            fn bytes(&self) -> usize {
                self.shards.bytes()
            }

            fn statistics(&self) -> $crate::Statistics {
                self.shards.statistics()
            }
        }
    };
}
pub(crate) use kept_in_shards;
