//! Caches of held locks for Redlock: what makes it possible to release a lock by its name, in another place than where
//! it was taken.
//!
//! To lock things in a service take an adapter, `redlock-tokio` for instance, with its feature `cache`: its `NamedLocks`
//! do all of this. Come here for the caches' settings and guarantees, or to use them with a driver of your own.
//!
//! # Two caches
//!
//! | | [`MapCache`] | [`BoundedCache`] |
//! | --- | --- | --- |
//! | room | for everything | for what [its budget](BoundedCacheBuilder::budget) allows, 10 MiB |
//! | what has expired | is collected: by insertions, by a thread, or by you | goes when its room is needed, or by you |
//! | when it is full | | [refuses](WhenFull::Refuse), or [evicts](WhenFull::Evict) what expires soonest |
//!
//! Both are sharded, so threads seldom wait for each other, and know for each name a value, a [`Generation`] and a
//! deadline. Time is a parameter: nothing here reads a clock, but for the thread, which is given one.
//!
//! # What they promise
//!
//! - **Nothing is overwritten.** A name that is held, and has not expired, [refuses](Refusal::Held) a second entry.
//! - **Nothing leaves silently.** Every value that leaves is handed out, once, outside of all mutexes; so a live lock
//!   that had to go can be released, and a value that releases its lock when it is dropped does so.
//! - **One caller takes.** [`Cache::take`] and [`Cache::remove`] look and take out in one step, and
//!   [`Cache::remove`] and [`Cache::extend`] touch one generation only.
//! - **A budget holds.** What the entries and the empty cache cost is counted entry by entry, and is never above the
//!   budget; memory follows it, also when entries go, or become larger.
//! - **Work is short.** An insertion collects two expired entries at most, so nobody pays for the garbage of others.
//!
//! An entry costs [`BoundedCache::entry_bytes`] beside its name and its value's [weight](Weigh): 93 bytes where the value
//! is a [`Token`], of which about 70 are in use on average. A lock that is held by an adapter weighs about 2 KB more, so
//! 10 MiB are some 4,700 of those.
//!
//! # With a driver of your own
//!
//! Whoever drives [`redlock_core`] himself keeps the token that the release needs:
//!
//! ```
//! use std::time::Duration;
//! use redlock_cache::{Cache, MapCache};
//! use redlock_core::{Config, Instant, Lock, Options, Request, model};
//!
//! let config = Config::builder(["only"]).build()?;
//! let mut node = model::Node::new();
//! let clock = |millis| Instant::from_epoch(Duration::from_millis(millis));
//!
//! let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new())?;
//! let mut lock = Lock::acquire(&config, request, [7; 32], clock(0));
//! let command = lock.poll_command().expect("the first attempt");
//! lock.handle_reply(command.id, command.nodes.iter().next().unwrap(), node.execute(&command, clock(1)), clock(1));
//! assert!(lock.hand_over(clock(1)));
//! let deadline = lock.deadline().expect("it is held");
//!
//! let cache = MapCache::new();
//! let inserted = cache.insert(b"invoice:7", *command.action.token().expect("it is of a lock"), deadline, clock(1)).unwrap();
//! // ... and somewhere else:
//! let entry = cache.take(b"invoice:7", clock(2)).expect("it is held");
//! assert_eq!(entry.generation, inserted.generation);
//! assert!(!entry.is_expired(clock(2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # For those who come from redlock-go
//!
//! | redlock-go | here, with `redlock-tokio` |
//! | --- | --- |
//! | `NewRedLock(ctx, addrs)` | `NamedLocks::new(Redlock::builder().nodes(urls).build()?, MapCache::new())` |
//! | `WithCacheType(CacheTypeSimple)` | [`MapCache::new()`](MapCache::new) |
//! | `WithGCInterval(time.Minute)` | [`MapCache::builder().interval(…)`](MapCacheBuilder::interval), one minute as well |
//! | a goroutine that collects until `ctx` ends | [`build_with_thread(now)`](MapCacheBuilder::build_with_thread), until the cache is dropped |
//! | `WithDisableGC(true)` | [`build_without_collection()`](MapCacheBuilder::build_without_collection) |
//! | `WithCacheType(CacheTypeFreeCache)` | [`BoundedCache::new()`](BoundedCache::new) |
//! | `WithCacheSize(10*1024*1024)` | [`BoundedCache::builder().budget(…)`](BoundedCacheBuilder::budget), 10 MiB as well |
//! | `expiry, err := lock.Lock(ctx, "name", 200*time.Millisecond)` | `locks.lock("name", Duration::from_millis(200)).await?.validity` |
//! | `err := lock.UnLock(ctx, "name")` | `locks.unlock("name").await?`, which is a report |
//! | | `extend`, `held`, `unlock_all`, and `unlock_generation` for holders who may be late |
//!
//! What goes wrong there does not here: a late holder can name his own acquisition, an unlock does not erase the entry of
//! whoever locked meanwhile, an unknown name is an error, an entry expires when its lock does, and an entry that is
//! evicted is handed out.

mod bounded;
mod budget;
mod cache;
mod collector;
mod entry;
mod map;
mod named;
mod refusal;
mod shards;
mod statistics;
mod store;

pub use redlock_core::{Instant, Token};

pub use bounded::{BoundedCache, BoundedCacheBuilder, BudgetError, DEFAULT_BUDGET, MIN_BUDGET, WhenFull};
pub use cache::Cache;
pub use entry::{Entry, Generation, NamedEntry, Weigh};
pub use map::{DEFAULT_INTERVAL, MapCache, MapCacheBuilder};
pub use named::{
    Guard, HeldLock, HeldLocks, Locked, NamedExtendError, NamedLockError, NoLongestHold, NotHeld, NotKept,
};
pub use refusal::{Inserted, Refusal, Refused};
pub use statistics::Statistics;
