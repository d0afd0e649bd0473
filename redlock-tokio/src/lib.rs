//! Distributed locks for tokio over independent Redis (or Valkey) masters: Redlock, done right.
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::{Redlock, memory::MemoryNode};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a service: .nodes(["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"])
//! let nodes = ["one", "two", "three"].map(MemoryNode::new); // with the feature `memory`
//! let redlock = Redlock::builder().nodes(nodes).build()?;
//!
//! let mut guard = redlock.lock("invoice:7", Duration::from_secs(10)).await?;
//! assert!(redlock.try_lock("invoice:7", Duration::from_secs(10)).await.is_err());
//!
//! guard.extend(Duration::from_secs(20)).await?;
//! assert!(guard.remaining() > Duration::from_secs(19));
//!
//! let report = guard.release().await;
//! println!("{report}");
//!
//! redlock.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Keeping a lock alive
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::{KeepAlive, Redlock};
//! # use redlock_tokio::memory::MemoryNode;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build()?;
//! # async fn work() {}
//! // Extended in the background, for an hour at most.
//! let keep_alive = KeepAlive::up_to(Duration::from_secs(3_600));
//! let guard = redlock.lock("invoice:7", Duration::from_secs(10)).keep_alive(keep_alive).await?;
//!
//! let watch = guard.lost(); // completes at the deadline at the latest, whatever the nodes do
//! # drop(watch);
//! work().await;
//! guard.release().await;
//! # Ok(())
//! # }
//! ```
//!
//! Run the work beside [`Lease::lost`] and stop it when that completes first.
//!
//! # Release by name
//!
//! Handlers that lock in one request and unlock in another use `NamedLocks`, with the feature `cache`:
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::{NamedLocks, Redlock, cache::MapCache};
//! # use redlock_tokio::memory::MemoryNode;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build()?;
//! let locks = NamedLocks::new(redlock, MapCache::new());
//!
//! let locked = locks.lock("invoice:7", Duration::from_millis(200)).await?;
//! println!("valid for {:?}", locked.validity);
//! // ... and somewhere else:
//! let report = locks.unlock("invoice:7").await?;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - At most one guard per resource is valid at any moment, while clock rates differ by less than the drift (1 %) and
//!   no node loses a live key early (eviction, `FLUSHALL`, a restart without persistence, a step of its clock).
//! - A lock needs a majority of the nodes, and nothing of the others: with one of three, or two of five, dead or hung,
//!   everything goes on, at the same speed.
//! - Dropping a guard, or any future at any point, leaves nothing behind on the nodes.
//! - Releasing and extending never touch somebody else's lock.
//!
//! # What it does not promise
//!
//! A process may pause between [`Lease::is_valid`] and the step that needed the lock, for longer than the lock
//! lives. No lock with a TTL can prevent that: give steps less time than [`Lease::remaining`], and let what is
//! protected check what it is given where that is possible.
//!
//! # Runtimes
//!
//! A handle runs on the runtime that it was built on, which needs I/O and timers: `enable_all` if you build it yourself,
//! or `build` panics with tokio's own words. When that ends first, the next call goes on in the caller's runtime:
//! connections are made again, and what is held stays held. A call outside of any runtime then ends at once:
//! [`AcquireError::NoRuntime`], an extension or release that reports that no node was told. So a handle can be shared
//! by tests that each have a runtime of their own. A runtime that is still there but that nobody drives (a
//! `current_thread` runtime outside of `block_on`) holds up its handles; build the handle on the one that runs.
//!
//! # Stopping a service
//!
//! Take no new work, give what is under way some time, drop the rest, and close the handle. Dropping a task releases its
//! lock; [`close`](redlock_driver::Redlock::close) waits until the nodes have answered, for half a second at most.
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::Redlock;
//! use tokio::{task::JoinSet, time::timeout};
//! # use redlock_tokio::memory::MemoryNode;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build()?;
//! let mut tasks = JoinSet::new();
//! let handle = redlock.clone();
//! tasks.spawn(async move {
//!     let _guard = handle.lock("invoice:7", Duration::from_secs(10)).await;
//!     // ... work
//! });
//! // After SIGTERM:
//! let all_done = async { while tasks.join_next().await.is_some() {} };
//! let _ = timeout(Duration::from_secs(20), all_done).await;
//! tasks.shutdown().await;
//! let left = redlock.close().await;
//! assert_eq!((left.held, left.unsettled), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Testing with virtual time
//!
//! A handle whose nodes all live in memory goes by tokio's clock: deadlines, wait budgets and the nodes' TTLs alike. So
//! a test that pauses the clock waits for nothing (features `memory` here and `test-util` of tokio):
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::{Loss, Redlock, memory::MemoryNode};
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let nodes = ["one", "two", "three"].map(MemoryNode::new);
//!     let redlock = Redlock::builder().nodes(nodes).build()?;
//!
//!     let guard = redlock.lock("invoice:7", Duration::from_secs(60)).await?;
//!     tokio::time::sleep(Duration::from_secs(30)).await; // the work; takes no time here
//!     assert!(guard.is_valid());
//!
//!     // Somebody who waits for 10 seconds gives up, and the lock ends after a minute.
//!     let waiting = redlock.lock("invoice:7", Duration::from_secs(60)).wait(Duration::from_secs(10));
//!     assert!(waiting.await.is_err());
//!     assert_eq!(guard.lost().await, Loss::Expired);
//!     assert!(!guard.is_valid());
//!     Ok(())
//! }
//! ```
//!
//! With real servers time is the system's, whatever a test does to tokio's clock: their TTLs do not know of it.
//!
//! The waits between attempts are random, so two runs of a test may differ. Build its handles with
//! [`build_on`](Builder::build_on) on clones of one [`Tokio::repeatable`], which takes a seed: a property test then finds the
//! same failure again, and can shrink it.
//!
//! # Nodes
//!
//! [`Builder::node`] takes a URL, a client of the `redis` or the `fred` crate that was configured elsewhere, a
//! `memory::MemoryNode`, or a [`Node`] over a [`Transport`] of your own. Nodes must be independent
//! masters, neither replicas of each other nor members of one cluster. [`SentinelNode`] and [`ClusterNode`] are for those who
//! have nothing else: a master that fails over, or a whole cluster, as one node. Their documentation says what that
//! costs. `RedisClusterNode` and `FredClusterNode` are the same from a cluster client of the `redis` or the `fred` crate. A node
//! that is down at the start, or goes down later, is used again as soon as it is back; nothing needs to be restarted.
//!
//! A URL is carried by a connection of this library's own, which speaks RESP3, or RESP2 where the server or an ACL refuses
//! it. [`UrlNode`] adds what has no place in a URL, such as certificates. `RedisUrl` and `FredUrl` carry the same URL over
//! the `redis` and the `fred` crate. In RESP2, and over `fred`, whoever waits for a lock hears over a second connection, which
//! is opened when that happens for the first time.
//!
//! The name of a host is looked up at every connection, and its addresses are tried side by side. A connection that takes
//! everything and answers nothing is given up after [`Builder::silence_timeout`], and one that nobody uses is tried out
//! every [`Builder::ping_interval`].
//!
//! # Coming from redsync
//!
//! | redsync | here |
//! | --- | --- |
//! | `redsync.New(pools…)` | `Redlock::builder().nodes(urls).build()?`, once; clones share it |
//! | `rs.NewMutex(name, WithExpiry(ttl))`, then `LockContext(ctx)` | `redlock.lock(name, ttl).await?` is the guard; dropping the future is what cancelling `ctx` is |
//! | `TryLock()` | `try_lock(name, ttl)` |
//! | `WithTries(32)`, 32 unless set | `.wait(..)` is a time, 30 s unless set; `.attempts(32)` is a number |
//! | `WithRetryDelay(d)` | `.retry_delay(..)`; whoever waits is called up by a release, so it matters little |
//! | `WithDriftFactor(0.01)` | [`Builder::drift_factor`] |
//! | `WithTimeoutFactor(0.05)` | [`Builder::node_timeout`] |
//! | `WithFailFast(true)`, `WithSetNXOnExtend()` | always so |
//! | `WithValue(v)`, to unlock elsewhere | `NamedLocks` in one process, [`DetachedLock`] between two |
//! | `Extend()` | `guard.extend(ttl).await?`, or `.keep_alive(..)` in the background |
//! | `Unlock()` | `guard.release().await` is a report, and no error when the lock has expired; or drop the guard |
//! | `Until()`, `Valid()`, `Name()` | [`Lease::remaining`], [`Lease::is_valid`], [`Lease::resources`]; they ask no node |
//! | `ErrTaken`, `ErrFailed` | [`AcquireError::Contended`], or [`AcquireError::Unavailable`] when too few nodes answer |
//! | `ErrExtendFailed` | [`ExtendError::Unconfirmed`], which may be tried again, or [`ExtendError::Lost`] |
//! | `ErrLockAlreadyExpired` | [`ReleaseVerdict::AlreadyExpired`] |
//!
//! ```
//! use std::time::Duration;
//! use redlock_tokio::{NodeTimeout, Redlock, ReleaseVerdict, RetryDelay, memory::MemoryNode};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let nodes = ["one", "two", "three"].map(MemoryNode::new);
//! let timeout = NodeTimeout::fixed(Duration::from_millis(400));
//! let redlock = Redlock::builder().nodes(nodes).drift_factor(0.01).node_timeout(timeout).build()?;
//!
//! let delay = RetryDelay::new(Duration::from_millis(50), Duration::from_millis(250));
//! let mut guard = redlock.lock("invoice:7", Duration::from_secs(8)).attempts(32).retry_delay(delay).await?;
//! guard.extend(Duration::from_secs(8)).await?;
//! assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
//! # Ok(())
//! # }
//! ```
//!
//! Coming from redlock-go? The front page of `redlock-cache` maps its options to `NamedLocks`.
//!
//! # Features
//!
//! - `tls`: `rediss://` URLs, with the public authorities (of Mozilla's list) or your own certificates;
//! - `redis`: nodes from clients of the `redis` crate, `RedisUrl`, and `set_if_not_stale` for a Redis that is written to under [fenced](fence) locks;
//! - `redis-cluster`: `RedisClusterNode`, a whole cluster as one node over the cluster client of the `redis` crate;
//! - `fred`: nodes from clients of the `fred` crate, `FredUrl` and `FredClusterNode`;
//! - `memory`: nodes that live in this process, for first steps and for your own tests;
//! - `cache`: `NamedLocks`, which are released by name, and the caches that they are kept in;
//! - `serde`: a [`DetachedLock`], an [`Owner`] and a [`Fence`] can be written and read, a [`Health`] report written;
//! - `tracing`: `Tracing`, which makes a span of each lock and events of what happens to nodes, for `Builder::observer`;
//! - `metrics`: `Metrics`, which counts and measures, for `Builder::observer`.
//!
//! [`Transport`]: transport::Transport
#![cfg_attr(not(feature = "memory"), doc = "[`Tokio::repeatable`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "fred")]
mod fred_rs;
mod net;
#[cfg(feature = "redis")]
mod redis_rs;
mod runtime;
mod url;

#[cfg(feature = "fred")]
#[cfg_attr(docsrs, doc(cfg(feature = "fred")))]
#[doc(no_inline)]
pub use fred;
#[cfg(feature = "fred")]
#[cfg_attr(docsrs, doc(cfg(feature = "fred")))]
pub use fred_rs::{FredClusterNode, FredClusterTransport, FredConnection, FredTransport, FredUrl};
pub use net::TokioSocket;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(no_inline)]
pub use redis;
pub use runtime::Tokio;

redlock_driver::adapter_vocabulary!(Tokio);
