//! What the shells around [`Locks`](crate::Locks), async and blocking, say and take alike: the errors of their users, what
//! comes of work under a lock, the settings of their builders, and whoever observes what happens.
//!
//! Behind the feature `redis` is what both send to Redis as a store that refuses late holders.
//!
//! The observers for the crates `tracing` and `metrics` are here too, behind the features of these names, because both
//! shells need them and have no other crate in common. The machines of this crate know nothing of them: they only keep a
//! [history](crate::observed).

mod acquisition;
mod election;
mod error;
#[cfg(feature = "redis")]
mod fenced_store;
mod guard;
mod lease;
#[cfg(feature = "model")]
mod memory;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod redlock;
mod settings;
#[cfg(feature = "tracing")]
mod tracing;
mod vocabulary;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod words;
mod work;

pub use acquisition::Acquisition;
pub use error::{AcquireError, BuildError, NoRuntime};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use fenced_store::{FencedCommand, FencedStoreError};
#[cfg(feature = "model")]
#[cfg_attr(docsrs, doc(cfg(feature = "model")))]
pub use memory::{MemoryLink, MemoryNode};
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use metrics::{METRICS, Metric, MetricKind, Metrics};
pub use observer::{Observer, Observers};
pub use settings::{DEFAULT_CONNECT_TIMEOUT, Settings, Setup};
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use tracing::Tracing;
pub use work::{Completed, WorkError};
