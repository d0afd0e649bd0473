//! Distributed locks over independent Redis (or Valkey) masters, without async: Redlock on the caller's thread.
//!
//! ```
//! use std::time::Duration;
//! use redlock_blocking::{Redlock, memory::MemoryNode};
//!
//! // In a service: .nodes(["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"])
//! let nodes = ["one", "two", "three"].map(MemoryNode::new); // with the feature `memory`
//! let redlock = Redlock::builder().nodes(nodes).build()?;
//!
//! let mut guard = redlock.lock("invoice:7", Duration::from_secs(10))?; // waits up to 30 seconds
//! assert!(redlock.try_lock("invoice:7", Duration::from_secs(10)).is_err());
//!
//! guard.extend(Duration::from_secs(20))?;
//! assert!(guard.remaining() > Duration::from_secs(19));
//!
//! let report = guard.release(); // or drop it
//! println!("{report}");
//!
//! redlock.close(); // before the process ends: waits for what is still to be released
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The API is that of `redlock-tokio`, with calls that block the thread in the place of futures, and locks of the two
//! exclude each other. The settings of a call stand between [`acquire`](Redlock::acquire) and [`lock`](Acquire::lock):
//! `redlock.acquire("invoice:7", ttl).wait(budget).lock()?`. There is no async runtime here or in the dependencies.
//!
//! # What it promises
//!
//! - At most one guard per resource is valid at any moment, while clock rates differ by less than the drift (1 %) and
//!   no node loses a live key early (eviction, `FLUSHALL`, a restart without persistence, a step of its clock).
//! - A call ends when its result is fixed. A node that hangs or is dead costs nobody any time.
//! - Dropping a guard sends the release, waits for nothing, and leaves nothing behind on the nodes; neither does a
//!   call that fails or is aborted.
//! - Releasing and extending never touch somebody else's lock.
//!
//! # What it does not promise
//!
//! - A process may pause between [`Lease::is_valid`] and the step that needed the lock, for longer than the lock
//!   lives. No lock with a TTL can prevent that: give steps less time than [`Lease::remaining`], and let what is
//!   protected check what it is given where that is possible.
//! - A lock is lost when its deadline passes, whatever you are doing then. [`Lease::wait_lost`] and
//!   [`Lease::on_lost`] tell you; [`Lease::is_valid`] is asked.
//!
//! # Threads
//!
//! ```text
//!   Redlock ── lock() ──▶ LockGuard ── extend(), release(), drop          any number of threads
//!      │                     │
//!      ▼                     ▼                 one mutex, held for microseconds
//!   ┌─ Shell ───────────────────────────────────────────────────────────────────┐
//!   │ redlock_core::Locks: locks, timers, queues, connections    parked threads │
//!   └──────┬──────────▲───────────────────────────────────────────▲─────────────┘
//!  batches ▼          │ replies                                   │ new connections
//!   the leader: one of the threads that wait, or the keeper    a thread for each try to connect
//!          │          ▲
//!     send ▼          │ receive, when one of them is ready
//!    Connection, one for each node
//! ```
//!
//! A thread that waits for a result and finds nobody leading becomes the leader: it sends what all threads have queued,
//! waits for all connections at once, and hands every reply to its lock, until its own result is there. The others park
//! until theirs is; then one of them leads. So a single caller does all of its work itself, without a change of thread,
//! and many callers share system calls. Replies that nobody waits for are read by the next call or by the handle's one
//! background thread, the keeper, which also tells nodes that missed a release again. No thread is started for an
//! operation.
//!
//! # Keeping a lock alive
//!
//! ```
//! # use redlock_blocking::{AcquireError, KeepAlive, Redlock};
//! # use std::time::Duration;
//! # fn work(until_lost: impl Fn() -> bool) {}
//! # let redlock = Redlock::builder().node("redis://127.0.0.1:1").build()?;
//! // Extended in the background, for an hour at most.
//! let keep_alive = KeepAlive::up_to(Duration::from_secs(3_600));
//! let acquire = redlock.acquire("invoice:7", Duration::from_secs(10)).keep_alive(keep_alive);
//! # let acquire = acquire.attempts(1);
//! match acquire.lock() {
//!     Ok(guard) => work(|| !guard.is_valid()), // looks now and then whether it has to stop
//!     Err(error) => eprintln!("{error}"),
//! }
//! # Ok::<(), redlock_blocking::BuildError>(())
//! ```
//!
//! The thread that leads extends it, or the keeper: there is no thread for each lock.
//!
//! # Aborting
//!
//! ```
//! # use redlock_blocking::{AcquireError, Redlock};
//! # use std::{thread, time::Duration};
//! # let redlock = Redlock::builder().node("redis://127.0.0.1:1").build()?;
//! let acquire = redlock.acquire("invoice:7", Duration::from_secs(10)).wait(Duration::from_secs(3600));
//! let abort = acquire.abort_handle();
//! let waiting = thread::spawn(move || acquire.lock());
//! abort.abort();
//! assert_eq!(waiting.join().unwrap().unwrap_err(), AcquireError::Aborted);
//! # Ok::<(), redlock_blocking::BuildError>(())
//! ```
//!
//! # Stopping a service
//!
//! [`close`](Redlock::close) ends the calls that wait for a lock, on whatever thread, with [`AcquireError::Closed`], and takes no
//! new ones. Guards that are still there keep their locks, so that their threads can come to an end; nothing is extended in
//! the background any more. Then join the threads, and close once more: that waits for the answers to the last releases, for half
//! a second at most.
//!
//! ```
//! # use redlock_blocking::Redlock;
//! # use std::{thread, time::Duration};
//! # let redlock = Redlock::builder().node("redis://127.0.0.1:1").build()?;
//! let handle = redlock.clone();
//! let worker = thread::spawn(move || {
//!     while let Ok(_guard) = handle.lock("invoice:7", Duration::from_secs(10)) {
//!         // ... work
//!     }
//! });
//! // After SIGTERM:
//! redlock.close();
//! worker.join().expect("the worker does not panic");
//! let left = redlock.close();
//! assert_eq!((left.held, left.unsettled), (0, 0));
//! # Ok::<(), redlock_blocking::BuildError>(())
//! ```
//!
//! Dropping a guard sends the release before it returns, and does not wait for the answer: a process that ends after that has
//! released its locks on the nodes that it could reach. What was not sent ends with its TTL.
//!
//! # Nodes
//!
//! [`Builder::node`] takes a URL, a [`UrlNode`] with certificates of your own, a client of the `redis` crate that was
//! configured elsewhere, a `memory::MemoryNode`, or a [`Node`] over a [`Transport`] of your own. Nodes must be independent
//! masters, neither replicas of each other nor members of one cluster. [`SentinelNode`] is for those who have nothing else: a master that fails over,
//! as one node. Its documentation says what that costs. A node that is down at the start, or goes down later, is used again
//! as soon as it is back.
//!
//! # Tests of your own code
//!
//! Nodes in memory fail when you say so. With them a test shows, without a server, what your program does when a lock is
//! refused or lost (feature `memory`). Handles of the async adapters in the same program can have them, too.
//!
//! ```
//! # use std::time::Duration;
//! use redlock_blocking::{ExtendError, Redlock, memory::MemoryNode};
//!
//! let nodes = ["one", "two", "three"].map(MemoryNode::new);
//! let redlock = Redlock::builder().nodes(&nodes).build()?;
//! let mut guard = redlock.lock("invoice:7", Duration::from_secs(10))?;
//!
//! nodes[0].cut(); // a minority cannot be reached
//! guard.extend(Duration::from_secs(10))?;
//!
//! nodes[1..].iter().for_each(MemoryNode::wipe); // a majority forgets the lock
//! let lost = guard.extend(Duration::from_secs(10));
//! assert!(matches!(lost, Err(ExtendError::Lost(_))));
//! assert!(!guard.is_valid());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A transport of your own
//!
//! Implement [`Transport`] and [`Connection`]: open a connection, send a command without waiting, and look for the next
//! reply for a limited time. With [`Connection::source`] it is waited for together with the others; without, it gets a
//! thread. [`Command::wire`] has the words for a Redis server and [`Reply::from_wire`] reads its
//! answers; `examples/blocking_transport` is a complete one for real servers, over a plain `TcpStream`. Here the "server"
//! is the model node of the core, which answers at once:
//!
//! ```
//! use std::{collections::VecDeque, time::Duration};
//! use redlock_blocking::{Node, Redlock, Unavailable, now};
//! use redlock_blocking::transport::{Command, Connection, Reply, Transport};
//! use redlock_core::model;
//!
//! struct Model;
//!
//! impl Transport for Model {
//!     type Connection = Open;
//!     fn connect(&mut self, _timeout: Duration) -> Result<Open, Unavailable> {
//!         Ok(Open { node: model::Node::new(), replies: VecDeque::new() })
//!     }
//! }
//!
//! struct Open {
//!     node: model::Node,
//!     replies: VecDeque<Reply>,
//! }
//!
//! impl Connection for Open {
//!     fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
//!         self.replies.push_back(self.node.execute(command, now()));
//!         Ok(())
//!     }
//!     fn receive(&mut self, _command: &Command, _timeout: Duration) -> Result<Option<Reply>, Unavailable> {
//!         Ok(self.replies.pop_front())
//!     }
//! }
//!
//! let nodes = ["one", "two", "three"].map(|name| Node::new(name, Model));
//! let redlock = Redlock::builder().nodes(nodes).build()?;
//! let guard = redlock.lock("invoice:7", Duration::from_secs(10))?;
//! assert!(guard.is_valid());
//! guard.release();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate `redlock-conformance` holds your transport against all that is asked of it here, without a Redis server.
//!
//! # Simulated threads and time
//!
//! A handle reads the clock, starts and parks threads and waits for connections through a [`Platform`](platform::Platform).
//! [`Builder::build_on`] takes another one than the operating system, so that a program can be run on threads and a clock
//! that a test decides about. `tests/simulation` of this crate does that with the handle itself: one seed decides which of
//! the threads leads, which go on, and what breaks meanwhile.
//!
//! # Features
//!
//! - `tls`: `rediss://` URLs, with the public authorities (of Mozilla's list) or your own certificates
//!   ([`UrlNode::tls`]). By rustls, with the cryptography that the program has installed in it, or else ring;
//! - `redis`: nodes from clients of the `redis` crate, and `set_if_not_stale`, which refuses the writes of late holders;
//! - `cache`: `NamedLocks`, which are released by name, and the caches that they are kept in;
//! - `memory`: nodes that live in this process, for first steps and for your own tests;
//! - `serde`: a [`DetachedLock`], an [`Owner`] and a [`Fence`] can be written and read, a [`Health`] report written;
//! - `tracing`: `Tracing`, which makes a span of each lock and events of what happens to nodes, for `Builder::observer`;
//! - `metrics`: `Metrics`, which counts and measures, for `Builder::observer`.
//!
//! [`Transport`]: transport::Transport
//! [`Connection`]: transport::Connection
//! [`Command::wire`]: transport::Command::wire
//! [`Reply::from_wire`]: transport::Reply::from_wire
//! [`Connection::source`]: transport::Connection::source
#![cfg_attr(not(feature = "tls"), doc = "[`UrlNode::tls`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acquire;
mod builder;
mod election;
#[cfg(feature = "redis")]
mod fenced_store;
mod guard;
mod handle;
mod lease;
#[cfg(feature = "memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
pub mod memory;
#[cfg(feature = "cache")]
mod named_locks;
mod native;
pub mod platform;
#[cfg(feature = "redis")]
mod redis_rs;
mod redlock;
mod shell;
pub mod transport;
mod work;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(no_inline)]
pub use redis;
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
#[doc(inline)]
pub use redlock_cache as cache;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redlock_core::shell::FencedStoreError;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
#[doc(no_inline)]
pub use redlock_core::system::tls::rustls;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use redlock_core::system::tls::{TlsBuilder, TlsError, TlsSettings};

redlock_core::shell_vocabulary!();

#[doc(no_inline)]
pub use mio;

pub use acquire::{AbortHandle, Acquire};
pub use builder::{Builder, IntoNode, Node};
pub use election::{Campaign, Candidate, Leadership};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use fenced_store::{get_if_not_stale, set_if_not_stale};
pub use guard::{LockGuard, SharedGuard};
pub use lease::Lease;
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use named_locks::{HeldLock, NamedLockError, NamedLocks};
pub use native::{SentinelNode, UrlNode};
pub use redlock::Redlock;
