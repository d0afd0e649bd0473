use alloc::string::{String, ToString};
use core::fmt::{self, Display};

use crate::system::{NoEntropy, without_secrets};
use crate::{Attempts, ConfigError, RequestError};

/// The reason for which a lock was not acquired. Nothing is left behind in any case: what was or may have been acquired is released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// Enough nodes can be reached, but somebody else holds the lock.
    #[error("the lock is held by {holder} ({0})", holder = .0.holder())]
    Contended(Attempts),
    /// Too many nodes cannot be reached or refuse to work: nobody can acquire a lock now. It comes at once, whatever the wait budget,
    /// when too many refuse for reasons [that waiting cannot cure](crate::Cause::is_permanent), such as a wrong password.
    #[error("too few nodes are available ({0})")]
    Unavailable(Attempts),
    /// A quorum agreed, but so late that too little validity was left.
    #[error("a quorum agreed too late for the validity asked for: take a longer TTL ({0})")]
    Expired(Attempts),
    /// The lock that was to be adopted is over: too few nodes have its keys still.
    #[error("the lock that was to be adopted is over ({0})")]
    Gone(Attempts),
    /// The call was refused before anything was sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No token could be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Async only: the runtime that the handle ran on has ended, and the caller runs on none on which it could go on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
    /// Blocking only: another thread aborted the acquisition.
    #[error("the lock was not acquired: the acquisition was aborted")]
    Aborted,
    /// The handle was closed.
    #[error("the lock was not acquired: this Redlock handle was closed")]
    Closed,
}

impl From<crate::AcquireError> for AcquireError {
    fn from(error: crate::AcquireError) -> Self {
        match error {
            crate::AcquireError::Contended(attempts) => Self::Contended(attempts),
            crate::AcquireError::Unavailable(attempts) => Self::Unavailable(attempts),
            crate::AcquireError::Expired(attempts) => Self::Expired(attempts),
            crate::AcquireError::Gone(attempts) => Self::Gone(attempts),
            crate::AcquireError::Closed => Self::Closed,
        }
    }
}

/// The reason for which a handle was not built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting breaks a rule.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node cannot be made from what was given.
    #[error("the node {node}{place} is not usable: {reason}", place = Place(*number))]
    #[non_exhaustive]
    Node {
        /// What was given, without its secrets.
        node: String,
        /// Its place among several that the builder was given, from one; `None` if there is only one.
        number: Option<usize>,
        /// What is wrong with it.
        reason: String,
    },
    /// Async only: there is no async runtime to run on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
    /// Blocking only: the operating system gives no thread, or nothing by which connections can be waited for. Mostly a limit of
    /// the process or its user is reached (`ulimit -u`, `ulimit -n`).
    #[error("the operating system does not give what a handle needs: {reason}")]
    #[non_exhaustive]
    System {
        /// What it said.
        reason: String,
    },
}

impl BuildError {
    /// Creates a [`BuildError::Node`] for a node that cannot be made from what was given, for adapters. Neither the node's name nor
    /// the reason must contain a secret.
    #[must_use]
    pub fn unusable_node(node: impl Into<String>, reason: impl Display) -> Self {
        Self::Node { node: node.into(), number: None, reason: reason.to_string() }
    }

    /// Creates a [`BuildError::Node`] for a text that was meant as a URL, for adapters that take URLs. Whatever in it may be a
    /// password is left out; `reason` must not contain one.
    #[must_use]
    pub fn unusable_url(url: &str, reason: impl Display) -> Self {
        Self::Node { node: without_secrets(url), number: None, reason: reason.to_string() }
    }

    /// Says of the node which of several it is, from one.
    pub(super) fn numbered(mut self, place: usize) -> Self {
        if let Self::Node { number, .. } = &mut self {
            *number = Some(place);
        }
        self
    }

    /// Creates a [`BuildError::System`], for adapters.
    #[must_use]
    pub fn system(reason: impl Display) -> Self {
        Self::System { reason: reason.to_string() }
    }
}

/// Which of several it is, in words.
struct Place(Option<usize>);

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |number| write!(f, " (number {number} of those given)"))
    }
}

/// The caller does not run inside an async runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no running {runtime} runtime here: call this from inside one, or hand one in")]
#[non_exhaustive]
pub struct NoRuntime {
    /// The name of the runtime that was looked for.
    pub runtime: &'static str,
}

impl NoRuntime {
    /// The runtime of a handle has ended.
    pub const ENDED: Self = Self::new("async");

    /// Creates the error for a runtime of this name.
    #[must_use]
    pub const fn new(runtime: &'static str) -> Self {
        Self { runtime }
    }
}
