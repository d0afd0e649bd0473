//! The async shell of Redlock for Rust: it drives the [`Locks`](redlock_core::Locks) of [`redlock_core`] over any
//! [`Transport`] and [`Runtime`].
//!
//! To lock things in a service, take the adapter of your runtime (`redlock-tokio`); it re-exports all that is needed
//! from here. Come here to put a transport or a runtime of your own under the locks.
//!
//! # The parts
//!
//! ```text
//!   Redlock ── lock() ──▶ Acquire ──▶ LockGuard ── extend(), release(), drop
//!      │                     │            │
//!      ▼                     ▼            ▼             one mutex, held for microseconds
//!  ┌─ Shell ────────────────────────────────────────────────────────────────────────┐
//!  │  redlock_core::Locks: locks, timers, queues, connections    wakers of callers  │
//!  └──────────▲───────────────────────────────────▲──────────────────────│──────────┘
//!             │ replies                           │ due                  ▼ batches
//!       NodeDriver, one per node ◀────────────────┼──────────────────────┘
//!             │   ▲                             timer             one task for all of them
//!             ▼   │
//!          Transport ─▶ Connection                                yours, or an adapter's
//! ```
//!
//! - A call takes the mutex and takes a step with [`Locks`](redlock_core::Locks), which queues the commands for the
//!   nodes, all in one go. So a release is always behind the SET that it undoes, and dropping a future or a guard needs
//!   nobody to stay around. Everything that is decided is decided there; the shell only knows who is to be woken.
//! - A node driver sends what has gathered for its node as one batch: the cost per lock falls as the load grows. When
//!   there is little to do it sends at once; when there is much, it lets those who are about to send go first.
//! - Node drivers and timer are one task: a call wakes it once for all nodes, and they wake each other and the callers
//!   without a change of thread.
//! - A caller is woken once, when the result is fixed. Nodes that answer later are the task's business.
//!
//! # A transport of your own
//!
//! Implement [`Transport`] and [`Connection`]; [`Command::wire`] has the words for a Redis server and
//! [`Reply::from_wire`] reads its answers. Then hand a [`Node`] to [`Builder::node`]. Here the "server" is the model
//! node of the core:
//!
//! ```
//! use std::{future::Future, time::Duration};
//! use redlock_core::model;
//! use redlock_driver::{Instant, Node, Redlock, Runtime, Unavailable};
//! use redlock_driver::transport::{Command, Connection, Reply, Transport};
//!
//! struct Model;
//!
//! impl Transport for Model {
//!     type Connection = Open;
//!     async fn connect(&mut self) -> Result<Open, Unavailable> {
//!         Ok(Open(model::Node::new()))
//!     }
//! }
//!
//! struct Open(model::Node);
//!
//! impl Connection for Open {
//!     fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
//!         let replies = batch.iter().map(|command| self.0.execute(command, Instant::EPOCH)).collect();
//!         async { Ok(replies) }
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Tokio; // `redlock-tokio` has a better one
//!
//! impl Runtime for Tokio {
//!     fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
//!         tokio::time::sleep(deadline.saturating_since(self.now()))
//!     }
//!     fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
//!         tokio::spawn(task);
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let nodes = ["one", "two", "three"].map(|name| Node::new(name, Model));
//! let redlock = Redlock::builder().nodes(nodes).build_on(Tokio)?;
//! let guard = redlock.lock("invoice:7", Duration::from_secs(10)).await?;
//! assert!(guard.is_valid());
//! guard.release().await;
//! # Ok(())
//! # }
//! ```
//!
//! The crate `redlock-conformance` holds your transport against all that is asked of it here, without a Redis server.
//!
//! # Features
//!
//! - `cache`: [`NamedLocks`], which are released by name, and the [caches][`cache`] that they are kept in;
//! - `memory`: [`memory::MemoryNode`], a node that lives in this process;
//! - `serde`: a [`DetachedLock`], an [`Owner`] and a [`Fence`] can be written and read, a [`Health`] report written;
//! - `tracing`: `Tracing`, which makes a span of each lock and events of what happens to nodes, for `Builder::observer`;
//! - `metrics`: `Metrics`, which counts and measures, for `Builder::observer`;
//! - `net`: sockets to nodes, for adapters; `net-tls`: TLS over them, by rustls;
//! - `redis-tokio-comp`, `redis-smol-comp`: `redis_rs`, nodes over the `redis` crate on tokio or on the reactor of smol,
//!   which is async-std's too. If a program enables both, redis-rs uses tokio inside a tokio runtime and smol everywhere
//!   else;
//! - `redis-cluster`: `redis_rs::RedisClusterNode`, a whole cluster as one node over the cluster client of the `redis` crate;
//! - `redis-tls`: the cryptography (ring) for `rediss://` URLs; they also take `tls-rustls-webpki-roots` of the `redis`
//!   crate, and `tokio-rustls-comp` or `smol-rustls-comp`. A program with both runtimes needs TLS on both or on none: the
//!   `redis` crate does not compile otherwise.
//!
//! [`Transport`]: transport::Transport
//! [`Connection`]: transport::Connection
//! [`Command::wire`]: transport::Command::wire
//! [`Reply::from_wire`]: transport::Reply::from_wire
#![cfg_attr(not(feature = "cache"), doc = "[`NamedLocks`]: #features\n[`cache`]: #features")]
#![cfg_attr(not(feature = "memory"), doc = "[`memory::MemoryNode`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod builder;
mod carrier;
pub mod cluster;
mod election;
mod guard;
mod hearing;
mod lease;
#[cfg(feature = "memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
pub mod memory;
#[cfg(feature = "cache")]
mod named_locks;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub mod native;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub mod net;
mod node_driver;
#[cfg(any(feature = "redis-smol-comp", feature = "redis-tokio-comp"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "redis-smol-comp", feature = "redis-tokio-comp"))))]
pub mod redis_rs;
mod redlock;
mod runtime;
mod shell;
mod status;
mod task;
mod timer;
pub mod transport;
mod vocabulary;
mod work;

#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
#[doc(inline)]
pub use redlock_cache as cache;
pub use redlock_core::shell::NoRuntime;
pub use redlock_core::system::seed;

redlock_core::shell_vocabulary!();

pub use acquire::Acquire;
pub use builder::{Builder, IntoNode, Node};
pub use election::{Candidate, Leadership};
pub use guard::{LockGuard, SharedGuard};
pub use lease::{Lease, Lost};
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use named_locks::{HeldLock, NamedLockError, NamedLocks};
pub use redlock::Redlock;
pub use runtime::{CurrentRuntime, Runtime};
