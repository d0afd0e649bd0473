use std::fmt::Display;

use redlock_core::system::without_secrets;
use redlock_core::{Attempts, ConfigError, RequestError};

use crate::{NoEntropy, NoRuntime};

/// Why a lock was not acquired. Nothing is left behind in any case: what was or may have been acquired is released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// Enough nodes can be reached, but somebody else holds the lock.
    #[error("the lock is held by somebody else ({0})")]
    Contended(Attempts),
    /// Too many nodes cannot be reached or refuse to work: nobody can acquire a lock now.
    #[error("too few nodes are available ({0})")]
    Unavailable(Attempts),
    /// A quorum agreed, but so late that too little validity was left.
    #[error("a quorum agreed too late for the validity asked for: take a longer TTL ({0})")]
    Expired(Attempts),
    /// The call was refused before anything was sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No token could be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The runtime that the handle ran on has ended, and the caller runs on none on which it could go on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
    /// [`Redlock::close`](crate::Redlock::close) was called.
    #[error("the lock was not acquired: this Redlock handle was closed")]
    Closed,
}

impl From<redlock_core::AcquireError> for AcquireError {
    fn from(error: redlock_core::AcquireError) -> Self {
        match error {
            redlock_core::AcquireError::Contended(attempts) => Self::Contended(attempts),
            redlock_core::AcquireError::Unavailable(attempts) => Self::Unavailable(attempts),
            redlock_core::AcquireError::Expired(attempts) => Self::Expired(attempts),
            // `Closed`; there is no other.
            _ => Self::Closed,
        }
    }
}

/// Why there is no [`Redlock`](crate::Redlock) handle.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting breaks a rule.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node cannot be made from what was given.
    #[error("the node {node} is not usable: {reason}")]
    #[non_exhaustive]
    Node {
        /// What was given, without its secrets.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no async runtime to run on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
}

impl BuildError {
    /// [`BuildError::Node`] for a node that cannot be made from what was given, for adapters. Neither the node's name nor
    /// the reason must contain a secret.
    #[must_use]
    pub fn unusable_node(node: impl Into<String>, reason: impl Display) -> Self {
        Self::Node { node: node.into(), reason: reason.to_string() }
    }

    /// [`BuildError::Node`] for a text that was meant as a URL, for adapters that take URLs. Whatever in it may be a
    /// password is left out; `reason` must not contain one.
    #[must_use]
    pub fn unusable_url(url: &str, reason: impl Display) -> Self {
        Self::Node { node: without_secrets(url), reason: reason.to_string() }
    }
}
