//! The history of a handle, for instruments: what has happened to its locks and nodes, in order.
//!
//! [`Locks`](crate::Locks) collects it once [`observe`](crate::Locks::observe) has switched that on, and
//! [`poll_observed`](crate::Locks::poll_observed) gives it. Nothing is decided by it.
//!
//! # The order
//!
//! Each lock that was requested comes to exactly one of [`Acquired`](LockEvent::Acquired),
//! [`NotAcquired`](LockEvent::NotAcquired) and [`GivenUp`](LockEvent::GivenUp). One that was acquired comes to exactly one of
//! [`Lost`](LockEvent::Lost), [`ReleaseBegun`](LockEvent::ReleaseBegun) and [`Detached`](LockEvent::Detached). The last of
//! every lock is [`Settled`](LockEvent::Settled).
//!
//! ```text
//!   Requested ─┬─▶ Acquired ── Extended, NotExtended ... ─┬─▶ Lost, ReleaseBegun ── Released ─┬─▶ Settled
//!              │                                          └─▶ Detached ───────────────────────┤
//!              └─▶ NotAcquired, GivenUp ──────────────────────────────────────────────────────┘
//! ```
//!
//! No token and no password is in it. Names of locks are, also inside of errors and reports.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use crate::fence::Fences;
use crate::{
    AcquireError, Action, ExtendError, Facts, Instant, LockKey, Loss, NodeId, Outcome, ReleaseReport, Reply, Resources,
    Unavailable,
};

/// One thing that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Observed {
    /// Something happened to a lock.
    Lock {
        /// The moment.
        at: Instant,
        /// The lock. No two locks of one handle have the same key; those of two handles may have.
        lock: LockKey,
        /// The event.
        event: LockEvent,
    },
    /// Something happened to a node.
    Node {
        /// The moment.
        at: Instant,
        /// The node.
        node: NodeId,
        /// Its name.
        name: Arc<str>,
        /// The event.
        event: NodeEvent,
    },
    /// Events are missing here, because too many were not polled.
    Missed {
        /// The number of them.
        count: u64,
    },
}

/// An event in the life of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockEvent {
    /// Somebody asked for it.
    Requested {
        /// What is to be locked.
        resources: Resources,
        /// The TTL.
        ttl: Duration,
        /// For at least how long nobody else gets the lock once it was acquired.
        min_hold: Duration,
    },
    /// It was acquired and handed over.
    Acquired {
        /// The end of its validity.
        deadline: Instant,
        /// The number of attempts.
        attempts: u32,
        /// The time since it was requested.
        waited: Duration,
        /// Its fences, in the order of the resources, if it is fenced.
        fences: Option<Fences>,
    },
    /// It was not acquired.
    NotAcquired {
        /// The reason.
        error: AcquireError,
        /// The time since it was requested.
        waited: Duration,
    },
    /// Whoever asked for it did not want it any more.
    GivenUp {
        /// The time since it was requested.
        waited: Duration,
    },
    /// It was extended.
    Extended {
        /// The end of its validity.
        deadline: Instant,
        /// What was left of its validity in that moment, without the extension.
        left: Duration,
        /// It is kept alive; else its holder has extended it.
        by_keep_alive: bool,
        /// It is kept alive, and less was left than half of what would have been left if the extension had begun in time and
        /// had been confirmed at once. With a TTL of 10 seconds and the default interval that is less than 3.3 seconds.
        is_late: bool,
    },
    /// It was not extended.
    NotExtended {
        /// The reason.
        error: ExtendError,
        /// It is kept alive; else its holder has tried to extend it.
        by_keep_alive: bool,
    },
    /// It was lost, and its release has begun.
    Lost {
        /// The way in which it was lost.
        loss: Loss,
        /// The time for which it was held.
        held_for: Duration,
    },
    /// Its holder gave it back.
    ReleaseBegun {
        /// The time for which it was held.
        held_for: Duration,
    },
    /// Its holder left it to its keys, for somebody to adopt it or for its TTL to end it.
    Detached {
        /// The time for which it was held.
        held_for: Duration,
    },
    /// The verdict of the release is fixed. A lock that was lost and that nobody gives back has none.
    Released {
        /// The answers of the nodes.
        report: ReleaseReport,
        /// The time since the release began.
        took: Duration,
    },
    /// Nothing is left to do for it, and nobody can ask for it any more.
    Settled,
}

/// An event of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeEvent {
    /// A connection to it was opened.
    Connected {
        /// What its server has said about itself.
        facts: Box<Facts>,
    },
    /// The connection broke or was given up, or the first try to connect has failed. Further tries that fail are not
    /// reported.
    Disconnected {
        /// The reason.
        why: Unavailable,
    },
    /// It was connected to and has no vote; or it has lost its vote: to another node that was connected to and is the same
    /// server, or because it was a replica and has become a master.
    WithoutVote {
        /// When it has one again, if no lock with a longer TTL is taken meanwhile; `None` for a server that is not to be used.
        until: Option<Instant>,
        /// The reason.
        why: Unavailable,
    },
    /// It has answered a command of a lock, or was answered for because it cannot be reached. That it wants to be sent the
    /// text of a script is no answer.
    Answered {
        /// The lock, which may be settled.
        lock: LockKey,
        /// What the node was asked to do.
        verb: Verb,
        /// What it said.
        outcome: Outcome,
    },
}

/// What a command of a lock asks a node to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Set the keys, also where they were lost.
    Acquire,
    /// Raise the counters of a fenced lock.
    Raise,
    /// Let the keys live for longer.
    Extend,
    /// Delete the keys.
    Release,
    /// Anything else.
    Other,
}

impl Verb {
    pub(crate) const fn of(action: &Action) -> Self {
        match action {
            Action::Acquire { .. } | Action::AcquireInTurn { .. } => Self::Acquire,
            Action::Raise { .. } => Self::Raise,
            Action::Extend { .. } => Self::Extend,
            Action::Release { .. } => Self::Release,
            Action::Leave { .. } | Action::Inspect { .. } | Action::ReadClock => Self::Other,
        }
    }
}

/// Returns what a reply comes to; `None` if the node is asked again.
pub(crate) fn outcome_of(reply: &Reply) -> Option<Outcome> {
    match reply {
        Reply::UnknownScript => None,
        Reply::CalledUp => Some(Outcome::Done),
        Reply::NotOurs => Some(Outcome::Missing),
        reply => Some(Outcome::of(reply.clone())),
    }
}
