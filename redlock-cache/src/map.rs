use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::Instant;

use crate::cache::kept_in_shards;
use crate::collector::Collector;
use crate::shards::{self, Rules, Shards};
use crate::{Weigh, WhenFull};

/// The time for which a [`MapCache`] keeps what has expired, and the interval at which its thread looks, unless
/// [`MapCacheBuilder::interval`] says otherwise: one minute, as the map of redlock-go.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// A [`Cache`](crate::Cache) that has room for everything, and collects what has expired.
///
/// What has expired stays for one [interval](MapCacheBuilder::interval) at least, so that a holder who is late is told
/// so. After that it is collected: by insertions, two entries each (the default, without a thread); by a
/// [thread](MapCacheBuilder::build_with_thread); or by nobody but [`Cache::collect`](crate::Cache::collect).
///
/// ```
/// use std::time::Duration;
/// use redlock_cache::{Cache, Instant, MapCache, Weigh};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Lease(&'static str);
/// impl Weigh for Lease {}
///
/// let clock = |seconds| Instant::from_epoch(Duration::from_secs(seconds));
/// let cache = MapCache::new();
/// let inserted = cache.insert(b"invoice:7", Lease("mine"), clock(10), clock(0)).unwrap();
/// assert_eq!(inserted.displaced, []);
///
/// assert!(cache.insert(b"invoice:7", Lease("another"), clock(11), clock(1)).is_err(), "it is held");
/// assert!(cache.extend(b"invoice:7", inserted.generation, clock(20)));
///
/// let taken = cache.take(b"invoice:7", clock(15)).unwrap();
/// assert_eq!((taken.value, taken.deadline), (Lease("mine"), clock(20)));
/// assert!(cache.take(b"invoice:7", clock(15)).is_none());
/// ```
pub struct MapCache<V> {
    shards: Arc<Shards<V>>,
    _collector: Option<Collector>,
}

impl<V: Weigh> MapCache<V> {
    /// Creates a cache with the defaults: insertions collect what has been expired for [`DEFAULT_INTERVAL`].
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a cache with settings of its own.
    pub fn builder() -> MapCacheBuilder<V> {
        MapCacheBuilder { interval: DEFAULT_INTERVAL, shards: shards::default_count(), values: PhantomData }
    }
}

impl<V: Weigh> Default for MapCache<V> {
    fn default() -> Self {
        Self::new()
    }
}

kept_in_shards!(MapCache);

impl<V: Weigh> fmt::Debug for MapCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapCache").field("kept", &self.shards.rules().kept).finish_non_exhaustive()
    }
}

/// Makes a [`MapCache`]; begun by [`MapCache::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct MapCacheBuilder<V> {
    interval: Duration,
    shards: usize,
    values: PhantomData<fn() -> V>,
}

impl<V: Weigh> MapCacheBuilder<V> {
    /// Sets how long at least an entry stays after it has expired, and how often the thread of
    /// [`build_with_thread`](Self::build_with_thread) looks; [`DEFAULT_INTERVAL`] unless set, and at least 1 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the number of parts with a mutex each: the next power of two. Unless set, eight for each processor, 16 to
    /// 256.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Creates a cache without a thread: each insertion collects up to two entries that have been expired for an
    /// interval.
    #[must_use]
    pub fn build(self) -> MapCache<V> {
        let kept = Some(self.interval);
        MapCache { shards: self.shards_with(kept), _collector: None }
    }

    /// Creates a cache that collects nothing by itself: [`Cache::collect`](crate::Cache::collect) is there for that.
    #[must_use]
    pub fn build_without_collection(self) -> MapCache<V> {
        MapCache { shards: self.shards_with(None), _collector: None }
    }

    /// Creates a cache with a thread of its own that collects, every interval, what has been expired for one. The
    /// thread sleeps in between, and ends when the cache is dropped.
    ///
    /// `clock` must be the clock of all deadlines: `now` of the adapter's crate, unless the runtime is one of your own.
    ///
    /// # Errors
    ///
    /// Those of the operating system, which may have no thread to give.
    pub fn build_with_thread(self, clock: impl Fn() -> Instant + Send + 'static) -> std::io::Result<MapCache<V>>
    where
        V: Send + 'static,
    {
        let shards = self.shards_with(None);
        let (weak, interval) = (Arc::downgrade(&shards), self.interval);
        let collector = Collector::start(interval, move || {
            if let Some(shards) = weak.upgrade() {
                shards.expired(clock().saturating_sub(interval)).for_each(drop);
            }
        })?;
        Ok(MapCache { shards, _collector: Some(collector) })
    }

    fn shards_with(&self, kept: Option<Duration>) -> Arc<Shards<V>> {
        let rules = Rules { budget: usize::MAX, when_full: WhenFull::Refuse, kept };
        Arc::new(Shards::new(self.shards, rules))
    }
}

impl<V> fmt::Debug for MapCacheBuilder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapCacheBuilder")
            .field("interval", &self.interval)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
