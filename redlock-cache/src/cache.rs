use redlock_core::Instant;

use crate::{Entry, Generation, Inserted, NamedEntry, Refused, Statistics};

/// Held locks by name.
///
/// Time is a parameter: `now` and deadlines are instants of one clock, the caller's. An entry whose deadline has passed
/// is expired; it stays until it is taken, collected or displaced, so that its holder still learns what became of it.
///
/// **Nothing leaves silently.** What leaves is handed out by value, outside of all mutexes of the cache: by
/// [`take`](Self::take) and [`remove`](Self::remove) to who asked for it, by [`insert`](Self::insert) in
/// [`Inserted::displaced`], by [`collect`](Self::collect) in its list. Only a cache that collects by itself drops what
/// it collects, which is expired by then.
///
/// A cache of your own keeps to this as well.
pub trait Cache<V>: Send + Sync {
    /// Takes in a lock that was acquired. An entry of that name that has expired makes way for it.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the value, when there is an entry of that name that has not expired, or no room.
    fn insert(&self, name: &[u8], value: V, deadline: Instant, now: Instant) -> Result<Inserted<V>, Refused<V>>;

    /// A copy of the entry of that name, expired or not.
    fn get(&self, name: &[u8], now: Instant) -> Option<Entry<V>>;

    /// Takes out the entry of that name, expired or not. Of several callers at the same time one gets it.
    fn take(&self, name: &[u8], now: Instant) -> Option<Entry<V>>;

    /// Takes out the entry of that name if it is of this generation.
    fn remove(&self, name: &[u8], generation: Generation, now: Instant) -> Option<Entry<V>>;

    /// Moves the deadline of the entry of that name if it is of this generation. Whether it was.
    fn extend(&self, name: &[u8], generation: Generation, deadline: Instant) -> bool;

    /// Takes out all entries that have expired by `now`.
    fn collect(&self, now: Instant) -> Vec<NamedEntry<V>>;

    /// Copies of all entries, in no order. An entry that comes or goes meanwhile may be among them or not.
    fn iter(&self) -> Box<dyn Iterator<Item = NamedEntry<V>> + '_>;

    /// How many entries there are, expired ones included.
    fn len(&self) -> usize;

    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the cache and its entries cost.
    fn bytes(&self) -> usize;

    /// What has happened so far.
    fn statistics(&self) -> Statistics;
}
