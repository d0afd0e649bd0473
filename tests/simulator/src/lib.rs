//! Deterministic simulation of the real `redlock-core`: one seed decides a whole world of clients, nodes, clocks,
//! connections and faults, and a referee who sees everything checks it after every step.
//!
//! ```
//! use core::time::Duration;
//! use redlock_simulator::{Campaign, Replay};
//!
//! let campaign = Campaign { first_seed: 1, seeds: 500, mode: None, duration: Duration::from_secs(60), threads: 2 };
//! let figures = campaign.run(|figures| println!("{} seeds", figures.seeds()));
//! assert!(figures.failures.is_empty());
//! assert!(figures.total.grants > 0);
//!
//! println!("{}", Replay::of(7).history);
//! ```
//!
//! # The parts
//!
//! ```text
//!  seed ──▶ Scenario ── jobs, faults, clocks, network: all that is decided ahead of time
//!              │
//!              ▼
//!            World ◀── Agenda: what happens, by time
//!              ├── clients   drive one real `redlock_core::Locks` each, as a driver must
//!              ├── jobs      use one lock of their client each, of one name or several, as a user does
//!              ├── network   connections, first in first out; cut, stalled, silent, resent
//!              ├── servers   `redlock_core::model::Node`s on clocks of their own
//!              ├── store     lets holders of fenced locks in, or refuses them
//!              ├── faults    begin and end
//!              └── referee   Ledger per lock, keys of all nodes, everybody's clocks ──▶ Violation
//!                                                                                 └──▶ History, picture
//! ```
//!
//! [`Agenda`], [`Clock`] and [`Dice`] serve any simulated world, that of the driver too. [`Campaign`] runs many seeds,
//! [`Replay`] tells one, and shrinks it when it violates an [`Invariant`].
//!
//! # What it believes
//!
//! The machine is the real one, with its queues, its reconnects and its answers in the place of nodes, and so is the
//! driving rule. The rest is a model: nodes are the core's [`model::Node`](redlock_core::model::Node), which is held
//! against a real server by a test of its own; the driver, its tasks and its connections are simulated elsewhere
//! (`redlock-driver/tests/simulation`). A connection keeps the order of commands, unless it is cut: then what is under
//! way is lost, or carried out later and out of order.

#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "nobody outside of this workspace builds on it"
)]
#![allow(clippy::arithmetic_side_effects, reason = "a world that overflows is a finding: it panics in tests")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod agenda;
mod campaign;
mod clock;
mod dice;
mod event;
mod fault;
mod history;
mod invariant;
mod ledger;
mod link;
mod names;
mod picture;
mod replay;
mod scenario;
mod server;
mod subscriptions;
mod summary;
mod world;

pub use agenda::Agenda;
pub use campaign::{Campaign, Failure, Figures, hunt};
pub use clock::{Clock, MICROSECOND, MILLISECOND, SECOND, Time, nanos};
pub use dice::Dice;
pub use fault::{FaultCounts, FaultKind};
pub use history::History;
pub use invariant::{Invariant, Violation};
pub use picture::picture;
pub use replay::Replay;
pub use scenario::Mode;
pub use summary::Summary;
