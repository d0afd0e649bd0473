//! Redlock as a pure state machine: a distributed lock over N independent Redis (or Valkey) masters.
//!
//! This crate decides; it does nothing else. It reads no clock, draws no randomness, opens no connection and knows no
//! `async`: time, seeds and replies are handed in, and commands and events are handed out. The same machine therefore
//! runs under tokio, on a plain thread, in a simulator with virtual time, and on a microcontroller (`no_std` with
//! `alloc`). To lock things in a service take an adapter, `redlock-tokio` for instance; come here to property-test
//! without Redis, or to put a transport of your own under the protocol.
//!
//! # What it promises
//!
//! While clock rates differ by less than the configured drift, and no node loses a live key early (a clock step,
//! eviction, `FLUSHALL`, a restart without persistence), at most one lock per resource is valid at any moment; its
//! validity ends at [`Lock::deadline`](LockMachine::deadline) on the holder's own clock. Release and extension never touch another holder's
//! key, under any fault. Source: [*Distributed Locks with Redis*][redlock].
//!
//! [redlock]: https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
//!
//! # The parts
//!
//! ```text
//!                 seed, now              Request ─── what, for how long, how hard to try
//!                     │                     │
//!  verbs ──────────▶ ┌┴─────────────────────┴──────────────────────────────┐
//!  handle_reply ───▶ │ Lock                                                │ ──▶ poll_command
//!  handle_timeout ─▶ │   Attempt ─▶ Held ⇄ extending ─▶ Release            │ ──▶ poll_event
//!                    │      ▲  └─▶ waiting    └─▶ lost ──┘                 │ ──▶ poll_timeout
//!                    │      └──────┘                                       │
//!                    └──┬──────────────┬──────────────┬───────────┬────────┘
//!                     Round          Quorum         lease      Backoff
//!                 votes per node,  three-valued   validity    full jitter
//!                 one deadline       verdict     and drift
//! ```
//!
//! Above it stands [`Locks`]: many locks over the same nodes, with connections, batches, and who waits for whom. Inside of a
//! handle that is first in, first out; between handles the home of a resource keeps a queue, which is only ever a hint:
//!
//! ```text
//!   waiter ── SUBSCRIBE redlock:wake:<waiter> ──────▶ home    once a connection: over it, or over one of its own
//!   waiter ◀──────────────────────────── subscribed ─ home
//!   waiter ── in turn, please (EVALSHA) ────────────▶ home    held: you are number 2, for 9.8 s
//!   holder ── release (EVALSHA) ────────────────────▶ home    deletes the key, takes the first from the queue, PUBLISH
//!   waiter ◀─────────────────────── redlock:wake:<waiter>     it is your turn, for 25 ms and two round trips
//!   waiter ── in turn to the home, SET to the others ▶ all    one round trip, and the lock is held
//! ```
//!
//! A lock of several resources waits in the queue of one that is held. When it is called up, it asks the home alone: if another
//! of them is held there, the lock goes to the queue of that other one. If the name of that one comes later, the lock keeps its
//! turn for twice as long as it has waited, but for no longer than its TTL; otherwise the home calls up the next one. As all
//! handles have the names in one order, nobody waits for a turn in a circle.
//!
//! # The driving rule
//!
//! **After every verb and every `handle_*` of a [`Lock`]: poll all commands and send each to all of its nodes, in
//! order; poll all events; then arm a timer for [`Lock::poll_timeout`](LockMachine::poll_timeout). Drop the machine when it
//! [is settled](LockMachine::is_settled), not before.**
//!
//! A driver must keep the order of the commands to each node, also across a reconnect, must send none twice, and must
//! answer each with one reply per node, [`Cause::NoAnswer`] excepted: silence is what deadlines are for.
//!
//! A complete loop, over three [model nodes][`model::Node`] that answer at once:
//!
//! ```
//! use core::time::Duration;
//! use redlock_core::{Config, Event, Instant, Lock, Options, Request, model};
//!
//! fn drive(lock: &mut Lock, nodes: &mut [model::Node], now: Instant) -> Option<Event> {
//!     while let Some(command) = lock.poll_command() {
//!         for node in command.nodes.iter() {
//!             let reply = nodes[node.index()].execute(&command, now);
//!             lock.handle_reply(command.id, node, reply, now);
//!         }
//!     }
//!     lock.poll_event()
//! }
//!
//! let config = Config::builder(["one", "two", "three"]).build()?;
//! let mut nodes = vec![model::Node::new(); 3];
//! let clock = |millis| Instant::from_epoch(Duration::from_millis(millis));
//!
//! let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new())?;
//! let seed = [7; 32]; // in earnest: from the operating system, freshly for every lock
//! let mut lock = Lock::acquire(&config, request.clone(), seed, clock(0));
//! assert!(matches!(drive(&mut lock, &mut nodes, clock(1)), Some(Event::Acquired { .. })));
//! assert!(lock.hand_over(clock(1)));
//! assert_eq!(lock.deadline(), Some(clock(10_000 - 100 - 2)));
//!
//! // Somebody else is refused, and waits.
//! let mut other = Lock::acquire(&config, request, [8; 32], clock(2));
//! assert_eq!(drive(&mut other, &mut nodes, clock(3)), None);
//!
//! lock.release(clock(5));
//! assert!(matches!(drive(&mut lock, &mut nodes, clock(6)), Some(Event::Released(_))));
//! assert!(lock.is_settled());
//!
//! // The other one's timer fires, and it is its turn.
//! let retry_at = other.poll_timeout().expect("it waits for its next attempt");
//! other.handle_timeout(retry_at);
//! assert!(matches!(drive(&mut other, &mut nodes, retry_at), Some(Event::Acquired { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For many locks over real servers, `examples/custom_driver` is a complete driver over plain sockets, with [`Locks`] and
//! [`resp`]: what an adapter for a runtime of your own is made of. For a runtime that is async, `redlock-driver` has it all
//! but the sockets, the timer and how to start a task.
//!
//! # Redis, or something else
//!
//! [`Command::wire`] gives the words of a command for a Redis server and [`Reply::from_wire`] reads its answer, so that
//! every transport speaks exactly the same protocol and only carries bytes. Scripts go by their digest first and by
//! their text after `NOSCRIPT`; the machine decides that. A transport to something that is not Redis interprets
//! [`Action`] instead.
//!
//! # Features
//!
//! - `model`: [`model::Node`], what a Redis master answers to these commands.
//! - `system`: [`system`][`crate::system`], the clock and the random source of the operating system, for adapters. Needs
//!   `std`.
//! - `url`: with `system`, the URLs of servers.
//! - `metrics`, `tracing`: with `system`, observers for the crates of these names, for adapters. No machine uses them.
//! - `redis`: with `system`, commands to a store that refuses late holders, for adapters over the crate of this name.
//! - `net`: with `system`, the options of TCP sockets.
//! - `tls`: with `system`, TLS by rustls.
//! - `serde`: a [`DetachedLock`], an [`Owner`] and a [`Fence`](fence::Fence) can be written and read, a [`Health`](health::Health)
//!   report written.
//! - `proptest`: [`strategy`], random configs, requests, replies and steps; shows how to property-test your own code
//!   without Redis. Needs `std`.
//!
#![cfg_attr(not(feature = "model"), doc = "[`model::Node`]: #features")]
#![cfg_attr(not(feature = "system"), doc = "[`crate::system`]: #features")]
#![cfg_attr(not(feature = "proptest"), doc = "[`strategy`]: #features")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(test, feature = "system"))]
#[cfg_attr(test, macro_use)]
extern crate std;

mod backoff;
mod command;
mod config;
mod detached;
mod digest;
mod event;
mod extension;
mod facts;
pub mod fence;
pub mod health;
mod heard;
mod human_duration;
mod inspection;
mod instant;
mod keep_alive;
mod key_report;
mod lease;
mod lock;
mod lock_status;
mod locks;
#[cfg(feature = "model")]
#[cfg_attr(docsrs, doc(cfg(feature = "model")))]
pub mod model;
mod node;
pub mod observed;
#[doc = include_str!("operating.md")]
pub mod operating {}
mod output;
mod owner;
mod printable;
mod probe;
mod quorum;
mod rare_list;
mod reply;
mod report;
mod request;
mod resource;
pub mod resp;
mod round;
#[cfg(feature = "system")]
#[cfg_attr(docsrs, doc(cfg(feature = "system")))]
pub mod shell;
pub mod slots;
mod span;
mod spare;
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub mod strategy;
#[cfg(feature = "system")]
#[cfg_attr(docsrs, doc(cfg(feature = "system")))]
pub mod system;
mod token;
mod trust;
mod votes;
mod waiter;
mod wire;

pub use command::{Action, Command, CommandId, Grace, ScriptForm};
pub use config::{
    Config, ConfigBuilder, ConfigError, DEFAULT_DRIFT_FACTOR, DEFAULT_FENCE_RETENTION, DEFAULT_MAX_NAME_LEN,
    DEFAULT_MAX_TTL, DEFAULT_PING_INTERVAL, DEFAULT_SILENCE_TIMEOUT, MAX_TTL_BOUND, MIN_FENCE_RETENTION, MIN_TTL,
    NodeTimeout,
};
pub use detached::DetachedLock;
pub use digest::ValueDigest;
pub use event::{Event, OperationId};
pub use facts::Facts;
pub use heard::{Heard, Hearing};
pub use human_duration::HumanDuration;
pub use instant::Instant;
pub use keep_alive::KeepAlive;
pub use key_report::{KeyReport, KeyState};
pub use lease::DRIFT_MARGIN;
pub use lock::{Lock, LockMachine};
pub use lock_status::{Holder, KeyStatus, LockState, LockStatus, NodeStatus};
pub use locks::{HandedOver, InspectionKey, LockKey, Locks};
pub use node::{MAX_NODES, NodeId, NodeSet};
pub use owner::{Owner, OwnerError};
pub use probe::Probe;
pub use reply::{Cause, Hold, Reply, Unavailable};
pub use report::{
    AcquireError, Attempts, CloseReport, ExtendError, Loss, NodeOutcomes, Outcome, ReleaseReport, ReleaseVerdict,
};
pub use request::{DEFAULT_WAIT, MAX_NAMES, MIN_RETRY_DELAY, Options, Request, RequestError, RetryDelay, Ttl};
pub use resource::{Resource, Resources};
pub use token::Token;
pub use trust::{RestartGuard, Rule};
pub use waiter::WaiterId;
pub use wire::{Answer, CALL_UP_CHANNEL_PREFIX, Dialect, Wire};
