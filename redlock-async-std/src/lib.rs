//! Distributed locks for async-std and smol over independent Redis (or Valkey) masters: Redlock, done right.
//!
//! ```
//! use std::time::Duration;
//! use redlock_async_std::{Redlock, memory::MemoryNode};
//!
//! # #[async_std::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a service: .nodes(["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"])
//! let nodes = ["one", "two", "three"].map(MemoryNode::new);
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
//! # async-std is unmaintained
//!
//! The authors of async-std have stopped maintaining it and name smol as its successor ([RUSTSEC-2025-0052]). This
//! crate is for services that are still on async-std, and for those on smol or on their way there. A new service is
//! better off with `redlock-tokio`.
//!
//! # On smol
//!
//! Nothing here asks which executor polls it: locks can be taken, extended and released in `smol::block_on`, in
//! `smol::spawn`, on an `Executor` or `LocalExecutor` of your own, and with the macros of `smol-macros`.
//!
//! ```
//! # use std::time::Duration;
//! # use redlock_async_std::{AcquireError, Redlock, memory::MemoryNode};
//! smol::block_on(async {
//!     let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build().unwrap();
//!     let guard = smol::spawn(redlock.lock("invoice:7", Duration::from_secs(10))).await?;
//!     guard.release().await;
//!     redlock.close().await;
//!     Ok::<(), AcquireError>(())
//! })?;
//! # Ok::<(), redlock_async_std::AcquireError>(())
//! ```
//!
//! What the driver does in the background (one task for each `Redlock`) runs on async-std's executor, and the
//! sockets of redis-rs on smol's global one; both have threads of their own and share one reactor (async-io) with your
//! program. No executor of yours needs to go on for a release, a reconnect or a timer. A program on smol alone pays for
//! that with the threads of async-std's executor, one per core, which sleep when there is nothing to do
//! (`ASYNC_STD_THREAD_COUNT` limits them).
//!
//! # Keeping a lock alive
//!
//! ```
//! use std::time::Duration;
//! use redlock_async_std::{KeepAlive, Redlock};
//! # use redlock_async_std::memory::MemoryNode;
//!
//! # #[async_std::main]
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
//! use redlock_async_std::{NamedLocks, Redlock, cache::MapCache};
//! # use redlock_async_std::memory::MemoryNode;
//!
//! # #[async_std::main]
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
//! # Nodes
//!
//! [`Builder::node`] takes a URL, a client of the `redis` crate that was configured elsewhere, a
//! `memory::MemoryNode`, or a [`Node`] over a [`Transport`] of your own. Nodes must be independent
//! masters, neither replicas of each other nor members of one cluster. [`SentinelNode`] and [`ClusterNode`] are for those who
//! have nothing else: a master that fails over, or a whole cluster, as one node. Their documentation says what that
//! costs. `RedisClusterNode` is the same from a cluster client of the `redis` crate. A node that is down at the start, or goes down
//! later, is used again as soon as it is back; nothing needs to be restarted.
//!
//! A URL is carried by a connection of this library's own, which speaks RESP3, or RESP2 where the server or an ACL refuses
//! it. [`UrlNode`] adds what has no place in a URL, such as certificates. `RedisUrl` carries the same URL over the `redis`
//! crate.
//!
//! The name of a host is looked up at every connection, and its addresses are tried side by side. A connection that takes
//! everything and answers nothing is given up after [`Builder::silence_timeout`], and one that nobody uses is tried out
//! every [`Builder::ping_interval`].
//!
//! # Features
//!
//! - `tls`: `rediss://` URLs, with the public authorities (of Mozilla's list) or your own certificates;
//! - `redis`: nodes from clients of the `redis` crate, `RedisUrl`, and a fenced store, `set_if_not_stale` (with `tls`, a program that uses `redlock-tokio` with
//!   `redis` as well enables `tls` there, too: redis-rs does not compile with TLS on one of two runtimes);
//! - `redis-cluster`: `RedisClusterNode`, a whole cluster as one node over the cluster client of the `redis` crate;
//! - `memory`: nodes that live in this process, for first steps and for your own tests;
//! - `cache`: `NamedLocks`, which are released by name, and the caches that they are kept in;
//! - `serde`: a [`DetachedLock`], an [`Owner`] and a [`Fence`] can be written and read, a [`Health`] report written;
//! - `tracing`: `Tracing`, which makes a span of each lock and events of what happens to nodes, for `Builder::observer`;
//! - `metrics`: `Metrics`, which counts and measures, for `Builder::observer`.
//!
//! [RUSTSEC-2025-0052]: https://rustsec.org/advisories/RUSTSEC-2025-0052.html
//!
//! [`Transport`]: transport::Transport

#![cfg_attr(docsrs, feature(doc_cfg))]

mod net;
#[cfg(feature = "redis")]
mod redis_rs;
mod runtime;
mod url;

pub use net::AsyncStdSocket;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(no_inline)]
pub use redis;
pub use runtime::AsyncStd;

redlock_driver::adapter_vocabulary!(AsyncStd);
