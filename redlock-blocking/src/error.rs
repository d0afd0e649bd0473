use redlock_core::system::NoEntropy;
use redlock_core::{Attempts, ConfigError, RequestError};

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
    /// [`AbortHandle::abort`](crate::AbortHandle::abort) was called.
    #[error("the lock was not acquired: the acquisition was aborted")]
    Aborted,
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
    /// The operating system has nothing by which connections can be waited for.
    #[error("the operating system cannot wait for several connections: {reason}")]
    Waiting {
        /// What it said.
        reason: String,
    },
}
