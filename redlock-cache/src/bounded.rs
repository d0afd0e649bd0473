use std::fmt;
use std::marker::PhantomData;

use crate::Weigh;
use crate::cache::kept_in_shards;
use crate::shards::{self, Rules, Shards};
use crate::store::Store;

/// The memory budget of a [`BoundedCache`] unless [`BoundedCacheBuilder::budget`] says otherwise: 10 MiB, as the
/// freecache of redlock-go.
pub const DEFAULT_BUDGET: usize = 10 * 1024 * 1024;

/// The smallest budget, 4 KiB: a cache without entries costs about a fifth of it.
pub const MIN_BUDGET: usize = 4 * 1024;

/// For each shard there is so much of the budget at least, so that the shards themselves cost little of it.
const BUDGET_PER_SHARD: usize = 64 * 1024;

/// The behaviour of a [`BoundedCache`] whose budget is used up by locks that have not expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The newcomer is [refused](crate::Refusal::Full). The default: a lock that is held stays held.
    #[default]
    Refuse,
    /// The entry that expires soonest, of all the cache, is evicted and [handed out](crate::Inserted::displaced) so
    /// that its lock can be released; the next one, too, if that is not enough.
    Evict,
}

/// A [`Cache`](crate::Cache) with a budget in bytes.
///
/// An entry costs the length of its name, the [weight](Weigh) of its value, and [a fixed sum](Self::entry_bytes) that
/// covers its slot and its share of the tables, with all that these ever have to spare. The costs of all entries and of
/// the empty cache are never above the budget, and neither is the memory that they take.
///
/// When there is no room, entries that have expired go first, then [`WhenFull`] decides. Which of them expires first is
/// found out by looking at all parts of the cache, so it is exact but for what other threads change in that moment.
///
/// ```
/// use std::time::Duration;
/// use redlock_cache::{BoundedCache, Cache, Instant, Refusal, Weigh, WhenFull};
///
/// #[derive(Clone, Debug)]
/// struct Lease;
/// impl Weigh for Lease {
///     fn weight(&self) -> usize {
///         5_000
///     }
/// }
///
/// let clock = |seconds| Instant::from_epoch(Duration::from_secs(seconds));
/// let builder = BoundedCache::<Lease>::builder().budget(8_192);
///
/// let cache = builder.clone().build()?;
/// cache.insert(b"first", Lease, clock(10), clock(0)).unwrap();
/// let refused = cache.insert(b"second", Lease, clock(20), clock(0)).unwrap_err();
/// assert!(matches!(refused.reason, Refusal::Full { .. }));
///
/// let cache = builder.when_full(WhenFull::Evict).build()?;
/// cache.insert(b"first", Lease, clock(10), clock(0)).unwrap();
/// let inserted = cache.insert(b"second", Lease, clock(20), clock(0)).unwrap();
/// assert_eq!(*inserted.displaced[0].name, *b"first");
/// # Ok::<(), redlock_cache::BudgetError>(())
/// ```
pub struct BoundedCache<V> {
    shards: Shards<V>,
}

impl<V: Weigh> BoundedCache<V> {
    /// Creates a cache with the defaults: [`DEFAULT_BUDGET`], and newcomers are refused when it is full.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().make()
    }

    /// Begins a cache with settings of its own.
    pub fn builder() -> BoundedCacheBuilder<V> {
        BoundedCacheBuilder {
            budget: DEFAULT_BUDGET,
            when_full: WhenFull::default(),
            shards: shards::default_count(),
            values: PhantomData,
        }
    }

    /// Returns the bytes that an entry costs beside its name and its value's weight.
    #[must_use]
    pub const fn entry_bytes() -> usize {
        Store::<V>::SLOT_BYTES
    }

    /// Returns the memory budget of the cache, in bytes.
    #[must_use]
    pub const fn budget(&self) -> usize {
        self.shards.rules().budget
    }
}

impl<V: Weigh> Default for BoundedCache<V> {
    fn default() -> Self {
        Self::new()
    }
}

kept_in_shards!(BoundedCache);

impl<V: Weigh> fmt::Debug for BoundedCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedCache").field("rules", &self.shards.rules()).finish_non_exhaustive()
    }
}

/// Makes a [`BoundedCache`]; begun by [`BoundedCache::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct BoundedCacheBuilder<V> {
    budget: usize,
    when_full: WhenFull,
    shards: usize,
    values: PhantomData<fn() -> V>,
}

impl<V: Weigh> BoundedCacheBuilder<V> {
    /// Sets the memory budget of the cache, in bytes; [`DEFAULT_BUDGET`] unless set, and at least [`MIN_BUDGET`].
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Sets what happens when the budget is used up; [`WhenFull::Refuse`] unless set.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the number of parts with a mutex each: the next power of two. Unless set, eight for each processor, 16 to
    /// 256; and never more than one for each 64 KiB of the budget.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Creates the cache.
    ///
    /// # Errors
    ///
    /// [`BudgetError`] for a budget below [`MIN_BUDGET`].
    pub fn build(self) -> Result<BoundedCache<V>, BudgetError> {
        if self.budget < MIN_BUDGET { Err(BudgetError { budget: self.budget }) } else { Ok(self.make()) }
    }

    fn make(self) -> BoundedCache<V> {
        let most = (self.budget / BUDGET_PER_SHARD).max(1);
        let rules = Rules { budget: self.budget, when_full: self.when_full, kept: None };
        BoundedCache { shards: Shards::new(self.shards.min(1 << most.ilog2()), rules) }
    }
}

impl<V> Clone for BoundedCacheBuilder<V> {
    fn clone(&self) -> Self {
        Self { budget: self.budget, when_full: self.when_full, shards: self.shards, values: PhantomData }
    }
}

impl<V> fmt::Debug for BoundedCacheBuilder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedCacheBuilder")
            .field("budget", &self.budget)
            .field("when_full", &self.when_full)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// The budget of a cache is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a budget of {budget} bytes is too small for a cache of held locks: it takes at least {MIN_BUDGET}")]
#[non_exhaustive]
pub struct BudgetError {
    /// The budget that was asked for, in bytes.
    pub budget: usize,
}
