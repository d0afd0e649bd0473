//! Caches of held locks for Redlock.

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
pub use named::{Locked, NamedExtendError, NamedLockError, NotHeld};
pub use refusal::{Inserted, Refusal, Refused};
pub use statistics::Statistics;
