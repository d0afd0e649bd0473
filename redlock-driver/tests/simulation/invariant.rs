//! What must be true, and what was not.

use redlock_simulator::{MILLISECOND, Time};

use std::fmt;

/// What must be true at any time in any world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// I1: at most one guard of a resource is valid.
    MutualExclusion,
    /// I2: while a guard is valid, a quorum of nodes has its token.
    Quorum,
    /// I3: a guard is valid when it is handed over.
    HandOver,
    /// I5: a deadline does not move back, and a lock is lost at its deadline.
    Deadline,
    /// I8: no command changes a key that has another token.
    ForeignKey,
    /// I9: nothing but releases is sent after a release.
    NothingAfterRelease,
    /// I11: a release follows on every node that may have granted, and works.
    NothingLeft,
    /// I12: everything is sent once and in time, and the driver forgets what is over.
    Books,
    /// Q4: those of one process who want the same are served in the order in which they came.
    Order,
    /// Q2: when nothing goes wrong any more, whoever waits is called up, and whoever gives up leaves the queue.
    Turn,
    /// Who waits is woken, and gets a result in the time that was promised.
    Progress,
    /// A result fits what has happened.
    Result,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MutualExclusion => "I1, mutual exclusion",
            Self::Quorum => "I2, a quorum has the token",
            Self::HandOver => "I3, valid when handed over",
            Self::Deadline => "I5, the deadline",
            Self::ForeignKey => "I8, no key of others is changed",
            Self::NothingAfterRelease => "I9, nothing after a release",
            Self::NothingLeft => "I11, nothing is left",
            Self::Books => "I12, the books balance",
            Self::Order => "Q4, first in, first out",
            Self::Turn => "Q2, everybody has their turn",
            Self::Progress => "progress",
            Self::Result => "the result fits",
        })
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) at: Time,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {} ms): {}", self.invariant, self.at / MILLISECOND, self.what)
    }
}
