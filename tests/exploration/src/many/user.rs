use redlock_core::{Instant, LockKey, OperationId, Token};

/// One who wants a lock, and what an observer has noted about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct User {
    pub(super) stage: Stage,
    pub(super) key: Option<LockKey>,
    /// The key was named as one to look at.
    pub(super) is_woken: bool,
    /// The token of its only attempt, once a node was sent it.
    pub(super) token: Option<Token>,
    /// When it was handed a lock that may be held for a time only.
    pub(super) held_since: Option<Instant>,
    /// When its release began.
    pub(super) released_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    #[default]
    Idle,
    Acquiring,
    Holding,
    Extending(OperationId),
    Releasing,
    /// Nobody asks for the lock any more.
    Over,
}
