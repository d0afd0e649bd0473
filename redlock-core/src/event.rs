use crate::{AcquireError, ExtendError, Instant, Loss, ReleaseReport};

/// An event of a [`Lock`](crate::Lock).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The lock is held and valid until the deadline. Hand it over with [`Lock::hand_over`](crate::Lock::hand_over).
    Acquired {
        /// The end of its validity.
        deadline: Instant,
    },
    /// The lock was not acquired, and no further attempt will be made.
    AcquireFailed(AcquireError),
    /// The lock is valid until the deadline, which is not before the old one.
    Extended {
        /// The end of its validity.
        deadline: Instant,
    },
    /// The lock was not extended.
    ExtendFailed(ExtendError),
    /// The lock that was held is lost, for ever.
    Lost(Loss),
    /// The verdict of a release is fixed.
    Released(ReleaseReport),
}

/// News about a resource that a driver may have heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hint {
    /// Its holder released it: who waits may try now.
    Released,
}
